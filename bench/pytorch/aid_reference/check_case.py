"""Runs a golden case and measures how far its outputs are from those on disk."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .case_folder import Case, Tensors, read_case
from .kinds import KINDS

TOLERANCE = 1e-6
# Two F32 runs of the same arithmetic (another machine, another number of threads) differ by as much. The goldens
# themselves are 9e-7 (UNet) and 6e-6 (gradients) from float64. Distances start from F32 features.
TOLERANCES = {"vae": 5e-6, "unet-svd": 1e-5, "unet-aid": 1e-5, "training": 1e-4, "video-distance": 1e-4, "i3d": 1e-5}


@dataclass(frozen=True)
class Difference:
    """`error`: largest absolute difference / largest absolute value expected."""

    case: str
    tensor: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # false for nan


def relative_error(actual: Tensor, expected: Tensor) -> float:
    if actual.shape != expected.shape:
        return float("inf")
    scale = expected.abs().max().item()
    error = (actual - expected).abs().max().item()
    return error / scale if scale else error


def load_network(case: Case) -> nn.Module:
    """The case's network with its weights; every missing, unexpected or misshapen key is an error."""
    network = KINDS[case.kind].build(case)
    if case.weights:
        network.load_state_dict(case.weights)
    return network


def run_case(case: Case) -> Tensors:
    """Everything that the case's network makes of its inputs."""
    with torch.no_grad():
        return KINDS[case.kind].outputs(load_network(case), case, case.io)


def check_case(folder: Path, tolerance: float | None = None) -> list[Difference]:
    """One difference per expected tensor. An output on one side only counts as infinitely far."""
    case = read_case(folder)
    outputs = run_case(case)
    inputs = set(case.io) - set(outputs)
    expected: Tensors = {k: v for k, v in case.io.items() if k in outputs or k.startswith("grad.")}
    if case.kind == "video-distance":  # from the F32 features
        expected = {k: torch.tensor(case.config[k], dtype=torch.float64) for k in outputs}
    elif not inputs:
        raise ValueError(f"{folder}: no inputs")
    tolerance = TOLERANCES.get(case.kind, TOLERANCE) if tolerance is None else tolerance
    infinite = torch.tensor(float("inf"))
    return [
        Difference(
            folder.name, name, relative_error(outputs.get(name, infinite), expected.get(name, infinite)), tolerance
        )
        for name in sorted(expected.keys() | outputs.keys())
    ]
