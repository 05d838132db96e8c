"""Random weights under which activations stay O(1) and nothing is zero, so that every layer shows in the output."""

import torch
from torch import Tensor, nn

from .draw import Draw
from .inception import FrozenBatchNorm
from .lpips import ChannelWeights


def random_weights(network: nn.Module, draw: Draw) -> dict[str, Tensor]:
    """Linear and convolution N(0, 1/fan_in); biases and norms' deviations N(0, 0.1^2); mix factors N(0, 1).

    F16, as files store them. The network may be on the meta device.
    """
    module_of = dict(network.named_modules())
    weights: dict[str, Tensor] = {}
    for name, parameter in sorted(network.named_parameters()):
        path, _, leaf = name.rpartition(".")
        values = _values(module_of[path], leaf, parameter, draw)
        if isinstance(module_of[path], FrozenBatchNorm) and leaf == "weight":
            values = values * weights[f"{path}.running_var"].float().sqrt()
        weights[name] = values.to(torch.float16)
    return weights


def _values(module: nn.Module, leaf: str, parameter: Tensor, draw: Draw) -> Tensor:
    shape = tuple(parameter.shape)
    if leaf == "weight" and isinstance(module, nn.GroupNorm | nn.LayerNorm):
        return 1 + draw.normal(*shape, std=0.1)
    if isinstance(module, FrozenBatchNorm) and leaf == "running_var":
        # From 0.01 to 1: small enough for the epsilon under the root to show.
        return 10 ** draw.uniform(*shape, low=-2.0, high=0.0)
    if isinstance(module, FrozenBatchNorm) and leaf == "weight":
        # ReLU loses half of what comes: the next layer gets as much as this one only when it grows.
        return 1.4 * draw.uniform(*shape, low=0.5, high=1.5)
    if isinstance(module, ChannelWeights):
        return draw.uniform(*shape)
    if leaf == "mix_factor":
        return draw.normal(*shape)
    if leaf in ("class_embedding", "queries") or isinstance(module, nn.Embedding):
        return draw.normal(*shape, std=0.5)
    std = 0.1 if parameter.ndim == 1 else parameter[0].numel() ** -0.5
    return draw.normal(*shape, std=std)
