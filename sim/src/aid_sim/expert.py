"""The expert: plans the gripper's path for a command, differently each time."""

from dataclasses import dataclass

import numpy as np

from .arm import FINGERTIP
from .commands import (
    FINGER_GAP,
    PUSH_MAX,
    PUSH_MIN,
    Command,
    extent_along,
    grasp_axes,
    grasp_clearance,
    push_direction,
    push_room,
)
from .random_streams import stream
from .scene import GripperPose, Scene, SceneObject
from .trajectory import Pose, Segment, arc, hold, line, quaternion_of

REST_OPENING = 0.020
NEAR_BASE = 0.25
SQUEEZE = 0.006
"""How far the closed fingers are commanded into the object: their spring makes the grip's force."""


@dataclass(frozen=True)
class Plan:
    """A path from the start pose on, and what was decided."""

    start: Pose
    segments: list[Segment]
    decisions: dict[str, float]


def rest_pose(pose: GripperPose) -> Pose:
    """World pose of a gripper beside the base."""
    around = np.array([np.cos(pose.azimuth), np.sin(pose.azimuth), 0.0])
    forward = pose.forward
    side = np.array([-around[1], around[0], 0.0])
    opening = np.cos(pose.roll) * side + np.sin(pose.roll) * np.cross(forward, side)
    return Pose(pose.position, quaternion_of(forward, opening))


def plan(scene: Scene, command: Command, way: int = 0) -> Plan:
    """The seed's path for a command of its scene; ways 1, 2, ... are other paths for it."""
    name = {0: "", 1: "/again"}.get(way, f"/again/{way}")
    rng = stream(scene.seed, f"expert/{command.key}{name}")
    start = rest_pose(scene.start)
    pace = rng.uniform(0.80, 1.12)
    act = _pick_and_place if command.family in ("put", "stack") else _push
    segments, decisions = act(scene, command, rng, start, pace)
    segments.append(_retreat(scene, command, rng, start, segments[-1], pace))
    return Plan(start, segments, {"pace": pace, **decisions})


def _retreat(
    scene: Scene,
    command: Command,
    rng: np.random.Generator,
    start: Pose,
    after: Segment,
    pace: float,
) -> Segment:
    """Back to the start pose: the last frame tells commands apart by objects, not by the arm."""
    last = Pose(after.points[3], after.quaternions[1])
    up = np.array([0, 0, rng.uniform(0.10, 0.18)])
    if command.family.startswith("push"):
        back = -push_direction(scene, command.family) * rng.uniform(0.03, 0.06)
        up += np.array([*back, 0])
    return arc(
        last,
        start,
        (up, np.array([0, 0, rng.uniform(0.0, 0.06)])),
        (after.fingers[1], REST_OPENING),
        _duration(last, start, 0.27, pace),
    )


def _pick_and_place(
    scene: Scene, command: Command, rng: np.random.Generator, start: Pose, pace: float
) -> tuple[list[Segment], dict[str, float]]:
    item = scene.object(command.object)
    yaw, half = _choose_grasp(scene, item, rng)
    yaw = _natural(yaw, item.position)
    tilt = rng.uniform(0, 0.28)
    along = rng.uniform(-0.006, 0.006)
    beside = np.array([-np.sin(yaw), np.cos(yaw)])

    # Fingers end a little above the table, and grip the object's lower half.
    grip_height = max(FINGERTIP + rng.uniform(0.004, 0.009), item.shape.half_height)
    pick_at = np.array([*(np.array(item.xy) + along * beside), grip_height])
    pick = Pose(pick_at, _from_above(pick_at, yaw, tilt))

    turn = rng.uniform(-0.4, 0.4)
    if command.family == "put":
        plate = scene.plate(command.target)
        spread = plate.radius - item.shape.footprint - 0.006
        radius, angle = max(0.0, spread) * np.sqrt(rng.uniform(0, 1)), rng.uniform(0, 2 * np.pi)
        goal = np.array(plate.xy) + radius * np.array([np.cos(angle), np.sin(angle)])
        ground = plate.height
    else:
        below = scene.object(command.target)
        goal = np.array(below.xy) + rng.uniform(-0.004, 0.004, 2)
        ground = 2 * below.shape.half_height
    place_yaw = yaw + turn + np.arctan2(goal[1], goal[0]) - np.arctan2(pick_at[1], pick_at[0])
    place_beside = np.array([-np.sin(place_yaw), np.cos(place_yaw)])
    place_at = np.array([*(goal + along * place_beside), grip_height + ground + 0.003])
    place = Pose(place_at, _from_above(place_at, place_yaw, tilt * rng.uniform(0.3, 1.0)))

    open_, closed = half + FINGER_GAP, max(0.0, half - SQUEEZE)
    bend = rng.uniform(-0.09, 0.09)
    approach_height, carry_height = rng.uniform(0.09, 0.20), rng.uniform(0.11, 0.22)
    lift = np.array([0, 0, carry_height])
    segments = [
        arc(
            start,
            pick,
            (
                np.array([0, 0, rng.uniform(-0.02, 0.06)])
                + _around_base(start.position, pick_at, bend),
                np.array([0, 0, approach_height]),
            ),
            (REST_OPENING, open_),
            _duration(start, pick, 0.24, pace),
        ),
        hold(pick, (open_, closed), 0.26),
        hold(pick, (closed, closed), 0.08),
        arc(
            pick,
            place,
            (
                lift + _around_base(pick_at, place_at, rng.uniform(-0.07, 0.07)),
                lift * rng.uniform(0.85, 1.15),
            ),
            (closed, closed),
            _duration(pick, place, 0.20, pace),
        ),
        hold(place, (closed, closed), 0.08),
        hold(place, (closed, open_), 0.24),
    ]
    decisions = {"graspYaw": yaw, "tilt": tilt, "carryHeight": carry_height, "bend": bend}
    return segments, decisions


