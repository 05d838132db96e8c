"""What a scene's camera sees before anything moves, and what could be commanded."""

from dataclasses import asdict
from typing import Any

from PIL import Image

from .commands import choose_command, instruct, possible_commands
from .episode import start_joints, start_state
from .errors import AidSimError
from .inverse_kinematics import InverseKinematics
from .renderer import FrameRenderer
from .scene import sample_scene
from .variant import Variant
from .world import build_model


def first_frame(
    seed: int, width: int, height: int, variant: Variant
) -> tuple[Image.Image, dict[str, Any]]:
    """The camera frame, and {seed, variant, width, height, commands}, without running physics."""
    scene = sample_scene(seed, variant)
    commands = possible_commands(scene)
    commanded = choose_command(scene, commands) if commands else None
    model = build_model(scene)
    joints = start_joints(scene, InverseKinematics(model))
    if joints is None:
        raise AidSimError(f"seed {seed}: the arm does not reach its start pose")
    with FrameRenderer(model, width, height) as renderer:
        picture = Image.fromarray(renderer.render(start_state(model, joints)))
    return picture, {
        "seed": seed,
        "variant": variant.name,
        "width": width,
        "height": height,
        "commands": [
            {
                **asdict(command),
                "instruction": instruct(seed, command, variant).text,
                "commanded": command == commanded,
            }
            for command in commands
        ],
    }
