"""A picture of several episodes, for looking at."""

import numpy as np
from PIL import Image, ImageDraw

from .commands import choose_command, instruct, possible_commands
from .episode import draw, run_episode
from .renderer import FrameRenderer
from .scene import sample_scene
from .variant import Variant
from .world import build_model

COLUMNS = 8
CAPTION = 14


def contact_sheet(
    seeds: range, width: int, height: int, fps: float, variant: Variant
) -> Image.Image:
    """One row per seed: its instruction above frames spread evenly over the episode."""
    rows = len(seeds)
    sheet = Image.new("RGB", (COLUMNS * width, rows * (height + CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, seed in enumerate(seeds):
        top = row * (height + CAPTION)
        scene = sample_scene(seed, variant)
        commands = possible_commands(scene)
        if not commands:
            pen.text((3, top + 1), f"{seed}: no possible command", fill="black")
            continue
        command = choose_command(scene, commands)
        model = build_model(scene)
        episode = run_episode(scene, command, variant, fps, model)
        text = f"{seed}: {instruct(seed, command, variant).text}"
        if episode.failure:
            text += f"  [dropped: {episode.failure}]"
        pen.text((3, top + 1), text, fill="black")
        if not episode.states:
            continue
        picks = [round(i) for i in np.linspace(0, len(episode.states) - 1, COLUMNS)]
        with FrameRenderer(model, width, height) as renderer:
            for column, frame in enumerate(draw(episode, renderer, picks)):
                sheet.paste(Image.fromarray(frame), (column * width, top + CAPTION))
    return sheet
