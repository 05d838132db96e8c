"""What stands where in a seed's scene: plain data, without physics."""

from dataclasses import dataclass

import numpy as np

from .camera import Camera, sample_camera
from .errors import AidSimError
from .random_streams import stream
from .variant import RGB, Shape, Variant

# Where the gripper reaches from above, distance from the arm's base. Metres.
REACH = (0.215, 0.43)
# Objects stay within this part of the picture, where 1 is its edge.
VISIBLE = 0.80
# Left of this the resting arm may hide what stands on the table.
ARM_SIDE = -0.50
# Nearest distance in the picture between the resting gripper and an object, 1 is half the picture.
HIDDEN = 0.20
OBJECT_GAP = 0.020
LAYOUT_TRIES = 50
PLATE_GAP = 0.014


@dataclass(frozen=True)
class SceneObject:
    """A movable object. `name` as commands say it, `xy` and `yaw` in the world frame."""

    name: str
    rgb: RGB
    shape: Shape
    xy: tuple[float, float]
    yaw: float

    @property
    def colour(self) -> str:
        """As commands say it."""
        return self.name.removesuffix(f" {self.shape.name}")

    @property
    def position(self) -> np.ndarray:
        """[3] centre, standing on the table."""
        return np.array([*self.xy, self.shape.half_height])


@dataclass(frozen=True)
class Plate:
    """A flat disc that is fixed to the table."""

    name: str
    rgb: RGB
    xy: tuple[float, float]
    radius: float
    height: float


@dataclass(frozen=True)
class Distractor:
    """A thing that no command names, fixed to the table. `radius`: of the circle around it."""

    kind: str
    rgb: RGB
    xy: tuple[float, float]
    yaw: float
    radius: float


@dataclass(frozen=True)
class Light:
    """One shadow-casting key light, a fill light and ambient light. Intensities RGB 0..1."""

    direction: tuple[float, float, float]
    key: RGB
    fill: float
    ambient: float


@dataclass(frozen=True)
class GripperPose:
    """Polar around the base. `pitch`: of the fingers below horizontal. Metres and radians."""

    radius: float
    azimuth: float
    height: float
    pitch: float
    roll: float

    @property
    def forward(self) -> np.ndarray:
        """[3] unit vector along the fingers."""
        level = np.cos(self.pitch)
        return np.array(
            [level * np.cos(self.azimuth), level * np.sin(self.azimuth), -np.sin(self.pitch)]
        )

    @property
    def position(self) -> np.ndarray:
        """[3] between the finger tips."""
        x, y = self.radius * np.cos(self.azimuth), self.radius * np.sin(self.azimuth)
        return np.array([x, y, self.height])

    def distance_in_view(self, camera: Camera, xy: np.ndarray) -> float:
        """How far the gripper and a place on the table are apart in the picture, as `project`."""
        tip = np.array(camera.project(self.position + 0.03 * self.forward))
        wrist = np.array(camera.project(self.position - 0.17 * self.forward))
        at = np.array(camera.project(np.array([xy[0], xy[1], 0.025])))
        share = np.clip((at - tip) @ (wrist - tip) / ((wrist - tip) @ (wrist - tip)), 0, 1)
        return float(np.hypot(*(tip + share * (wrist - tip) - at)))


@dataclass(frozen=True)
class Surroundings:
    """Table style ("wood" or "plain") with its two tones; wall and furniture colours behind it."""

    style: str
    tones: tuple[RGB, RGB]
    wall: RGB
    furniture: tuple[RGB, ...]
    texture_seed: int


@dataclass(frozen=True)
class Scene:
    """A tabletop before anything moves."""

    seed: int
    objects: tuple[SceneObject, ...]
    plates: tuple[Plate, ...]
    distractors: tuple[Distractor, ...]
    light: Light
    camera: Camera
    surroundings: Surroundings
    start: GripperPose

    def object(self, name: str) -> SceneObject:
        """The object with this name."""
        return next(item for item in self.objects if item.name == name)

    def plate(self, name: str) -> Plate:
        """The plate with this name."""
        return next(item for item in self.plates if item.name == name)


DISTRACTOR_RADIUS = {"can": 0.017, "sponge": 0.037, "marker": 0.052, "mug": 0.032}


def in_view(camera: Camera, xy: np.ndarray, margin: float = VISIBLE) -> bool:
    """Whether a place on the table lies within the picture's inner part."""
    x, y = camera.project(np.array([xy[0], xy[1], 0.02]))
    return ARM_SIDE < x < margin and -margin - 0.1 < y < margin


def in_reach(xy: np.ndarray) -> bool:
    """Whether the gripper can come down on a place on the table."""
    return bool(REACH[0] < np.hypot(*xy) < REACH[1] and xy[0] > 0.10)


class _Layout:
    """Places round things on the table so that none come closer than their gaps."""

    def __init__(self, rng: np.random.Generator, camera: Camera, gripper: GripperPose):
        self.rng, self.camera, self.gripper = rng, camera, gripper
        self.taken: list[tuple[np.ndarray, float]] = []

    def place(self, radius: float, gap: float, reachable: bool) -> tuple[float, float] | None:
        for _ in range(200):
            xy = self.rng.uniform((0.08, -0.34), (0.66, 0.34))
            if reachable and not in_reach(xy):
                continue
            if not reachable and np.hypot(*xy) < 0.20:
                continue
            if not in_view(self.camera, xy):
                continue
            if self.gripper.distance_in_view(self.camera, xy) < HIDDEN:
                continue
            if all(np.hypot(*(xy - at)) > radius + other + gap for at, other in self.taken):
                self.taken.append((xy, radius))
                return float(xy[0]), float(xy[1])
        return None


