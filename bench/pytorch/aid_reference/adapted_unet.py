"""diffusers' image-to-video UNet, with AID's adapters beside `attn1` and condition tokens for each frame."""

from typing import Any

from diffusers import UNetSpatioTemporalConditionModel
from torch import Tensor, nn

from .adapters import LongTermAdapter, ShortTermAdapter, SpatialAdapter
from .config import Config, arguments_of
from .norm_groups import norm_groups

ADAPTERS = ("spatial", "short_term", "long_term")


def build_unet(config: Config) -> UNetSpatioTemporalConditionModel:
    """The bare UNet of `config` in diffusers' own keys, or with adapters if it has `adapter_reduction`.

    `adapters` (a list of `ADAPTERS`, all by default) leaves some out, as the paper's ablations do.
    """
    with norm_groups(config):
        unet = UNetSpatioTemporalConditionModel(**arguments_of(UNetSpatioTemporalConditionModel.__init__, config))
    if "adapter_reduction" in config:
        attach_adapters(
            unet, config["adapter_reduction"], config["adapter_heads"], tuple(config.get("adapters", ADAPTERS))
        )
    return unet.eval()


def attach_adapters(unet: nn.Module, reduction: int, heads: int, adapters: tuple[str, ...] = ADAPTERS) -> None:
    """Adds the adapters to every transformer block: h + attn1(n) + sum of adapter(n), n = norm1(h)."""
    for path, block in list(unet.named_modules()):
        kind = path.split(".")[-2] if path.count(".") else ""
        dim = block.norm1.normalized_shape[0] if kind.endswith("transformer_blocks") else 0
        if kind == "transformer_blocks":
            if "spatial" in adapters:
                block.spatial_adapter = SpatialAdapter(dim, reduction)
        elif kind == "temporal_transformer_blocks":
            if "short_term" in adapters:
                block.short_term_adapter = ShortTermAdapter(dim, reduction)
            if "long_term" in adapters:
                block.long_term_adapter = LongTermAdapter(dim, reduction, heads)
        else:
            continue
        own = [child for name, child in block.named_children() if name.endswith("_adapter")]
        block.attn1.register_forward_hook(_adding(own))


def _adding(adapters: list[nn.Module]) -> Any:
    def hook(_attn: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for adapter in adapters:
            output = output + adapter(arguments[0])
        return output

    return hook


class FrameTokens:
    """Condition tokens [B,F,N,D] in the place of diffusers' [B,N,D].

    diffusers repeats its one set of tokens for every frame, `tokens.repeat_interleave(F, dim=0)`, and
    everything after that takes [B*F,N,D]: spatial `attn2` a set for each frame, temporal `attn2` the first
    frame's. So the whole change is to answer that one call with tokens that differ between frames.
    """

    def __init__(self, tokens: Tensor) -> None:
        self.tokens = tokens
        self.shape = tokens[:, 0].shape

    def repeat_interleave(self, repeats: int, dim: int = 0, output_size: int | None = None) -> Tensor:
        batch, frames = self.tokens.shape[:2]
        if dim != 0 or repeats != frames or output_size not in (None, batch * frames):
            raise ValueError(f"condition tokens: {frames} frames, but the sample has {repeats}")
        return self.tokens.flatten(0, 1)  # [B*F,N,D]


def run_unet(
    unet: UNetSpatioTemporalConditionModel, sample: Tensor, timestep: Tensor, tokens: Tensor, added_time_ids: Tensor
) -> Tensor:
    """sample [B,F,8,H,W], timestep [B] (c_noise), tokens [B,N,D] or per frame [B,F,N,D] -> [B,F,4,H,W]."""
    states: Any = FrameTokens(tokens) if tokens.ndim == 4 else tokens
    return unet(sample, timestep, states, added_time_ids, return_dict=False)[0]
