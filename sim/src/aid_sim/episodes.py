"""Training data: a bag for the command of every seed, or for several of them, and a manifest."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__
from .bag import encode_bag
from .batch import run_batch
from .commands import choose_command, instruct, is_told_by_shape, possible_commands
from .episode import draw, run_episode
from .journal import Job, Journal, job_of
from .renderer import FrameRenderer
from .scene import sample_scene
from .variant import Variant
from .whole_files import sweep, write_atomically
from .world import build_model

OWN_NAMES = r"episode-\d{8,}(?:-\d+)?\.mcap|manifest\.json"
"""Pattern of the names of all that a run makes."""


@dataclass(frozen=True)
class Recording:
    """How episodes are recorded: picture size in pixels, frames per second, what to sample from."""

    out: Path
    width: int
    height: int
    fps: float
    variant: Variant
    by_shape: bool = False
    """Whether only commands are recorded in which the shape has to tell an object."""

    def settings(self) -> dict[str, Any]:
        """What a recording's bytes depend on."""
        return {
            "version": __version__,
            "variant": self.variant.name,
            "variantDigest": self.variant.digest,
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            **({"byShape": True} if self.by_shape else {}),
        }


def bag_name(seed: int, take: int = 0) -> str:
    """File name of a seed's episode."""
    return f"episode-{seed:08d}{f'-{take}' if take else ''}.mcap"


def record_episode(recording: Recording, job: Job) -> dict[str, Any]:
    """Makes the bag of a seed's command.

    Returns {seed, family, instruction, frames, bag} or {seed, family, dropped: reason}, and `take`
    where it is not the seed's own command.
    """
    seed, take = job
    result = _record_take(recording, seed, take)
    return {**result, "take": take} if take else result


def _record_take(recording: Recording, seed: int, take: int) -> dict[str, Any]:
    variant = recording.variant
    scene = sample_scene(seed, variant)
    commands = possible_commands(scene)
    if recording.by_shape:
        commands = [command for command in commands if is_told_by_shape(scene, command)]
    if take >= len(commands):
        reason = "no-other-command" if take else "no-possible-command"
        return {"seed": seed, "family": None, "dropped": reason}
    command = choose_command(scene, commands, take)
    instruction = instruct(seed, command, variant)
    model = build_model(scene)
    episode = run_episode(scene, command, variant, recording.fps, model)
    if episode.failure:
        return {"seed": seed, "family": command.family, "dropped": episode.failure}
    with FrameRenderer(model, recording.width, recording.height) as renderer:
        frames = draw(episode, renderer)
    indices = list(range(len(frames)))
    content = encode_bag(episode, frames, indices, instruction, variant.name, recording.fps)
    write_atomically(recording.out / bag_name(seed, take), content)
    return {
        "seed": seed,
        "family": command.family,
        "instruction": instruction.text,
        "frames": len(frames),
        "bag": bag_name(seed, take),
    }


def record_episodes(
    recording: Recording, seeds: range, takes: int, workers: int, resume: bool
) -> dict[str, Any]:
    """Makes the bags of up to `takes` commands of all seeds and `manifest.json`, and returns that.

    Every seed's own command comes first.
    """
    journal = Journal(recording.out, recording.settings(), resume)
    sweep(recording.out, OWN_NAMES)
    done = {
        job
        for job, result in journal.results.items()
        if "dropped" in result or (recording.out / result["bag"]).exists()
    }
    jobs = [(seed, take) for take in range(takes) for seed in seeds]
    todo = [job for job in jobs if job not in done]
    try:
        for result in run_batch(partial(record_episode, recording), todo, workers, "episode"):
            journal.add(result)
    finally:
        sweep(recording.out, OWN_NAMES)
        manifest = _manifest(recording, journal)
        content = json.dumps(manifest, indent=1).encode()
        write_atomically(recording.out / "manifest.json", content)
    return manifest


def _job_name(result: dict[str, Any]) -> str:
    seed, take = job_of(result)
    return f"{seed}-{take}" if take else str(seed)


def _manifest(recording: Recording, journal: Journal) -> dict[str, Any]:
    results = [journal.results[job] for job in sorted(journal.results)]
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
        "droppedSeeds": {_job_name(result): result["dropped"] for result in dropped},
        "episodes": kept,
    }
