"""transformers' CLIP towers under the published checkpoints' key names."""

from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from .config import Config

_NOT_CLIP = ("kind", "note", "uses")


def _own(config: Config) -> Config:
    return {key: value for key, value in config.items() if key not in _NOT_CLIP}


class ClipText(nn.Module):
    """`text_model.*`: input_ids [B,L] -> last_hidden_state [B,L,T], pooler_output [B,T]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.text_model = CLIPTextModel(CLIPTextConfig(**_own(config))).eval()

    def forward(self, input_ids: Tensor) -> dict[str, Tensor]:
        out = self.text_model(input_ids=input_ids)
        return {"last_hidden_state": out.last_hidden_state, "pooler_output": out.pooler_output}


def build_clip_vision(config: Config) -> CLIPVisionModelWithProjection:
    """`vision_model.*`, `visual_projection.weight`: pixels [B,3,H,W] -> last_hidden_state, image_embeds."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**_own(config))).eval()
