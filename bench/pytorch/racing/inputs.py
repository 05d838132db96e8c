"""Random inputs in a model's shapes: what matters is their size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from aid_reference.config import Config
from aid_reference.denoiser import Condition
from aid_reference.draw import Draw
from aid_reference.model_folder import ModelConfigs
from aid_reference.vae import pixels_per_latent

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
    """The model's own video where no size is asked for. Frames are DQFormer's: its queries fix them."""
    factor, video = pixels_per_latent(configs.vae), configs.aid["video"]
    frames = configs.dqformer["num_frames"]
    own = video["height"] // factor, video["width"] // factor
    return LatentShape(batch, frames, configs.unet["out_channels"], height or own[0], width or own[1])


def vision_tokens(image_encoder: Config) -> int:
    return (image_encoder["image_size"] // image_encoder["patch_size"]) ** 2 + 1


def num_states(configs: ModelConfigs) -> int:
    return int(configs.aid.get("num_states", DEFAULT_STATES))


def time_ids(configs: ModelConfigs) -> Tensor:
    """[1,3]: fps - 1, motion bucket, noise augmentation."""
    video = configs.aid["video"]
    rate, bucket = video.get("frames_per_second", 7), video.get("motion_bucket_id", 127)
    return torch.tensor([[rate - 1, bucket, video.get("noise_augmentation", 0)]], dtype=torch.float32)


def draw_condition(configs: ModelConfigs, shape: LatentShape, draw: Draw) -> Condition:
    """The first frame given."""
    dqformer, length = configs.dqformer, text_length(configs)
    frame_latents = draw.normal(*shape.dims)
    frame_latents[:, 1:] = frame_latents[:, :1] if configs.aid.get("fill") == "repeat" else 0
    visual = (shape.batch, vision_tokens(configs.image_encoder), dqformer["vision_dim"])
    return Condition(
        frame_latents=frame_latents,
        instruction_embeds=draw.normal(shape.batch, length, dqformer["text_dim"]),
        state_embeds=draw.normal(shape.batch, num_states(configs) * length, dqformer["text_dim"]),
        visual_embeds=draw.normal(*visual),
        added_time_ids=time_ids(configs).expand(shape.batch, -1),
    )


def text_length(configs: ModelConfigs) -> int:
    return int(configs.aid.get("text_length", configs.text_encoder["max_position_embeddings"]))


def draw_text_ids(configs: ModelConfigs, texts: int, draw: Draw) -> Tensor:
    """input_ids [texts,L]: random words closed by eos."""
    ids = draw.integers(0, configs.text_encoder["vocab_size"], texts, text_length(configs))
    ids[:, -1] = configs.text_encoder.get("eos_token_id", 49407)
    return ids
