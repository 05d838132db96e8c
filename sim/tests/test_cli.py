import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mcap.reader import make_reader
from PIL import Image

from aid_sim.errors import AidSimError
from aid_sim.journal import Journal
from aid_sim.scene import sample_scene
from aid_sim.variant import load_variant


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["episodes", "--seeds", "5:2", "--out", "x"], "expected A:B"),
        (["episodes", "--seeds", "a:b", "--out", "x"], "expected A:B"),
        (["episodes", "--seeds", "0:1"], "--out"),
        (["episodes", "--seeds", "0:1", "--out", "x", "--size", "4"], "sides of 16..1024"),
        (["episodes", "--seeds", "0:1", "--out", "x", "--fps", "0"], "--fps"),
        (["episodes", "--seeds", "0:1", "--out", "x", "--workers", "0"], "--workers"),
        (["episodes", "--seeds", "0:1", "--out", "x", "--variant", "none.toml"], "none.toml"),
        (["outcomes", "--seeds", "0:1", "--out", "x", "--frames", "some"], "--frames"),
        (["frame", "--seed", "-1", "--out", "x.png"], "--seed"),
        (["frame", "--seed", "1", "--out", "x.bmp"], "ends in .png or .jpg"),
        (["frame", "--seed", "1", "--out", "no/such/x.png"], "no such directory"),
        (["sheet", "--seeds", "0:1000", "--out", "x.png"], "at most 100"),
        (["dance"], "No such command"),
    ],
)
def test_bad_arguments_give_one_line_and_leave_nothing(arguments, message, aid_sim, tmp_path):
    done = aid_sim(*arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("aid-sim: error: ")
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_directory_with_another_run_is_refused(recorded, aid_sim):
    again = aid_sim("episodes", "--seeds", "0:1", "--out", recorded)
    assert again.returncode == 1
    assert "--resume" in again.stderr
    other = aid_sim("episodes", "--seeds", "0:1", "--out", recorded, "--size", 64, "--resume")
    assert other.returncode == 1
    assert "made with width 128, now 64" in other.stderr


def workers_of(process):
    """Numbers of the processes that simulate for this one."""
    found = []
    for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        words = Path(f"/proc/{number}/cmdline").read_bytes()
        if b"spawn_main" in words:
            found.append(int(number))
    return found


def test_a_worker_that_is_killed_ends_the_run_with_one_line(tmp_path):
    out = tmp_path / "run"
    command = ["episodes", "--seeds", "0:500", "--out", str(out), "--size", "16", "--workers", "2"]
    running = subprocess.Popen(
        [sys.executable, "-m", "aid_sim", *command], stderr=subprocess.PIPE, text=True
    )
    waited = time.monotonic() + 60
    while len(list(out.glob("*.mcap"))) < 2 and time.monotonic() < waited:
        time.sleep(0.05)
    workers = workers_of(running)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert errors.splitlines()[-1].startswith("aid-sim: error: a worker process was killed")
    assert "Traceback" not in errors
    assert json.loads((out / "manifest.json").read_text())["kept"] >= 1


def test_episodes_and_outcomes_do_not_mix(aid_sim, tmp_path):
    run = ["--seeds", "1:2", "--out", tmp_path, "--size", 16]
    first = aid_sim("outcomes", *run, "--frames", "last")
    assert first.returncode == 0, first.stderr
    second = aid_sim("episodes", *run, "--resume")
    assert second.returncode == 1
    assert second.stderr.endswith("made with frames 'last', now None; use another directory\n")


def test_another_table_of_the_same_name_is_refused(aid_sim, tmp_path):
    table = tmp_path / "table.toml"
    run = ["episodes", "--seeds", "1:2", "--out", tmp_path / "run", "--size", 16]
    table.write_text('name = "mine"\n')
    first = aid_sim(*run, "--variant", table)
    assert first.returncode == 0, first.stderr
    table.write_text('name = "mine"\n[camera]\nfovy = 60\n')
    again = aid_sim(*run, "--variant", table, "--resume")
    assert again.returncode == 1
    assert "made with variantDigest " in again.stderr


@pytest.mark.parametrize(
    "command, own",
    [
        ("episodes", [".episode-00000001.mcap.tmp", ".manifest.json.tmp"]),
        ("outcomes", [".scene-00000001.tmp", ".scenes.json.tmp"]),
    ],
)
def test_only_its_own_leftovers_are_swept(command, own, aid_sim, tmp_path):
    others = [".notes.tmp", ".episode.tmp", ".scene-of-mine.tmp", ".git.tmp"]
    for name in [*own, *others]:
        (tmp_path / name).mkdir() if "scene-" in name else (tmp_path / name).write_text("mine")
    done = aid_sim(command, "--seeds", "1:2", "--out", tmp_path, "--size", 16)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.glob(".*")) == sorted(others)


