"""CLIP's towers: `clip-text`, `clip-vision`."""

import torch
from torch import nn

from ..case_folder import Case, Tensors
from ..clip import ClipText, build_clip_vision
from ..config import Config
from ..draw import Draw
from .kind import Kind


def _text_inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    """input_ids [B,L]: bos, words, eos, then padding; the last text fills the whole length."""
    config = case.config
    batch, length = shapes.get("batch", 3), shapes.get("tokens", config["max_position_embeddings"])
    bos, eos, pad = config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]
    if eos == 2:  # a legacy config: the real end token is the vocabulary's last
        eos = config["vocab_size"] - 1
    ids = torch.full((batch, length), pad)
    for row in range(batch):
        words = length - 2 if row == batch - 1 else int(draw.integers(1, length - 2, 1))
        ids[row, 0] = bos
        ids[row, 1 : words + 1] = draw.integers(3, min(bos, eos) if bos > 2 else eos, words)
        ids[row, words + 1] = eos
    return {"input_ids": ids}


def _text_outputs(model: nn.Module, _case: Case, io: Tensors) -> Tensors:
    return model(io["input_ids"])


def _vision_inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    size = case.config["image_size"]
    return {"pixel_values": draw.normal(shapes.get("batch", 2), case.config["num_channels"], size, size)}


def _vision_outputs(model: nn.Module, _case: Case, io: Tensors) -> Tensors:
    out = model(pixel_values=io["pixel_values"])
    return {"last_hidden_state": out.last_hidden_state, "image_embeds": out.image_embeds}


CLIP_TEXT = Kind(
    note="transformers CLIPTextModel; causal mask; pooled at the first eos (eos_token_id 2: at the largest id)",
    build=lambda case: ClipText(case.config),
    inputs=_text_inputs,
    outputs=_text_outputs,
)
CLIP_VISION = Kind(
    note="transformers CLIPVisionModelWithProjection; last_hidden_state is before post_layernorm",
    build=lambda case: build_clip_vision(case.config),
    inputs=_vision_inputs,
    outputs=_vision_outputs,
)
