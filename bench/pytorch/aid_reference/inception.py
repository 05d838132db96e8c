"""The networks that features of videos and pictures come from, in PyTorch, by the names of their public ports.

I3D (arXiv 1705.07750) with TensorFlow's "same" padding; Inception v3 as TensorFlow's graph of 2015 has it. `width`
scales every channel, so that a case can be small. `eps` is the batch norms': the ports of I3D have PyTorch's 1e-5, that
of Inception v3 TensorFlow's 1e-3.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def wide(channels: int, width: float) -> int:
    return max(1, int(channels * width + 0.5))


class FrozenBatchNorm(nn.Module):
    """Batch norm in evaluation; its statistics are parameters here, so that they can be drawn."""

    eps: float
    """Set by the network that it is part of."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_parameter(name, nn.Parameter(torch.ones(channels)))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def set_epsilon(network: nn.Module, eps: float) -> None:
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm):
            module.eps = eps


def same_padding(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    pads: list[int] = []
    for size, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class Unit3d(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, plain: bool = False) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=plain)
        self.bn = nn.Identity() if plain else FrozenBatchNorm(outputs)
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv3d(same_padding(x, self.conv3d.kernel_size, self.conv3d.stride))
        return x if self.plain else F.relu(self.bn(x))


def max_pool3d(x: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    return F.max_pool3d(same_padding(x, kernel, stride), kernel, stride)


class Mixed3d(nn.Module):
    def __init__(self, inputs: int, outputs: list[int]) -> None:
        super().__init__()
        self.b0 = Unit3d(inputs, outputs[0])
        self.b1a, self.b1b = Unit3d(inputs, outputs[1]), Unit3d(outputs[1], outputs[2], 3)
        self.b2a, self.b2b = Unit3d(inputs, outputs[3]), Unit3d(outputs[3], outputs[4], 3)
        self.b3b = Unit3d(inputs, outputs[5])

    def forward(self, x: Tensor) -> Tensor:
        pooled = max_pool3d(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], 1)


class I3d(nn.Module):
    MIXED: ClassVar[dict[str, list[int]]] = {
        "3b": [64, 96, 128, 16, 32, 32],
        "3c": [128, 128, 192, 32, 96, 64],
        "4b": [192, 96, 208, 16, 48, 64],
        "4c": [160, 112, 224, 24, 64, 64],
        "4d": [128, 128, 256, 24, 64, 64],
        "4e": [112, 144, 288, 32, 64, 64],
        "4f": [256, 160, 320, 32, 128, 128],
        "5b": [256, 160, 320, 32, 128, 128],
        "5c": [384, 192, 384, 48, 128, 128],
    }

    def __init__(self, num_classes: int = 400, width: float = 1, eps: float = 1e-5) -> None:
        super().__init__()
        inputs = wide(64, width)
        self.Conv3d_1a_7x7 = Unit3d(3, inputs, 7, 2)
        self.Conv3d_2b_1x1 = Unit3d(inputs, inputs)
        self.Conv3d_2c_3x3 = Unit3d(inputs, wide(192, width), 3)
        inputs = wide(192, width)
        for name, channels in self.MIXED.items():
            outputs = [wide(c, width) for c in channels]
            setattr(self, f"Mixed_{name}", Mixed3d(inputs, outputs))
            inputs = outputs[0] + outputs[2] + outputs[4] + outputs[5]
        self.logits = Unit3d(inputs, num_classes, plain=True)
        set_epsilon(self, eps)

    def forward(self, pixels: Tensor) -> Tensor:
        """[N,3,F,224,224] in [-1,1] -> [N,num_classes]."""
        x = max_pool3d(self.Conv3d_1a_7x7(pixels), (1, 3, 3), (1, 2, 2))
        x = max_pool3d(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        x = max_pool3d(self.Mixed_3c(self.Mixed_3b(x)), (3, 3, 3), (2, 2, 2))
        for name in ("4b", "4c", "4d", "4e", "4f"):
            x = getattr(self, f"Mixed_{name}")(x)
        x = self.Mixed_5c(self.Mixed_5b(max_pool3d(x, (2, 2, 2), (2, 2, 2))))
        x = F.avg_pool3d(x, (2, *x.shape[3:]), stride=1)
        return self.logits(x).flatten(2).mean(2)


class Unit2d(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel=1, stride: int = 1, padding=0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = FrozenBatchNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class InceptionA(nn.Module):
    def __init__(self, inputs: int, pool: int, w) -> None:
        super().__init__()
        self.branch1x1 = Unit2d(inputs, w(64))
        self.branch5x5_1, self.branch5x5_2 = Unit2d(inputs, w(48)), Unit2d(w(48), w(64), 5, padding=2)
        self.branch3x3dbl_1 = Unit2d(inputs, w(64))
        self.branch3x3dbl_2 = Unit2d(w(64), w(96), 3, padding=1)
        self.branch3x3dbl_3 = Unit2d(w(96), w(96), 3, padding=1)
        self.branch_pool = Unit2d(inputs, w(pool))
        self.outputs = 2 * w(64) + w(96) + w(pool)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat(
            [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(average(x))], 1
        )


class InceptionB(nn.Module):
    def __init__(self, inputs: int, w) -> None:
        super().__init__()
        self.branch3x3 = Unit2d(inputs, w(384), 3, 2)
        self.branch3x3dbl_1 = Unit2d(inputs, w(64))
        self.branch3x3dbl_2 = Unit2d(w(64), w(96), 3, padding=1)
        self.branch3x3dbl_3 = Unit2d(w(96), w(96), 3, 2)
        self.outputs = w(384) + w(96) + inputs

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    def __init__(self, inputs: int, inner: int, w) -> None:
        super().__init__()
        c, across, down = w(inner), {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Unit2d(inputs, w(192))
        self.branch7x7_1, self.branch7x7_2 = Unit2d(inputs, c), Unit2d(c, c, **across)
        self.branch7x7_3 = Unit2d(c, w(192), **down)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = Unit2d(inputs, c), Unit2d(c, c, **down)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = Unit2d(c, c, **across), Unit2d(c, c, **down)
        self.branch7x7dbl_5 = Unit2d(c, w(192), **across)
        self.branch_pool = Unit2d(inputs, w(192))
        self.outputs = 4 * w(192)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average(x))], 1)


