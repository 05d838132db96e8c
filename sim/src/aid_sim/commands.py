"""What can be commanded in a scene: families, feasibility, and the choice of a seed's command."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .random_streams import stream
from .scene import Scene, SceneObject, in_reach, in_view
from .variant import Variant

FAMILIES = ("put", "push_left", "push_right", "stack")
FAMILY_WEIGHTS = {"put": 0.75, "push_left": 1.7, "push_right": 1.1, "stack": 0.95}
"""Chances of the families that a scene has room for; chosen so that all data holds about as many
puts, pushes and stacks."""

# Distances are metres.
FINGER_GAP = 0.012
"""How far each finger opens beyond the object's side."""
FINGER_RADIUS = 0.013
PUSH_MIN, PUSH_MAX = 0.085, 0.135
PUSH_ROOM_BEHIND = 0.030
WIDEST_GRASP = 0.026


@dataclass(frozen=True)
class Command:
    """What the arm is told. `object` and `target` are names; only put and stack have a target."""

    family: str
    object: str
    target: str | None = None

    @property
    def key(self) -> str:
        """Identifies the command within its scene."""
        return "/".join(part for part in (self.family, self.object, self.target) if part)


@dataclass(frozen=True)
class Instruction:
    """A command in words. `wording` identifies the sentence, e.g. "put/train/3"."""

    text: str
    wording: str
    held_out: bool


def grasp_axes(
    item: SceneObject, rng: np.random.Generator | None = None
) -> list[tuple[float, float]]:
    """Ways to take an object from above: (yaw of the opening axis, half width along it)."""
    size = item.shape.size
    if item.shape.kind == "box":
        axes = [(item.yaw, size[0]), (item.yaw + np.pi / 2, size[1])]
        return [(yaw, half) for yaw, half in axes if half <= WIDEST_GRASP]
    first = 0.0 if rng is None else rng.uniform(0, np.pi)
    return [(first + index * np.pi / 8, size[0]) for index in range(8)]


def grasp_clearance(scene: Scene, item: SceneObject, yaw: float, half: float) -> float:
    """Free space around the open fingers when they come down on an object. Metres."""
    axis = np.array([np.cos(yaw), np.sin(yaw)])
    clearance = np.inf
    for at, radius in _obstacles(scene, item.name):
        for side in (-1, 1):
            finger = np.array(item.xy) + side * axis * (half + FINGER_GAP + 0.005)
            clearance = min(clearance, float(np.hypot(*(finger - at))) - radius - FINGER_RADIUS)
    return clearance


def extent_along(item: SceneObject, direction: np.ndarray) -> float:
    """How far an object reaches from its centre along a direction [2] on the table. Metres."""
    if item.shape.kind != "box":
        return item.shape.size[0]
    axes = np.array([[np.cos(item.yaw), np.sin(item.yaw)], [-np.sin(item.yaw), np.cos(item.yaw)]])
    return float(np.abs(axes @ direction) @ np.array(item.shape.size[:2]))


def push_direction(scene: Scene, family: str) -> np.ndarray:
    """[2] unit vector on the table of push_left or push_right, as seen in the picture."""
    return scene.camera.image_right() * (1 if family == "push_right" else -1)


def push_room(scene: Scene, item: SceneObject, direction: np.ndarray) -> float:
    """How far an object may be pushed, 0 when not even the shortest push is possible. Metres."""
    start = np.array(item.xy)
    obstacles = _obstacles(scene, item.name, plates=True)
    behind = start - direction * (extent_along(item, direction) + PUSH_ROOM_BEHIND)
    if not in_reach(behind):
        return 0.0
    for at, radius in _obstacles(scene, item.name):
        if np.hypot(*(behind - at)) < radius + 0.030:
            return 0.0
    room = 0.0
    for distance in np.arange(0.0, PUSH_MAX + 0.02, 0.005):
        place = start + direction * distance
        free = all(
            np.hypot(*(place - at)) > radius + item.shape.footprint + 0.004
            for at, radius in obstacles
        )
        if not free or not in_reach(place) or not in_view(scene.camera, place, 0.85):
            break
        room = float(distance)
    return room if room >= PUSH_MIN + 0.005 else 0.0


def possible_commands(scene: Scene) -> list[Command]:
    """Every command that the scene has room for, in a fixed order."""
    commands = []
    graspable = [
        item
        for item in scene.objects
        if any(grasp_clearance(scene, item, *axis) > 0.002 for axis in grasp_axes(item))
    ]
    for item in graspable:
        commands += [Command("put", item.name, plate.name) for plate in scene.plates]
    for item in scene.objects:
        for family in ("push_left", "push_right"):
            if push_room(scene, item, push_direction(scene, family)) > 0:
                commands.append(Command(family, item.name))
    for item in graspable:
        commands += [
            Command("stack", item.name, other.name)
            for other in scene.objects
            if item.name != other.name and item.shape.stackable and other.shape.stackable
        ]
    return commands


def is_told_by_shape(scene: Scene, command: Command) -> bool:
    """Whether an object of the command has another one's colour: only its shape tells it."""
    colours = Counter(item.colour for item in scene.objects)
    named = (command.object, command.target)
    return any(item.name in named and colours[item.colour] > 1 for item in scene.objects)


def choose_command(scene: Scene, commands: list[Command], take: int = 0) -> Command:
    """The seed's command, or the one that is drawn when `take` < len(commands) are taken out.

    A family is drawn first, by FAMILY_WEIGHTS, then one of its commands.
    """
    rng = stream(scene.seed, "command")
    for _ in range(take):
        drawn = _draw_command(rng, commands)
        commands = [command for command in commands if command != drawn]
    return _draw_command(rng, commands)


def _draw_command(rng: np.random.Generator, commands: list[Command]) -> Command:
    groups: dict[str, list[Command]] = {}
    for command in commands:
        groups.setdefault(command.family, []).append(command)
    weights = np.array([FAMILY_WEIGHTS[family] for family in groups])
    group = groups[list(groups)[rng.choice(len(groups), p=weights / weights.sum())]]
    return group[rng.integers(len(group))]


def instruct(seed: int, command: Command, variant: Variant, held_out: bool = False) -> Instruction:
    """The command in words: one of its family's sentences, chosen by seed and command."""
    kind = "heldOut" if held_out else "train"
    wordings = variant.wordings[command.family]
    sentences = wordings.held_out if held_out else wordings.train
    index = int(stream(seed, f"wording/{kind}/{command.key}").integers(len(sentences)))
    text = sentences[index].format(object=command.object, target=command.target)
    return Instruction(text, f"{command.family}/{kind}/{index}", held_out)


def _obstacles(scene: Scene, but: str, plates: bool = False) -> list[tuple[np.ndarray, float]]:
    things = [(np.array(o.xy), o.shape.footprint) for o in scene.objects if o.name != but]
    things += [(np.array(d.xy), d.radius) for d in scene.distractors]
    if plates:
        things += [(np.array(p.xy), p.radius) for p in scene.plates]
    return things
