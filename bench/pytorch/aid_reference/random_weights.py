"""Random weights under which activations stay O(1) and nothing is zero, so that every layer shows in the output."""

import torch
from torch import Tensor, nn

from .draw import Draw
from .inception import FrozenBatchNorm


def random_weights(network: nn.Module, draw: Draw) -> dict[str, Tensor]:
    """Linear and convolution N(0, 1/fan_in); biases and norms' deviations N(0, 0.1^2); mix factors N(0, 1).

    F16, as files store them. The network may be on the meta device.
    """
    module_of = dict(network.named_modules())
    weights: dict[str, Tensor] = {}
    for name, parameter in sorted(network.named_parameters()):
        path, _, leaf = name.rpartition(".")
        weights[name] = _values(module_of[path], leaf, parameter, draw).to(torch.float16)
    return weights


def _values(module: nn.Module, leaf: str, parameter: Tensor, draw: Draw) -> Tensor:
    shape = tuple(parameter.shape)
    if leaf == "weight" and isinstance(module, nn.GroupNorm | nn.LayerNorm):
        return 1 + draw.normal(*shape, std=0.1)
    if isinstance(module, FrozenBatchNorm) and leaf in ("weight", "running_var"):
        # ReLU loses half of what comes: the next layer gets as much as this one only when it grows.
        return draw.uniform(*shape, low=0.5, high=1.5) * (1.4 if leaf == "weight" else 1)
    if leaf == "mix_factor":
        return draw.normal(*shape)
    if leaf in ("class_embedding", "queries") or isinstance(module, nn.Embedding):
        return draw.normal(*shape, std=0.5)
    std = 0.1 if parameter.ndim == 1 else parameter[0].numel() ** -0.5
    return draw.normal(*shape, std=std)