class InceptionD(nn.Module):
    def __init__(self, inputs: int, w) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Unit2d(inputs, w(192)), Unit2d(w(192), w(320), 3, 2)
        self.branch7x7x3_1 = Unit2d(inputs, w(192))
        self.branch7x7x3_2 = Unit2d(w(192), w(192), (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit2d(w(192), w(192), (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit2d(w(192), w(192), 3, 2)
        self.outputs = w(320) + w(192) + inputs

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    def __init__(self, inputs: int, w, largest: bool) -> None:
        super().__init__()
        flat, tall = {"kernel": (1, 3), "padding": (0, 1)}, {"kernel": (3, 1), "padding": (1, 0)}
        self.branch1x1 = Unit2d(inputs, w(320))
        self.branch3x3_1 = Unit2d(inputs, w(384))
        self.branch3x3_2a, self.branch3x3_2b = Unit2d(w(384), w(384), **flat), Unit2d(w(384), w(384), **tall)
        self.branch3x3dbl_1 = Unit2d(inputs, w(448))
        self.branch3x3dbl_2 = Unit2d(w(448), w(384), 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Unit2d(w(384), w(384), **flat), Unit2d(w(384), w(384), **tall)
        self.branch_pool = Unit2d(inputs, w(192))
        self.largest = largest
        self.outputs = w(320) + 4 * w(384) + w(192)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.largest else average(x)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return torch.cat([self.branch1x1(x), three, double, self.branch_pool(pooled)], 1)


class InceptionV3(nn.Module):
    def __init__(self, width: float = 1, eps: float = 1e-3) -> None:
        super().__init__()

        def w(channels: int) -> int:
            return wide(channels, width)

        self.Conv2d_1a_3x3 = Unit2d(3, w(32), 3, 2)
        self.Conv2d_2a_3x3 = Unit2d(w(32), w(32), 3)
        self.Conv2d_2b_3x3 = Unit2d(w(32), w(64), 3, padding=1)
        self.Conv2d_3b_1x1 = Unit2d(w(64), w(80))
        self.Conv2d_4a_3x3 = Unit2d(w(80), w(192), 3)
        inputs = w(192)
        blocks = [
            ("5b", lambda i: InceptionA(i, 32, w)),
            ("5c", lambda i: InceptionA(i, 64, w)),
            ("5d", lambda i: InceptionA(i, 64, w)),
            ("6a", lambda i: InceptionB(i, w)),
            ("6b", lambda i: InceptionC(i, 128, w)),
            ("6c", lambda i: InceptionC(i, 160, w)),
            ("6d", lambda i: InceptionC(i, 160, w)),
            ("6e", lambda i: InceptionC(i, 192, w)),
            ("7a", lambda i: InceptionD(i, w)),
            ("7b", lambda i: InceptionE(i, w, largest=False)),
            ("7c", lambda i: InceptionE(i, w, largest=True)),
        ]
        self.names = [f"Mixed_{name}" for name, _ in blocks]
        for name, build in blocks:
            block = build(inputs)
            setattr(self, f"Mixed_{name}", block)
            inputs = block.outputs
        set_epsilon(self, eps)

    def forward(self, pixels: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,2048 * width]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(pixels)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name in self.names:
            x = getattr(self, name)(x)
        return x.mean((2, 3))