def sample_scene(seed: int, variant: Variant) -> Scene:
    """The scene of a seed."""
    camera = sample_camera(seed, variant.camera)
    start = sample_gripper_pose(stream(seed, "start"), variant)
    rng = stream(seed, "scene")
    for _ in range(LAYOUT_TRIES):
        layout = _Layout(rng, camera, start)
        plates = _sample_plates(rng, variant, layout)
        objects = _sample_objects(rng, variant, layout)
        if len(objects) >= min(2, variant.object_count[0]) and (
            len(plates) >= min(1, variant.plate_count[0])
        ):
            break
    else:
        raise AidSimError(
            f"variant {variant.name}, seed {seed}: no room for the objects;"
            " the camera must see the table within the arm's reach"
        )
    return Scene(
        seed=seed,
        objects=tuple(objects),
        plates=tuple(plates),
        distractors=tuple(_sample_distractors(rng, variant, layout)),
        light=_sample_light(stream(seed, "light"), variant),
        camera=camera,
        surroundings=_sample_surroundings(stream(seed, "surroundings"), variant),
        start=start,
    )


def sample_gripper_pose(rng: np.random.Generator, variant: Variant) -> GripperPose:
    """A gripper pose beside the base, away from the objects."""
    ranges = variant.arm
    return GripperPose(
        radius=rng.uniform(*ranges.radius),
        azimuth=np.radians(rng.uniform(*ranges.azimuth)),
        height=rng.uniform(*ranges.height),
        pitch=np.radians(rng.uniform(*ranges.pitch)),
        roll=rng.uniform(-0.5, 0.5),
    )


def _sample_plates(rng: np.random.Generator, variant: Variant, layout: _Layout) -> list[Plate]:
    plates = []
    count = rng.integers(variant.plate_count[0], variant.plate_count[1] + 1)
    colours = rng.permutation(list(variant.plate_colours))
    for colour in colours[:count]:
        xy = layout.place(variant.plate_radius, PLATE_GAP, reachable=True)
        if xy is not None:
            rgb = variant.plate_colours[colour]
            name = f"{colour} plate"
            plates.append(Plate(name, rgb, xy, variant.plate_radius, variant.plate_height))
    return plates


def _sample_objects(
    rng: np.random.Generator, variant: Variant, layout: _Layout
) -> list[SceneObject]:
    objects = []
    count = rng.integers(variant.object_count[0], variant.object_count[1] + 1)
    kinds = [(colour, shape) for colour in variant.object_colours for shape in variant.shapes]
    for index in rng.permutation(len(kinds))[:count]:
        colour, shape = kinds[index][0], variant.shapes[kinds[index][1]]
        yaw = rng.uniform(-np.pi, np.pi)
        xy = layout.place(shape.footprint, OBJECT_GAP, reachable=True)
        if xy is not None:
            rgb = variant.object_colours[colour]
            objects.append(SceneObject(f"{colour} {shape.name}", rgb, shape, xy, yaw))
    return objects


def _sample_distractors(
    rng: np.random.Generator, variant: Variant, layout: _Layout
) -> list[Distractor]:
    distractors = []
    for _ in range(rng.integers(variant.distractor_count[0], variant.distractor_count[1] + 1)):
        kind = str(rng.choice(list(DISTRACTOR_RADIUS)))
        colour = str(rng.choice(list(variant.distractor_colours)))
        yaw = rng.uniform(-np.pi, np.pi)
        radius = DISTRACTOR_RADIUS[kind]
        xy = layout.place(radius, 0.03, reachable=False)
        if xy is not None:
            rgb = variant.distractor_colours[colour]
            distractors.append(Distractor(kind, rgb, xy, yaw, radius))
    return distractors


def _sample_light(rng: np.random.Generator, variant: Variant) -> Light:
    ranges = variant.light
    azimuth = np.radians(rng.uniform(*ranges.azimuth))
    elevation = np.radians(rng.uniform(*ranges.elevation))
    direction = (
        -np.cos(elevation) * np.cos(azimuth),
        -np.cos(elevation) * np.sin(azimuth),
        -np.sin(elevation),
    )
    key, warmth = rng.uniform(*ranges.key), rng.uniform(*ranges.warmth)
    return Light(
        direction=tuple(float(v) for v in direction),
        key=(key + warmth / 2, key, key - warmth / 2),
        fill=rng.uniform(*ranges.fill),
        ambient=rng.uniform(*ranges.ambient),
    )


def _sample_surroundings(rng: np.random.Generator, variant: Variant) -> Surroundings:
    style = "wood" if rng.random() < variant.wood_share else "plain"
    choices = variant.wood if style == "wood" else variant.plain
    tones = choices[rng.integers(len(choices))]
    shade = rng.uniform(0.92, 1.06)
    order = rng.permutation(len(variant.furniture))
    return Surroundings(
        style=style,
        tones=tuple(tuple(min(1.0, float(v) * shade) for v in tone) for tone in tones),
        wall=variant.walls[rng.integers(len(variant.walls))],
        furniture=tuple(variant.furniture[index] for index in order),
        texture_seed=int(rng.integers(2**31)),
    )
