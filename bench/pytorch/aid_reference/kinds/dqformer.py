"""The condition: `dqformer`."""

from torch import nn

from ..case_folder import Case, Tensors
from ..config import Config
from ..dqformer import DQFormer
from ..draw import Draw
from .kind import Kind


def draw_embeds(config: Config, shapes: Config, draw: Draw) -> Tensors:
    """instruction [B,L,T], the S states' tokens side by side [B,S*L,T], visual [B,V,W]."""
    batch, tokens = shapes.get("batch", 2), config["instruction_tokens"]
    return {
        "instruction_embeds": draw.normal(batch, tokens, config["text_dim"]),
        "state_embeds": draw.normal(batch, config["num_states"] * tokens, config["text_dim"]),
        "visual_embeds": draw.normal(batch, shapes.get("visual_tokens", 9), config["vision_dim"]),
    }


def _outputs(model: nn.Module, _case: Case, io: Tensors) -> Tensors:
    return {"mcondition": model(io["instruction_embeds"], io["visual_embeds"], io["state_embeds"])}


DQFORMER = Kind(
    note="AID sec. 3.3, Eqs. 1-4",
    build=lambda case: DQFormer(case.config),
    inputs=lambda case, shapes, draw: draw_embeds(case.config, shapes, draw),
    outputs=_outputs,
)
