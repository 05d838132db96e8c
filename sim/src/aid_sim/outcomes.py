"""Ground truth: every scene with the true outcome of each of its possible commands."""

import json
import os
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import Any

from .bag import encode_bag
from .batch import run_batch
from .commands import Command, choose_command, instruct, possible_commands
from .episode import Episode, draw, run_episode
from .episodes import Recording
from .journal import Journal
from .renderer import FrameRenderer
from .scene import sample_scene
from .whole_files import remove, sweep, temporary_of, write_atomically
from .world import build_model

WAYS = 5
"""So many ways of the seed's command are tried before another command stands in for it."""
OWN_NAMES = r"scene-\d{8,}|scenes\.json"
"""Pattern of the names of all that a run makes."""
HELD_OUT_FROM = 10_000
"""Seeds below this one are for training and never get a held-out wording."""


def scene_name(seed: int) -> str:
    """Directory name of a seed's scene."""
    return f"scene-{seed:08d}"


def record_outcomes(recording: Recording, ends_only: bool, seed: int) -> dict[str, Any]:
    """Makes the bags of a scene's commands.

    Args:
        recording: size, rate and variant.
        ends_only: draw only the first and last frame of commands that are not the seed's own.
        seed: of the scene.

    Where the expert fails at the seed's command, another way of it that succeeds stands in, and
    where all fail, another command: the first that succeeds of those that the seed would draw next.

    Returns:
        {seed, directory, commanded, again, commands, failedCommands}, with `standIn` where
        something stands in, or {seed, skipped}.
    """
    variant = recording.variant
    scene = sample_scene(seed, variant)
    commands = possible_commands(scene)
    if len(commands) < 2:
        return {"seed": seed, "skipped": "fewer-than-two-commands"}
    model = build_model(scene)

    def run(command: Command, way: int = 0) -> Episode:
        return run_episode(scene, command, variant, recording.fps, model, way)

    episodes = [run(command) for command in commands]
    commanded, way, stand_in = choose_command(scene, commands), 0, None
    own = commands.index(commanded)
    if episodes[own].failure:
        others = (run(commanded, other) for other in range(1, WAYS))
        succeeded = next((e for e in enumerate(others, 1) if not e[1].failure), None)
        if succeeded is not None:
            stand_in = "another-way"
            way, episodes[own] = succeeded
        else:
            stand_in = "another-command"
            drawn = (choose_command(scene, commands, take) for take in range(1, len(commands)))
            kept = [e.command for e in episodes if not e.failure]
            commanded = next((command for command in drawn if command in kept), None)
    failed = Counter(episode.failure for episode in episodes if episode.failure)
    episodes = [episode for episode in episodes if not episode.failure]
    if commanded is None:
        return {"seed": seed, "skipped": "commanded-failed"}
    if len(episodes) < 2:
        return {"seed": seed, "skipped": "fewer-than-two-commands"}

    again = run(commanded, way + 1)
    again_name = None if again.failure else "again.mcap"

    directory = recording.out / scene_name(seed)
    temporary = temporary_of(directory)
    remove(temporary)
    temporary.mkdir()
    entries = []
    try:
        with FrameRenderer(model, recording.width, recording.height) as renderer:
            for index, episode in enumerate(episodes):
                command = episode.command
                whole = not ends_only or command == commanded
                last = len(episode.states) - 1
                indices = list(range(last + 1)) if whole else [0, last]
                frames = draw(episode, renderer, indices)
                instruction = instruct(seed, command, variant)
                name = f"command-{index:02d}.mcap"
                content = encode_bag(
                    episode, frames, indices, instruction, variant.name, recording.fps
                )
                (temporary / name).write_bytes(content)
                held_out = (
                    instruct(seed, command, variant, held_out=True).text
                    if seed >= HELD_OUT_FROM
                    else None
                )
                entries.append(
                    {
                        "index": index,
                        **asdict(command),
                        "instruction": instruction.text,
                        "heldOutInstruction": held_out,
                        "bag": f"{scene_name(seed)}/{name}",
                        "frames": "all" if whole else "ends",
                    }
                )
            if again_name is not None:
                frames = draw(again, renderer)
                instruction = instruct(seed, commanded, variant)
                content = encode_bag(
                    again,
                    frames,
                    list(range(len(frames))),
                    instruction,
                    variant.name,
                    recording.fps,
                )
                (temporary / again_name).write_bytes(content)
        remove(directory)
        os.replace(temporary, directory)
    finally:
        remove(temporary)
    return {
        "seed": seed,
        "directory": scene_name(seed),
        "commanded": next(e["index"] for e in entries if _is(e, asdict(commanded))),
        "again": again_name and f"{scene_name(seed)}/{again_name}",
        "commands": entries,
        "failedCommands": dict(failed),
        **({"standIn": stand_in} if stand_in else {}),
    }


def record_scenes(
    recording: Recording, seeds: range, ends_only: bool, workers: int, resume: bool
) -> dict[str, Any]:
    """Makes the outcomes of all seeds and `scenes.json`. Returns its content."""
    settings = {**recording.settings(), "frames": "last" if ends_only else "all"}
    journal = Journal(recording.out, settings, resume)
    sweep(recording.out, OWN_NAMES)
    done = {
        seed
        for (seed, _), result in journal.results.items()
        if "skipped" in result or (recording.out / result["directory"]).is_dir()
    }
    todo = [seed for seed in seeds if seed not in done]
    job = partial(record_outcomes, recording, ends_only)
    try:
        for result in run_batch(job, todo, workers, "scene"):
            journal.add(result)
    finally:
        sweep(recording.out, OWN_NAMES)
        results = [journal.results[job] for job in sorted(journal.results)]
        scenes = [result for result in results if "skipped" not in result]
        skipped = {str(r["seed"]): r["skipped"] for r in results if "skipped" in r}
        failed: Counter[str] = Counter()
        for scene in scenes:
            failed.update(scene["failedCommands"])
        summary = {
            "generator": "aid-sim",
            **settings,
            "kept": len(scenes),
            "skipped": len(skipped),
            "skippedByReason": dict(Counter(skipped.values())),
            "skippedSeeds": skipped,
            "failedCommandsByReason": dict(failed),
            "standInsByKind": dict(Counter(s["standIn"] for s in scenes if "standIn" in s)),
            "scenes": scenes,
        }
        content = json.dumps(summary, indent=1).encode()
        write_atomically(recording.out / "scenes.json", content)
    return summary


def _is(entry: dict[str, Any], command: dict[str, Any]) -> bool:
    return all(entry[key] == value for key, value in command.items())
