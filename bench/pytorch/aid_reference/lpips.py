"""LPIPS (arXiv 1801.03924), version 0.1 on AlexNet, by torchvision's and the published weights' names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .inception import wide

# Place in torchvision's `features`, channels, kernel, stride, padding, pooling before it.
LAYERS = [(0, 64, 11, 4, 2, False), (3, 192, 5, 1, 2, True), (6, 384, 3, 1, 1, True), (8, 256, 3, 1, 1, False)]
LAYERS += [(10, 256, 3, 1, 1, False)]


class ChannelWeights(nn.Conv2d):
    """What each channel's difference counts; never negative."""


class Linear(nn.Module):
    """`model.1`: in the package a dropout stands before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"1": ChannelWeights(channels, 1, 1, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        return self.model["1"](x)


class Lpips(nn.Module):
    def __init__(self, width: float = 1) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        inputs = 3
        for index, (place, channels, kernel, stride, padding, _) in enumerate(LAYERS):
            outputs = wide(channels, width)
            self.features[str(place)] = nn.Conv2d(inputs, outputs, kernel, stride, padding)
            setattr(self, f"lin{index}", Linear(outputs))
            inputs = outputs

    def layers(self, pixels: Tensor) -> list[Tensor]:
        x = (pixels - torch.tensor([-0.030, -0.088, -0.188], dtype=pixels.dtype).view(3, 1, 1)) / torch.tensor(
            [0.458, 0.448, 0.450], dtype=pixels.dtype
        ).view(3, 1, 1)
        found = []
        for place, *_, pooled in LAYERS:
            x = F.relu(self.features[str(place)](F.max_pool2d(x, 3, 2) if pooled else x))
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N]."""
        pairs = zip(self.layers(a), self.layers(b), strict=True)
        return sum(getattr(self, f"lin{i}")((x - y).square()).mean((1, 2, 3)) for i, (x, y) in enumerate(pairs))
