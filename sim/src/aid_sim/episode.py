"""One episode: the expert's plan, carried out by the physics, seen by the camera."""

from dataclasses import dataclass, field

import mujoco
import numpy as np

from .arm import FINGERS, HOME, JOINTS, PINCH_SITE
from .commands import Command
from .expert import REST_OPENING, plan, rest_pose
from .inverse_kinematics import POSITION_TOLERANCE, ROTATION_TOLERANCE, InverseKinematics
from .scene import Scene
from .success import failure
from .trajectory import CONTROL_PERIOD, sample
from .variant import Variant
from .world import TIMESTEP, body_name, build_model

SETTLE = 0.2
"""Seconds at the end in which nothing is commanded."""
STEPS_PER_CONTROL = round(CONTROL_PERIOD / TIMESTEP)


@dataclass
class Episode:
    """What happened.

    Per frame: `times` seconds, `joints` [8] positions and `velocities` [8] (arm, fingers),
    `states` full qpos. `failure` is None for a success. `final` name to [7] pose.
    """

    scene: Scene
    command: Command
    model: mujoco.MjModel
    times: list[float] = field(default_factory=list)
    joints: list[np.ndarray] = field(default_factory=list)
    velocities: list[np.ndarray] = field(default_factory=list)
    states: list[np.ndarray] = field(default_factory=list)
    final: dict[str, np.ndarray] = field(default_factory=dict)
    decisions: dict[str, float] = field(default_factory=dict)
    failure: str | None = None


def start_state(model: mujoco.MjModel, joints: np.ndarray) -> mujoco.MjData:
    """The scene at rest with the arm at some joint angles [6]."""
    data = mujoco.MjData(model)
    for name, angle in zip(JOINTS, joints, strict=True):
        data.joint(name).qpos[0] = angle
        data.actuator(name).ctrl[0] = angle
    for name in FINGERS:
        data.joint(name).qpos[0] = REST_OPENING
        data.actuator(name).ctrl[0] = REST_OPENING
    mujoco.mj_forward(model, data)
    return data


def start_joints(scene: Scene, solver: InverseKinematics) -> np.ndarray | None:
    """[6] joint angles of a scene's start pose, None when it is out of reach."""
    pose = rest_pose(scene.start)
    guess = np.array(HOME)
    guess[0], guess[5] = scene.start.azimuth, scene.start.roll
    joints, distance, angle = solver.solve(pose.position, pose.quaternion, guess, 100)
    reached = distance < POSITION_TOLERANCE and angle < ROTATION_TOLERANCE
    return joints if reached else None


def run_episode(
    scene: Scene,
    command: Command,
    variant: Variant,
    fps: float,
    model: mujoco.MjModel | None = None,
    way: int = 0,
) -> Episode:
    """Carries out a command, in the seed's way or in another one: 1, 2, ...

    The model may be shared by the commands of a scene.
    """
    model = model or build_model(scene)
    path = plan(scene, command, way)
    episode = Episode(scene, command, model, decisions=path.decisions)
    solver = InverseKinematics(model)
    joints = start_joints(scene, solver)
    if joints is None:
        episode.failure = "start-unreachable"
        return episode

    positions, quaternions, fingers = sample(path.segments)
    targets = np.empty((len(positions), 6))
    guess = joints
    for index in range(len(positions)):
        guess, distance, angle = solver.solve(positions[index], quaternions[index], guess, 3)
        if distance > 4 * POSITION_TOLERANCE or angle > 6 * ROTATION_TOLERANCE:
            episode.failure = "path-unreachable"
            return episode
        targets[index] = guess

    data = start_state(model, joints)
    frame_period = 1 / fps
    moving = len(targets) * CONTROL_PERIOD
    frames = int(np.ceil((moving + SETTLE) / frame_period - 1e-9)) + 1
    arm = np.array([model.actuator(name).id for name in JOINTS])
    hand = np.array([model.actuator(name).id for name in FINGERS])
    last = len(targets) - 1
    step = 0
    for frame in range(frames):
        until = round(frame * frame_period / CONTROL_PERIOD)
        while step < until:
            index = min(step, last)
            data.ctrl[arm] = targets[index]
            data.ctrl[hand] = fingers[index]
            mujoco.mj_step(model, data, nstep=STEPS_PER_CONTROL)
            step += 1
        _record(episode, data, frame * frame_period)
    # A step leaves the poses of before it.
    mujoco.mj_kinematics(model, data)
    episode.final = {
        item.name: np.concatenate(
            [data.body(body_name(item)).xpos, data.body(body_name(item)).xquat]
        )
        for item in scene.objects
    }
    episode.failure = failure(scene, command, episode.final, data.site(PINCH_SITE).xpos.copy())
    return episode


def _record(episode: Episode, data: mujoco.MjData, time: float) -> None:
    names = (*JOINTS, *FINGERS)
    episode.times.append(time)
    episode.joints.append(np.array([data.joint(name).qpos[0] for name in names]))
    episode.velocities.append(np.array([data.joint(name).qvel[0] for name in names]))
    episode.states.append(data.qpos.copy())


def draw(episode: Episode, renderer: object, frames: list[int] | None = None) -> list[np.ndarray]:
    """Camera frames [H, W, 3] of an episode, all or some of them, from its recorded states."""
    data = mujoco.MjData(episode.model)
    pictures = []
    for index in range(len(episode.states)) if frames is None else frames:
        data.qpos[:] = episode.states[index]
        mujoco.mj_kinematics(episode.model, data)
        mujoco.mj_comPos(episode.model, data)
        mujoco.mj_camlight(episode.model, data)
        pictures.append(renderer.render(data))
    return pictures
