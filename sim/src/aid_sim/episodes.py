"""Training data: one bag for the command of every seed, and a manifest."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__
from .bag import encode_bag, write_atomically
from .batch import run_batch
from .commands import choose_command, instruct, possible_commands
from .episode import draw, run_episode
from .journal import Journal
from .renderer import FrameRenderer
from .scene import sample_scene
from .variant import Variant
from .world import build_model


@dataclass(frozen=True)
class Recording:
    """How episodes are recorded: picture size in pixels, frames per second, what to sample from."""

    out: Path
    width: int
    height: int
    fps: float
    variant: Variant

    def settings(self) -> dict[str, Any]:
        """What a recording's bytes depend on."""
        return {
            "version": __version__,
            "variant": self.variant.name,
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
        }


def bag_name(seed: int) -> str:
    """File name of a seed's episode."""
    return f"episode-{seed:08d}.mcap"


def record_episode(recording: Recording, seed: int) -> dict[str, Any]:
    """Makes a seed's bag.

    Returns {seed, family, instruction, frames, bag} or {seed, family, dropped: reason}.
    """
    variant = recording.variant
    scene = sample_scene(seed, variant)
    commands = possible_commands(scene)
    if not commands:
        return {"seed": seed, "family": None, "dropped": "no-possible-command"}
    command = choose_command(scene, commands)
    instruction = instruct(seed, command, variant)
    model = build_model(scene)
    episode = run_episode(scene, command, variant, recording.fps, model)
    if episode.failure:
        return {"seed": seed, "family": command.family, "dropped": episode.failure}
    with FrameRenderer(model, recording.width, recording.height) as renderer:
        frames = draw(episode, renderer)
    indices = list(range(len(frames)))
    content = encode_bag(episode, frames, indices, instruction, variant.name, recording.fps)
    write_atomically(recording.out / bag_name(seed), content)
    return {
        "seed": seed,
        "family": command.family,
        "instruction": instruction.text,
        "frames": len(frames),
        "bag": bag_name(seed),
    }


def record_episodes(
    recording: Recording, seeds: range, workers: int, resume: bool
) -> dict[str, Any]:
    """Makes the bags of all seeds and `manifest.json`. Returns the manifest."""
    journal = Journal(recording.out, recording.settings(), resume)
    for leftover in recording.out.glob(".*.tmp"):
        leftover.unlink()
    done = {
        seed
        for seed, result in journal.results.items()
        if "dropped" in result or (recording.out / result["bag"]).exists()
    }
    todo = [seed for seed in seeds if seed not in done]
    try:
        for result in run_batch(partial(record_episode, recording), todo, workers, "episode"):
            journal.add(result)
    finally:
        for leftover in recording.out.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        manifest = _manifest(recording, journal)
        content = json.dumps(manifest, indent=1).encode()
        write_atomically(recording.out / "manifest.json", content)
    return manifest


def _manifest(recording: Recording, journal: Journal) -> dict[str, Any]:
    results = [journal.results[seed] for seed in sorted(journal.results)]
    kept = [result for result in results if "dropped" not in result]
    dropped = [result for result in results if "dropped" in result]
    by_family: dict[str, dict[str, int]] = {}
    for result in results:
        counts = by_family.setdefault(result["family"] or "none", {"kept": 0, "dropped": 0})
        counts["dropped" if "dropped" in result else "kept"] += 1
    return {
        "generator": "aid-sim",
        **recording.settings(),
        "kept": len(kept),
        "dropped": len(dropped),
        "droppedByReason": dict(sorted(Counter(r["dropped"] for r in dropped).items())),
        "byFamily": dict(sorted(by_family.items())),
        "droppedSeeds": {str(result["seed"]): result["dropped"] for result in dropped},
        "episodes": kept,
    }
