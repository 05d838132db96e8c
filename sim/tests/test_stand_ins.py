"""Where the expert fails at a seed's command, something stands in: every seed gives a scene."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aid_sim import outcomes
from aid_sim.commands import choose_command, possible_commands
from aid_sim.episode import run_episode
from aid_sim.episodes import Recording
from aid_sim.scene import sample_scene
from aid_sim.variant import load_variant

FAILS = 10_025
"""A seed at whose command the expert fails at first."""


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path, 16, 16, 5, load_variant(None))


def own_command(seed: int):
    scene = sample_scene(seed, load_variant(None))
    return choose_command(scene, possible_commands(scene))


def test_another_way_of_the_same_command_stands_in(recording):
    result = outcomes.record_outcomes(recording, True, FAILS)
    command = result["commands"][result["commanded"]]
    own = own_command(FAILS)
    assert result["standIn"] == "another-way"
    assert (command["family"], command["object"]) == (own.family, own.object)
    assert command["frames"] == "all"
    assert result["again"] is not None
    bags = [(recording.out / path).read_bytes() for path in (command["bag"], result["again"])]
    assert bags[0] != bags[1]


def test_another_command_stands_in_where_every_way_fails(recording, monkeypatch):
    own = own_command(FAILS)
    ways = []

    def clumsy(scene, command, variant, fps, model, way=0):
        if command == own:
            ways.append(way)
        episode = run_episode(scene, command, variant, fps, model, way)
        return replace(episode, failure="clumsy") if command == own else episode

    monkeypatch.setattr(outcomes, "run_episode", clumsy)
    result = outcomes.record_outcomes(recording, True, FAILS)
    assert ways == list(range(outcomes.WAYS))
    assert result["standIn"] == "another-command"
    assert result["failedCommands"]["clumsy"] == 1
    scene = sample_scene(FAILS, recording.variant)
    drawn = [choose_command(scene, possible_commands(scene), take) for take in (1, 2)]
    stands_in = result["commands"][result["commanded"]]
    assert (stands_in["family"], stands_in["object"], stands_in["target"]) in [
        (command.family, command.object, command.target) for command in drawn
    ]
    assert stands_in["frames"] == "all"


def test_no_scene_only_where_no_command_succeeds(recording, monkeypatch):
    def hopeless(*arguments):
        return replace(run_episode(*arguments), failure="hopeless")

    monkeypatch.setattr(outcomes, "run_episode", hopeless)
    result = outcomes.record_outcomes(recording, True, FAILS)
    assert result == {"seed": FAILS, "skipped": "commanded-failed"}


def test_the_command_line_counts_them(aid_sim, tmp_path):
    seeds = f"{FAILS}:{FAILS + 1}"
    arguments = ["--out", tmp_path, "--size", 16, "--frames", "last"]
    done = aid_sim("outcomes", "--seeds", seeds, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('1 scenes, 0 skipped {}, stand-ins {"another-way": 1}\n')
    summary = json.loads((tmp_path / "scenes.json").read_text())
    assert summary["standInsByKind"] == {"another-way": 1}
