"""Random inputs in a model's shapes: what matters is their size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from aid_reference.config import Config
from aid_reference.denoiser import Condition
from aid_reference.draw import Draw
from aid_reference.model_folder import ModelConfigs

DEFAULT_STATES = 4


@dataclass(frozen=True)
class LatentShape:
    """[B,F,C,H,W]."""

    batch: int
    frames: int
    channels: int
    height: int
    width: int

    @property
    def dims(self) -> tuple[int, int, int, int, int]:
        return self.batch, self.frames, self.channels, self.height, self.width


def latent_shape(configs: ModelConfigs, batch: int, height: int | None, width: int | None) -> LatentShape:
    """The UNet's own latent size where none is asked for. Frames are DQFormer's: its queries fix them."""
    size = configs.unet.get("sample_size") or 32
    square = (size, size) if isinstance(size, int) else size
    frames = configs.dqformer["num_frames"]
    return LatentShape(batch, frames, configs.unet["out_channels"], height or square[0], width or square[1])


def vision_tokens(image_encoder: Config) -> int:
    return (image_encoder["image_size"] // image_encoder["patch_size"]) ** 2 + 1


def num_states(configs: ModelConfigs) -> int:
    return int(configs.dqformer.get("num_states", DEFAULT_STATES))


def draw_condition(configs: ModelConfigs, shape: LatentShape, draw: Draw) -> Condition:
    """The first frame given, texts at the text tower's full length."""
    dqformer, length = configs.dqformer, configs.text_encoder["max_position_embeddings"]
    frame_latents = draw.normal(*shape.dims)
    frame_latents[:, 1:] = 0
    visual = (shape.batch, vision_tokens(configs.image_encoder), dqformer["vision_dim"])
    return Condition(
        frame_latents=frame_latents,
        instruction_embeds=draw.normal(shape.batch, length, dqformer["text_dim"]),
        state_embeds=draw.normal(shape.batch, num_states(configs) * length, dqformer["text_dim"]),
        visual_embeds=draw.normal(*visual),
        added_time_ids=torch.tensor([[6.0, 127.0, 0.02]]).expand(shape.batch, -1),
    )


def draw_text_ids(text_encoder: Config, texts: int, draw: Draw) -> Tensor:
    """input_ids [texts,L]: random words closed by eos."""
    ids = draw.integers(0, text_encoder["vocab_size"], texts, text_encoder["max_position_embeddings"])
    ids[:, -1] = text_encoder.get("eos_token_id", 49407)
    return ids
