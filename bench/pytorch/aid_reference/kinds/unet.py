"""The denoising network: `unet-svd`, `unet-aid`."""

from torch import nn

from ..adapted_unet import build_unet, run_unet
from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw
from .kind import Kind


def _inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    config = case.config
    batch, frames = shapes.get("batch", 2), config["num_frames"]
    height, width = shapes.get("height", 8), shapes.get("width", 12)
    tokens = config.get("condition_tokens", shapes.get("tokens", 1))
    per_frame = (frames,) if "condition_tokens" in config else ()
    dim = config["cross_attention_dim"]
    dim = dim if isinstance(dim, int) else dim[0]  # a list holds one width per level, all the same
    return {
        "sample": draw.normal(batch, frames, config["in_channels"], height, width),
        "timestep": draw.uniform(batch, low=-1.5, high=1.6),
        "encoder_hidden_states": draw.normal(batch, *per_frame, tokens, dim),
        "added_time_ids": draw.time_ids(batch),
    }


def _outputs(model: nn.Module, _case: Case, io: Tensors) -> Tensors:
    tokens, time_ids = io["encoder_hidden_states"], io["added_time_ids"]
    return {"output": run_unet(model, io["sample"], io["timestep"], tokens, time_ids)}


UNET_SVD = Kind(
    note="diffusers UNetSpatioTemporalConditionModel; timestep is c_noise, one per batch item",
    build=lambda case: build_unet(case.config),
    inputs=_inputs,
    outputs=_outputs,
)
UNET_AID = Kind(
    note="the same UNet with the three adapters (names: spatial_adapter, short_term_adapter, long_term_adapter "
    "on their transformer block) and one set of condition tokens per frame [B,F,N,D]; the temporal "
    "cross-attention sees the first frame's tokens, as diffusers does",
    build=lambda case: build_unet(case.config),
    inputs=_inputs,
    outputs=_outputs,
)
