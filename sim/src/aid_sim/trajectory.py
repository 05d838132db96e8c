"""Paths of the gripper: cubic Bezier curves, smooth in time, sampled at the control rate."""

from dataclasses import dataclass

import mujoco
import numpy as np

CONTROL_PERIOD = 0.02
"""Seconds between two commands to the joints."""


@dataclass(frozen=True)
class Pose:
    """A gripper pose in the world frame: `position` [3] of the pinch site, `quaternion` [4]."""

    position: np.ndarray
    quaternion: np.ndarray


@dataclass(frozen=True)
class Segment:
    """One smooth motion.

    `points` [4, 3] Bezier control points; `quaternions` start and end; `fingers` start and end
    distance of a finger from the middle plane, metres; `duration` seconds.
    """

    points: np.ndarray
    quaternions: tuple[np.ndarray, np.ndarray]
    fingers: tuple[float, float]
    duration: float


def quaternion_of(forward: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """[4] of a gripper that points along `forward` and opens along `opening` (both [3])."""
    x = forward / np.linalg.norm(forward)
    y = opening - (opening @ x) * x
    y /= np.linalg.norm(y)
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, np.column_stack([x, y, np.cross(x, y)]).ravel())
    return quaternion


def _neutral(azimuth: float) -> np.ndarray:
    """[4] of a gripper that points straight down with an untwisted wrist."""
    side = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return quaternion_of(np.array([0.0, 0.0, -1.0]), side)


def _twist(pose: Pose) -> tuple[float, np.ndarray]:
    """A pose's azimuth around the base, and its rotation vector [3] away from neutral there.

    Between two of these the wrist never turns the long way round into its limit, as it might on
    the shortest rotation.
    """
    azimuth = float(np.arctan2(pose.position[1], pose.position[0]))
    inverse, difference, vector = np.empty(4), np.empty(4), np.empty(3)
    mujoco.mju_negQuat(inverse, _neutral(azimuth))
    mujoco.mju_mulQuat(difference, inverse, pose.quaternion)
    mujoco.mju_quat2Vel(vector, difference, 1.0)
    return azimuth, vector


def _rotation(azimuth: float, vector: np.ndarray) -> np.ndarray:
    """[4]: the inverse of `_twist`."""
    angle = float(np.linalg.norm(vector))
    turn, quaternion = np.empty(4), np.empty(4)
    mujoco.mju_axisAngle2Quat(turn, vector / max(angle, 1e-12), angle)
    mujoco.mju_mulQuat(quaternion, _neutral(azimuth), turn)
    return quaternion


def ease(share: np.ndarray | float, sharpness: float = 0.2) -> np.ndarray | float:
    """0..1 to 0..1 with rest at both ends: a mixture of smoothstep and minimum jerk."""
    smooth = share * share * (3 - 2 * share)
    minimum_jerk = share**3 * (10 - 15 * share + 6 * share * share)
    return (1 - sharpness) * smooth + sharpness * minimum_jerk


def hold(pose: Pose, fingers: tuple[float, float], duration: float) -> Segment:
    """Stays at a pose while the fingers move."""
    points = np.repeat(pose.position[None], 4, axis=0)
    return Segment(points, (pose.quaternion, pose.quaternion), fingers, duration)


def line(start: Pose, end: Pose, fingers: float, duration: float) -> Segment:
    """A straight motion."""
    share = np.linspace(0, 1, 4)[:, None]
    points = start.position * (1 - share) + end.position * share
    return Segment(points, (start.quaternion, end.quaternion), (fingers, fingers), duration)


def arc(
    start: Pose,
    end: Pose,
    lifts: tuple[np.ndarray, np.ndarray],
    fingers: tuple[float, float],
    duration: float,
) -> Segment:
    """A curved motion that leaves along `lifts[0]` and arrives against `lifts[1]` (offsets [3])."""
    points = np.stack(
        [start.position, start.position + lifts[0], end.position + lifts[1], end.position]
    )
    return Segment(points, (start.quaternion, end.quaternion), fingers, duration)


def sample(segments: list[Segment]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [T, 3], quaternions [T, 4], fingers [T] every CONTROL_PERIOD."""
    positions, quaternions, fingers = [], [], []
    for segment in segments:
        ends = (segment.points[0], segment.points[3])
        twists = [_twist(Pose(*end)) for end in zip(ends, segment.quaternions, strict=True)]
        count = max(1, round(segment.duration / CONTROL_PERIOD))
        for index in range(1, count + 1):
            s = ease(index / count)
            weights = np.array([(1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s * s * (1 - s), s**3])
            positions.append(weights @ segment.points)
            (azimuth, vector), (last_azimuth, last_vector) = twists
            quaternions.append(
                _rotation(
                    azimuth + s * (last_azimuth - azimuth), vector + s * (last_vector - vector)
                )
            )
            fingers.append(segment.fingers[0] * (1 - s) + segment.fingers[1] * s)
    return np.array(positions), np.array(quaternions), np.array(fingers)
