"""The whole denoiser: DQFormer and adapted UNet, preconditioned."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn

from .adapted_unet import run_unet
from .preconditioning import precondition


@dataclass(frozen=True)
class Condition:
    """What the clip is conditioned on: latents of the given frames, embeddings of texts and first frame."""

    frame_latents: Tensor  # [B,F,4,H,W], zeros (or repeats) after the given frames
    instruction_embeds: Tensor  # [B,L,T]
    state_embeds: Tensor  # [B,S*L,T]
    visual_embeds: Tensor  # [B,V,W]
    added_time_ids: Tensor  # [B,3]
    data_mean: Tensor | None = None
    """[B,F,4,H,W]: what the preconditioning takes as the latents' mean (`data_mean: "frame"`); None: zero."""

    def without_text(self, null_instruction: Tensor, null_states: Tensor) -> "Condition":
        """The branch `frame` of Eq. 8: the frame, empty texts."""
        return replace(self, instruction_embeds=null_instruction, state_embeds=null_states)

    def without_frame(self) -> "Condition":
        """Zero frame latents and zero visual embeddings; the mean stays."""
        return replace(
            self,
            frame_latents=torch.zeros_like(self.frame_latents),
            visual_embeds=torch.zeros_like(self.visual_embeds),
        )

    @staticmethod
    def batch(conditions: "list[Condition]") -> "Condition":
        """The conditions one after another along the batch."""
        first = conditions[0]
        names = [field.name for field in fields(Condition) if getattr(first, field.name) is not None]
        return Condition(**{name: torch.cat([getattr(c, name) for c in conditions]) for name in names})


class Denoiser(nn.Module):
    """D(x, sigma | condition)."""

    def __init__(self, unet: nn.Module, dqformer: nn.Module) -> None:
        super().__init__()
        self.unet = unet
        self.dqformer = dqformer

    def tokens(self, condition: Condition) -> Tensor:
        """MCondition [B,F,N,D]; the same at every step."""
        return self.dqformer(condition.instruction_embeds, condition.visual_embeds, condition.state_embeds)

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition, tokens: Tensor | None = None) -> Tensor:
        """x [B,F,4,H,W], sigma [B] -> denoised [B,F,4,H,W]."""
        p = precondition(sigma)
        mean = torch.zeros_like(x) if condition.data_mean is None else condition.data_mean
        x = x - mean
        sample = torch.cat([p.c_in * x, condition.frame_latents], dim=2)  # [B,F,8,H,W]
        tokens = self.tokens(condition) if tokens is None else tokens
        v = run_unet(self.unet, sample, p.c_noise, tokens, condition.added_time_ids)
        return mean + p.c_skip * x + p.c_out * v


def repeat_first_frame(latents: Tensor) -> Tensor:
    """[B,F,4,H,W] -> the first frame's latents at every frame: the mean of a clip with one given frame."""
    return latents[:, :1].expand_as(latents)