def _push(
    scene: Scene, command: Command, rng: np.random.Generator, start: Pose, pace: float
) -> tuple[list[Segment], dict[str, float]]:
    item = scene.object(command.object)
    straight = push_direction(scene, command.family)
    room = push_room(scene, item, straight)
    distance = rng.uniform(PUSH_MIN + 0.005, min(PUSH_MAX, room))
    slant = rng.uniform(-0.07, 0.07)
    direction = np.array(
        [
            np.cos(slant) * straight[0] - np.sin(slant) * straight[1],
            np.sin(slant) * straight[0] + np.cos(slant) * straight[1],
        ]
    )
    across = np.array([-direction[1], direction[0]])
    contact = extent_along(item, direction) + 0.011
    height = FINGERTIP + rng.uniform(0.005, 0.012)
    line_start = np.array(item.xy) + across * rng.uniform(-0.003, 0.003)
    from_ = np.array([*(line_start - direction * (contact + rng.uniform(0.010, 0.018))), height])
    to = np.array([*(line_start + direction * (distance - contact)), height])
    yaw = _natural(np.arctan2(across[1], across[0]), (from_ + to) / 2)
    tilt = rng.uniform(0, 0.15)
    behind = Pose(from_, _from_above(from_, yaw, tilt))
    pushed = Pose(to, _from_above(to, yaw, tilt))
    # Flat sides rest on two spread fingers; a round one would wedge itself between them.
    opening = rng.uniform(*((0.009, 0.014) if item.shape.kind == "box" else (0.002, 0.006)))
    bend = rng.uniform(-0.08, 0.08)
    segments = [
        arc(
            start,
            behind,
            (
                np.array([0, 0, rng.uniform(-0.02, 0.06)])
                + _around_base(start.position, from_, bend),
                np.array([*(-direction * rng.uniform(0, 0.03)), rng.uniform(0.09, 0.18)]),
            ),
            (REST_OPENING, opening),
            _duration(start, behind, 0.24, pace),
        ),
        line(behind, pushed, opening, max(0.9, np.hypot(*(to - from_)[:2]) / 0.11) * pace),
    ]
    return segments, {"distance": distance, "slant": slant, "tilt": tilt, "bend": bend}


def _choose_grasp(scene: Scene, item: SceneObject, rng: np.random.Generator) -> tuple[float, float]:
    axes = grasp_axes(item, rng)
    clearances = np.array([grasp_clearance(scene, item, *axis) for axis in axes])
    order = rng.permutation(len(axes))
    good = [index for index in order if clearances[index] > 0.006]
    return axes[good[0] if good else int(np.argmax(clearances))]


def _natural(yaw: float, at: np.ndarray) -> float:
    """The same opening axis, turned by half a turn if that twists the wrist less at a place."""
    side = np.arctan2(at[1], at[0]) + np.pi / 2
    return float(side + (yaw - side + np.pi / 2) % np.pi - np.pi / 2)


def _from_above(at: np.ndarray, yaw: float, tilt: float) -> np.ndarray:
    """[4] of a gripper that comes down at `at`, opens along `yaw`, leans back to the base."""
    opening = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    outward = np.array([at[0], at[1], 0.0]) / np.hypot(at[0], at[1])
    lean = outward - (outward @ opening) * opening
    return quaternion_of(np.array([0.0, 0.0, -1.0]) + np.tan(tilt) * lean, opening)


def _sideways(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """[3] unit vector on the table, square to the way from start to end."""
    way = (end - start)[:2]
    way = way / max(1e-6, float(np.hypot(*way)))
    return np.array([-way[1], way[0], 0.0])


def _around_base(start: np.ndarray, end: np.ndarray, bend: float) -> np.ndarray:
    """[3] bend to either side of the way; to the outer side when the way passes the base."""
    offset = bend * _sideways(start, end)
    middle = (start + end)[:2] / 2
    if np.hypot(*middle) < NEAR_BASE and offset[:2] @ middle < 0:
        return -offset
    return offset


def _duration(start: Pose, end: Pose, speed: float, pace: float) -> float:
    """Seconds for an arc between two poses at a mean speed in metres a second."""
    length = float(np.linalg.norm(end.position - start.position)) + 0.10
    return max(0.9, length / speed) * pace
