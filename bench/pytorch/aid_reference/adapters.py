"""The three adapters of the paper's section 3.4, Eqs. 5-7. Up layers start at zero."""

from torch import Tensor, nn
from torch.nn import functional

from .attention import Attention


class Adapter(nn.Module):
    """down (width / reduction), the adapter's own mixing, exact GELU, up."""

    def __init__(self, dim: int, reduction: int) -> None:
        super().__init__()
        self.inner = dim // reduction
        self.down = nn.Linear(dim, self.inner)
        self.up = nn.Linear(self.inner, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def mix(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        """x [N,tokens,C] -> [N,tokens,C]."""
        return self.up(functional.gelu(self.mix(self.down(x))))


class SpatialAdapter(Adapter):
    """Eq. 5, in spatial blocks: up(gelu(down n))."""


class ShortTermAdapter(Adapter):
    """Eq. 6, in temporal blocks: up(gelu(conv(down n))), depth-wise over 3 neighbouring frames, zero-padded."""

    def __init__(self, dim: int, reduction: int) -> None:
        super().__init__(dim, reduction)
        self.conv = nn.Conv1d(self.inner, self.inner, kernel_size=3, padding=1, groups=self.inner)

    def mix(self, x: Tensor) -> Tensor:
        return self.conv(x.transpose(1, 2)).transpose(1, 2)  # over frames: x [B*H*W,F,r]


class LongTermAdapter(Adapter):
    """Eq. 7, in temporal blocks: up(gelu(self_attn(down n))) over the F frames."""

    def __init__(self, dim: int, reduction: int, heads: int) -> None:
        super().__init__(dim, reduction)
        self.attn = Attention(self.inner, heads)

    def mix(self, x: Tensor) -> Tensor:
        return self.attn(x)
