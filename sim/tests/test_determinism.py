import subprocess
import sys

import numpy as np

from aid_sim.commands import choose_command, possible_commands
from aid_sim.episode import run_episode
from aid_sim.random_streams import stream
from aid_sim.scene import sample_scene
from aid_sim.variant import load_variant

FINGERPRINT = """
import hashlib
from aid_sim.commands import choose_command, possible_commands
from aid_sim.episode import draw, run_episode
from aid_sim.renderer import FrameRenderer
from aid_sim.scene import sample_scene
from aid_sim.variant import load_variant
variant = load_variant()
for seed in (7, 10003):
    scene = sample_scene(seed, variant)
    command = choose_command(scene, possible_commands(scene))
    episode = run_episode(scene, command, variant, 5)
    with FrameRenderer(episode.model, 64, 64) as renderer:
        frames = draw(episode, renderer)
    for arrays in (episode.states, frames):
        print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


def fingerprint() -> str:
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_two_processes_give_the_same_states_and_frames():
    first = fingerprint()
    assert len(first.split()) == 4
    assert first == fingerprint()


def test_the_final_poses_are_those_of_the_last_frame():
    variant = load_variant()
    scene = sample_scene(7, variant)
    episode = run_episode(scene, choose_command(scene, possible_commands(scene)), variant, 5)
    for name, pose in episode.final.items():
        address = episode.model.joint(f"object/{name}").qposadr[0]
        assert np.array_equal(pose, episode.states[-1][address : address + 7])


def test_streams_of_different_names_and_seeds_are_independent():
    draws = {
        (seed, name): tuple(stream(seed, name).integers(0, 2**31, 4))
        for seed in (0, 1)
        for name in ("scene", "camera")
    }
    assert len(set(draws.values())) == 4
    assert np.array_equal(stream(3, "scene").random(5), stream(3, "scene").random(5))


def test_scenes_of_different_seeds_differ():
    variant = load_variant()
    layouts = {tuple(o.xy for o in sample_scene(seed, variant).objects) for seed in range(20)}
    assert len(layouts) == 20
