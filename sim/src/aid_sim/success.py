"""Did the commanded thing happen, and nothing else? Judged from the physics alone."""

import numpy as np

from .commands import Command, push_direction
from .scene import Scene

# Metres.
PUSH_AT_LEAST = 0.07
PUSH_DRIFT = 0.04
HEIGHT_TOLERANCE = 0.008
STACK_OFFSET = 0.018
UPRIGHT = np.cos(0.2)
"""Least share of an object's own z axis that points up. Heights do not tell: a lying cylinder is
about as high as a standing one."""
DISTURBANCE = 0.012
ARM_AWAY = 0.10
BEHIND_ARM = 0.10
"""In the picture, from where the arm rests at the end."""


def failure(
    scene: Scene, command: Command, final: dict[str, np.ndarray], pinch: np.ndarray
) -> str | None:
    """Why an episode failed, None when it succeeded.

    Args:
        scene: before the episode.
        command: what was commanded.
        final: name to [7] pose (position, quaternion w x y z) of every object, world frame.
        pinch: [3] where the gripper ended.

    Returns:
        one of "disturbed-others", "arm-too-near", "behind-arm", "not-on-plate", "not-on-object",
        "not-pushed", "toppled", or None.
    """
    item = scene.object(command.object)
    position = final[item.name][:3]
    for other in scene.objects:
        if other.name != item.name:
            moved = np.linalg.norm(final[other.name][:3] - other.position)
            if moved > DISTURBANCE:
                return "disturbed-others"
    if np.linalg.norm(pinch - position) < ARM_AWAY:
        return "arm-too-near"
    if scene.start.distance_in_view(scene.camera, tuple(position[:2])) < BEHIND_ARM:
        return "behind-arm"
    if command.family == "put":
        plate = scene.plate(command.target)
        height = plate.height + item.shape.half_height
        off = np.hypot(*(position[:2] - plate.xy))
        inside = off < plate.radius - 0.3 * item.shape.footprint
        if not inside or abs(position[2] - height) > HEIGHT_TOLERANCE:
            return "not-on-plate"
    elif command.family == "stack":
        below = scene.object(command.target)
        height = 2 * below.shape.half_height + item.shape.half_height
        off = np.hypot(*(position[:2] - final[below.name][:2]))
        if off > STACK_OFFSET or abs(position[2] - height) > HEIGHT_TOLERANCE:
            return "not-on-object"
    else:
        way = position[:2] - np.array(item.xy)
        direction = push_direction(scene, command.family)
        along = float(way @ direction)
        across = float(way @ np.array([-direction[1], direction[0]]))
        if along < PUSH_AT_LEAST or abs(across) > PUSH_DRIFT:
            return "not-pushed"
        if abs(position[2] - item.shape.half_height) > HEIGHT_TOLERANCE:
            return "toppled"
    if item.shape.kind != "ball" and _upward(final[item.name][3:]) < UPRIGHT:
        return "toppled"
    return None


def _upward(quaternion: np.ndarray) -> float:
    """How much of a body's own z axis points up, -1..1, of its quaternion [w, x, y, z]."""
    _, x, y, _ = quaternion
    return float(1 - 2 * (x * x + y * y))
