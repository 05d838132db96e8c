"""Multi-head attention and feed-forward of the parts that AID adds."""

from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """q, k, v without bias, output with; scaled by 1/sqrt(d_head). Context defaults to x (self-attention)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"attention: width {dim} is not a multiple of {heads} heads")
        self.heads = heads
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x [B,N,D], context [B,M,D] -> [B,N,D]."""
        context = x if context is None else context
        q, k, v = self._split(self.to_q(x)), self._split(self.to_k(context)), self._split(self.to_v(context))
        out = functional.scaled_dot_product_attention(q, k, v)  # [B,heads,N,D/heads]
        return self.to_out[0](out.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B,heads,N,D/heads]


class FeedForward(nn.Module):
    """D -> 4D, exact GELU, 4D -> D."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj_in = nn.Linear(dim, 4 * dim)
        self.proj_out = nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj_out(functional.gelu(self.proj_in(x)))
