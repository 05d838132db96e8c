"""DQFormer, the paper's section 3.3, Eqs. 1-4: instruction, first frame and states become MCondition."""

import torch
from torch import Tensor, nn

from .attention import Attention, FeedForward
from .config import Config


class InstructionLayer(nn.Module):
    """x += self_attn(norm1 x); x += visual_attn(norm2 x, v); x += ff(norm3 x)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.self_attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2, self.visual_attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm3, self.ff = nn.LayerNorm(dim), FeedForward(dim)

    def forward(self, x: Tensor, visual: Tensor) -> Tensor:
        """x [B,L,D], visual [B,V,D] -> [B,L,D]."""
        x = x + self.self_attn(self.norm1(x))
        x = x + self.visual_attn(self.norm2(x), visual)
        return x + self.ff(self.norm3(x))


class FrameLayer(nn.Module):
    """q += self_attn(norm1 q); q += instruction_attn(norm2 q, t); q += state_attn(norm3 q, s); q += ff(norm4 q).

    Without states (an ablation of the paper) the layer has no `state_attn` and no `norm3`.
    """

    def __init__(self, dim: int, heads: int, states: bool) -> None:
        super().__init__()
        self.norm1, self.self_attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2, self.instruction_attn = nn.LayerNorm(dim), Attention(dim, heads)
        if states:
            self.norm3, self.state_attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm4, self.ff = nn.LayerNorm(dim), FeedForward(dim)
        self.states = states

    def forward(self, q: Tensor, text: Tensor, states: Tensor) -> Tensor:
        """q [B,F*Q,D], text [B,L,D], states [B,S*L,D] -> [B,F*Q,D]."""
        q = q + self.self_attn(self.norm1(q))
        q = q + self.instruction_attn(self.norm2(q), text)
        if self.states:
            q = q + self.state_attn(self.norm3(q), states)
        return q + self.ff(self.norm4(q))


class DQFormer(nn.Module):
    """Instruction, visual and state embeddings -> MCondition [B,F,L+Q,D] = ME for every frame, then DE.

    The config's switches are the paper's ablations. `output`: `mcondition`, `multimodal` (ME only, "w/o DE"),
    `decomposed` (DE only, "w/o ME") or `text` (the projected instruction alone, "w/o MCondition").
    `states` false: DE does not look at the states.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, heads, layers = config["dim"], config["heads"], config.get("num_layers", 1)
        self.output: str = config.get("output", "mcondition")
        self.num_frames: int = config["num_frames"]
        self.text_proj = nn.Linear(config["text_dim"], dim)
        if self.output in ("mcondition", "multimodal"):
            self.visual_proj = nn.Linear(config["vision_dim"], dim)
            self.instruction_branch = nn.ModuleList(InstructionLayer(dim, heads) for _ in range(layers))
        if self.output in ("mcondition", "decomposed"):
            states: bool = config.get("states", True)
            self.queries = nn.Parameter(torch.randn(self.num_frames * config["num_queries"], dim) * dim**-0.5)
            self.frame_branch = nn.ModuleList(FrameLayer(dim, heads, states) for _ in range(layers))

    def forward(self, instruction: Tensor, visual: Tensor, states: Tensor) -> Tensor:
        """instruction [B,L,T], visual [B,V,W], states [B,S*L,T] -> [B,F,N,D]; N = L+Q unless ablated."""
        text = self.text_proj(instruction)  # [B,L,D]
        parts: list[Tensor] = []
        if self.output == "text":
            parts.append(self._every_frame(text))
        if self.output in ("mcondition", "multimodal"):
            parts.append(self._every_frame(self.multimodal(text, visual)))
        if self.output in ("mcondition", "decomposed"):
            parts.append(self.decomposed(text, self.text_proj(states)))
        return torch.cat(parts, dim=2)

    def multimodal(self, text: Tensor, visual: Tensor) -> Tensor:
        """ME: the instruction that has looked at the frame. text [B,L,D] -> [B,L,D]."""
        x, v = text, self.visual_proj(visual)
        for layer in self.instruction_branch:
            x = layer(x, v)
        return x

    def decomposed(self, text: Tensor, states: Tensor) -> Tensor:
        """DE: Q tokens for each frame, which attend to one another across the whole clip. -> [B,F,Q,D]."""
        q = self.queries.expand(text.shape[0], -1, -1)  # [B,F*Q,D]
        for layer in self.frame_branch:
            q = layer(q, text, states)
        return q.unflatten(1, (self.num_frames, -1))

    def _every_frame(self, x: Tensor) -> Tensor:
        return x[:, None].expand(-1, self.num_frames, -1, -1)  # [B,F,L,D]
