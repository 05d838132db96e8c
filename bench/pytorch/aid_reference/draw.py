"""Seeded random tensors."""

import torch
from torch import Tensor


class Draw:
    """One generator, drawn from in order: the same seed and calls give the same tensors."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, std: float = 1.0) -> Tensor:
        return torch.randn(shape, generator=self._generator) * std

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(shape, generator=self._generator) * (high - low) + low

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """low <= n < high."""
        return torch.randint(low, high, shape, generator=self._generator)

    def time_ids(self, batch: int) -> Tensor:
        """[B,3]: fps - 1, motion bucket, noise augmentation."""
        fps, bucket = self.integers(2, 30, batch).float(), self.integers(1, 256, batch).float()
        return torch.stack([fps, bucket, self.uniform(batch, high=0.2)], dim=1)