def test_a_directory_belongs_to_one_run_at_a_time(aid_sim, tmp_path):
    settings = {"version": "1"}
    journal = Journal(tmp_path, settings, resume=False)
    run = ["episodes", "--seeds", "1:2", "--out", tmp_path, "--resume"]
    refused = aid_sim(*run)
    assert refused.returncode == 1
    assert refused.stderr.endswith(": another run writes there; wait for it\n")
    journal.add({"seed": 4, "dropped": "clumsy"})
    del journal
    assert Journal(tmp_path, settings, resume=True).results[4, 0]["dropped"] == "clumsy"


def test_a_journal_goes_on_after_a_kill(tmp_path):
    settings = {"version": "1"}
    journal = Journal(tmp_path, settings, resume=False)
    journal.add({"seed": 4, "dropped": "clumsy"})
    del journal
    path = tmp_path / Journal.NAME
    whole = path.read_text()
    path.write_text(whole + '{"seed": 5, "dro')
    assert set(Journal(tmp_path, settings, resume=True).results) == {(4, 0)}
    assert path.read_text() == whole
    # Killed before it wrote anything.
    path.write_text("")
    assert Journal(tmp_path, settings, resume=True).results == {}
    assert json.loads(path.read_text()) == {"settings": settings}
    path.write_text("my diary")
    with pytest.raises(AidSimError, match="not a journal"):
        Journal(tmp_path, settings, resume=True)
    assert path.read_text() == "my diary"


def test_takes_are_other_commands_of_the_same_scene(aid_sim, tmp_path):
    out = tmp_path / "takes"
    done = aid_sim("episodes", "--seeds", "1:3", "--out", out, "--size", 32)
    assert done.returncode == 0, done.stderr
    own = {bag.name: bag.read_bytes() for bag in out.glob("*.mcap")}
    more = aid_sim(
        "episodes", "--seeds", "1:3", "--takes", 3, "--out", out, "--size", 32, "--resume"
    )
    assert more.returncode == 0, more.stderr
    assert len(list(out.glob("*.mcap"))) == 6
    assert all((out / name).read_bytes() == content for name, content in own.items())
    episodes = json.loads((out / "manifest.json").read_text())["episodes"]
    names = [f"episode-0000000{seed}{take}.mcap" for seed in (1, 2) for take in ("", "-1", "-2")]
    assert [episode["bag"] for episode in episodes] == names
    for seed in (1, 2):
        assert len({e["instruction"] for e in episodes if e["seed"] == seed}) == 3


def test_by_shape_only_commands_that_colours_do_not_tell(aid_sim, tmp_path):
    done = aid_sim(
        "episodes", "--seeds", "0:12", "--by-shape", "--takes", 2, "--out", tmp_path, "--size", 16
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["byShape"] is True
    assert manifest["episodes"]
    seeds = {episode["seed"] for episode in manifest["episodes"]}
    # Some scenes have no two objects of one colour.
    assert 0 < len(seeds) < 12
    for episode in manifest["episodes"]:
        scene = sample_scene(episode["seed"], load_variant(None))
        colours = [item.colour for item in scene.objects]
        twins = [item for item in scene.objects if colours.count(item.colour) > 1]
        assert any(item.name in episode["instruction"] for item in twins)


def test_takes_that_a_scene_has_not_are_counted(aid_sim, tmp_path):
    done = aid_sim("episodes", "--seeds", "1:2", "--takes", 100, "--out", tmp_path, "--size", 16)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["kept"] + manifest["dropped"] == 100
    assert manifest["droppedByReason"]["no-other-command"] > 50
    assert manifest["droppedSeeds"]["1-99"] == "no-other-command"


def test_frame_draws_a_picture_and_lists_the_commands(aid_sim, tmp_path):
    done = aid_sim("frame", "--seed", 5, "--out", tmp_path / "frame.png", "--size", "96x64")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "frame.png").size == (96, 64)
    description = json.loads(done.stdout)
    assert sum(command["commanded"] for command in description["commands"]) == 1


def test_sheet_and_vocabulary(aid_sim, tmp_path):
    done = aid_sim("sheet", "--seeds", "3:5", "--out", tmp_path / "sheet.png", "--size", 64)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "sheet.png").size == (8 * 64, 2 * (64 + 14))
    words = json.loads(aid_sim("vocabulary").stdout)["words"]
    assert {"red", "cube", "plate", "left", "stack"} <= set(words)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_leaves_whole_bags_only(workers, tmp_path):
    out = tmp_path / "run"
    command = ["episodes", "--seeds", "0:500", "--out", str(out), "--workers", str(workers)]
    running = subprocess.Popen(
        [sys.executable, "-m", "aid_sim", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waited = time.monotonic() + 60
    while len(list(out.glob("*.mcap"))) < 3 and time.monotonic() < waited:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert not list(out.glob(".*"))
    for bag in out.glob("*.mcap"):
        with bag.open("rb") as file:
            assert make_reader(file).get_summary().statistics.message_count > 10
    assert json.loads((out / "manifest.json").read_text())["kept"] >= 1
