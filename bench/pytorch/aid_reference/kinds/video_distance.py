"""Distances between two sets of video features: `video-distance`. Its two outputs stand in the config."""

import torch
from torch import Tensor, nn

from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw
from .kind import Kind


def frechet(a: Tensor, b: Tensor) -> Tensor:
    """|mu_a - mu_b|^2 + tr(Ca + Cb - 2 (Ca Cb)^(1/2)), unbiased covariances; a [N,d], b [M,d], float64."""
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    # tr (Ca Cb)^(1/2): the square roots of the eigenvalues of the symmetric Ca^(1/2) Cb Ca^(1/2).
    values, vectors = torch.linalg.eigh(ca)
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cb @ root).clamp(min=0).sqrt().sum()
    return (a.mean(0) - b.mean(0)).square().sum() + ca.trace() + cb.trace() - 2 * cross


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Unbiased MMD^2 under (x.y / d + 1)^3."""

    def k(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def mean_off_diagonal(m: Tensor) -> Tensor:
        return (m.sum() - m.trace()) / (m.shape[0] * (m.shape[0] - 1))

    return mean_off_diagonal(k(a, a)) + mean_off_diagonal(k(b, b)) - 2 * k(a, b).mean()


def _inputs(_case: Case, shapes: Config, draw: Draw) -> Tensors:
    dim = shapes.get("dim", 16)
    mixing = draw.normal(dim, dim)
    return {
        "features_a": draw.normal(shapes.get("a", 64), dim) @ mixing,
        "features_b": draw.normal(shapes.get("b", 48), dim) @ mixing * 0.8 + 1,
    }


def _outputs(_model: nn.Module, _case: Case, io: Tensors) -> Tensors:
    a, b = io["features_a"].double(), io["features_b"].double()
    return {"frechet": frechet(a, b), "kernel": kernel(a, b)}


VIDEO_DISTANCE = Kind(
    note="frechet: unbiased covariance; kernel: unbiased MMD^2, (x.y/d + 1)^3. Computed in float64",
    build=lambda _case: nn.Identity(),
    inputs=_inputs,
    outputs=_outputs,
)
