"""What a tabletop may look like: palettes, shapes, light, camera, words, as plain data."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from .checks import RGB, Checks, Range
from .errors import AidSimError

SMALLEST = 0.001
"""Metres: what is smaller has no mass that the physics could reckon with."""
SHAPE_SIZES = {"box": 3, "cylinder": 2, "ball": 1}


@dataclass(frozen=True)
class Shape:
    """A kind of object. `size` as in the variant file, metres."""

    name: str
    kind: str
    size: tuple[float, ...]
    stackable: bool

    @property
    def half_height(self) -> float:
        """Height of the centre above what the object stands on. Metres."""
        return self.size[-1]

    @property
    def footprint(self) -> float:
        """Radius of the circle around the object, seen from above. Metres."""
        if self.kind == "box":
            return (self.size[0] ** 2 + self.size[1] ** 2) ** 0.5
        return self.size[0]


@dataclass(frozen=True)
class CameraRanges:
    """An orbit around `target` and the largest jitter to either side. Metres and degrees."""

    target: tuple[float, float, float]
    azimuth: float
    elevation: float
    distance: float
    fovy: float
    jitter: Mapping[str, float]


@dataclass(frozen=True)
class LightRanges:
    """Uniform ranges of the light. Degrees; intensities 0..1."""

    azimuth: Range
    elevation: Range
    key: Range
    fill: Range
    ambient: Range
    warmth: Range


@dataclass(frozen=True)
class ArmRanges:
    """Uniform ranges of the gripper's start and retreat pose. Metres and degrees."""

    radius: Range
    azimuth: Range
    height: Range
    pitch: Range


@dataclass(frozen=True)
class Wordings:
    """One family's sentences with {object} and {target}, for training and held out."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class Variant:
    """Everything that scenes are drawn from."""

    name: str
    object_count: tuple[int, int]
    object_colours: Mapping[str, RGB]
    shapes: Mapping[str, Shape]
    plate_count: tuple[int, int]
    plate_colours: Mapping[str, RGB]
    plate_radius: float
    plate_height: float
    distractor_count: tuple[int, int]
    distractor_colours: Mapping[str, RGB]
    wood: tuple[tuple[RGB, RGB], ...]
    plain: tuple[tuple[RGB, RGB], ...]
    wood_share: float
    walls: tuple[RGB, ...]
    furniture: tuple[RGB, ...]
    light: LightRanges
    camera: CameraRanges
    arm: ArmRanges
    wordings: Mapping[str, Wordings]

    @property
    def digest(self) -> str:
        """Twelve digits of the SHA-256 of everything above: two tables may have one name."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]


# Tables of names that a variant file replaces as a whole instead of adding to.
_REPLACED = ("colours", "shapes")


def _merge(base: dict[str, Any], over: Mapping[str, Any], where: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if key not in base:
            raise AidSimError(f"{where}: unknown key '{key}', expected one of {sorted(base)}")
        if isinstance(base[key], dict) and not isinstance(value, Mapping):
            raise AidSimError(f"{where}: {key}: expected a table, got {value!r}")
        if isinstance(base[key], dict) and key not in _REPLACED:
            merged[key] = _merge(base[key], value, f"{where}: {key}")
        else:
            merged[key] = value
    return merged


@cache
def _defaults() -> dict[str, Any]:
    files = resources.files("aid_sim")
    data = tomllib.loads(files.joinpath("default_variant.toml").read_text("utf-8"))
    data["wordings"] = tomllib.loads(files.joinpath("wordings.toml").read_text("utf-8"))
    return data


def load_variant(path: Path | None = None) -> Variant:
    """The default variant, with the parts that a TOML or JSON file replaces.

    Raises AidSimError for a file that cannot be read, unknown keys and values of
    the wrong kind or range.
    """
    data = _defaults()
    if path is None:
        return _build(data, "default variant")
    try:
        text = path.read_text("utf-8")
        over = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise AidSimError(f"variant {path}: {error}") from error
    if not isinstance(over, dict):
        raise AidSimError(f"variant {path}: expected a table of keys")
    return _build(_merge(data, over, f"variant {path}"), f"variant {path}")


def _build(data: Mapping[str, Any], where: str) -> Variant:
    check = Checks(where)
    objects, plates, distractors = data["objects"], data["plates"], data["distractors"]
    table, camera, light, arm = data["table"], data["camera"], data["light"], data["arm"]
    object_colours = check.palette(objects["colours"], "objects.colours")
    shapes = _shapes(check, objects["shapes"], "objects.shapes")
    plate_colours = check.palette(plates["colours"], "plates.colours")
    named = [f"{colour} {shape}" for colour in object_colours for shape in shapes]
    named += [f"{colour} plate" for colour in plate_colours]
    for name in named:
        check.that(named.count(name) == 1, "objects, plates", "a name for each", name)
    return Variant(
        name=check.text(data["name"], "name"),
        object_count=check.counts(objects["count"], "objects.count"),
        object_colours=object_colours,
        shapes=shapes,
        plate_count=check.counts(plates["count"], "plates.count"),
        plate_colours=plate_colours,
        plate_radius=check.number(plates["radius"], "plates.radius", SMALLEST),
        plate_height=check.number(plates["height"], "plates.height", SMALLEST),
        distractor_count=check.counts(distractors["count"], "distractors.count"),
        distractor_colours=check.palette(distractors["colours"], "distractors.colours"),
        wood=check.tones(table["wood"], "table.wood"),
        plain=check.tones(table["plain"], "table.plain"),
        wood_share=check.number(table["woodShare"], "table.woodShare", 0, 1),
        walls=check.colours(table["walls"], "table.walls"),
        furniture=check.colours(table["furniture"], "table.furniture"),
        light=LightRanges(
            **{key: check.span(value, f"light.{key}") for key, value in light.items()}
        ),
        camera=CameraRanges(
            target=check.numbers(camera["target"], 3, "camera.target"),
            azimuth=check.number(camera["azimuth"], "camera.azimuth"),
            elevation=check.number(camera["elevation"], "camera.elevation"),
            distance=check.number(camera["distance"], "camera.distance", SMALLEST),
            fovy=check.number(camera["fovy"], "camera.fovy", 1, 170),
            jitter={
                key: check.number(value, f"camera.jitter.{key}", 0)
                for key, value in camera["jitter"].items()
            },
        ),
        arm=ArmRanges(**{key: check.span(value, f"arm.{key}") for key, value in arm.items()}),
        wordings={
            family: _wordings(check, value, family) for family, value in data["wordings"].items()
        },
    )


def _shapes(check: Checks, value: Any, where: str) -> dict[str, Shape]:
    shapes = {}
    for name, shape in check.names(value, where).items():
        at = f"{where}.{name}"
        check.that(isinstance(shape, dict), at, "a table", shape)
        unknown = sorted(shape.keys() - {"kind", "size", "stackable"})
        check.that(not unknown, at, "kind, size and stackable", unknown)
        kind, stackable = shape.get("kind"), shape.get("stackable", False)
        known = isinstance(kind, str) and kind in SHAPE_SIZES
        check.that(known, f"{at}.kind", f"one of {sorted(SHAPE_SIZES)}", kind)
        check.that(isinstance(stackable, bool), f"{at}.stackable", "true or false", stackable)
        size = check.numbers(shape.get("size"), SHAPE_SIZES[kind], f"{at}.size")
        wanted = f"numbers of at least {SMALLEST}"
        check.that(min(size) >= SMALLEST, f"{at}.size", wanted, list(size))
        shapes[name] = Shape(name, kind, size, stackable)
    return shapes


def _wordings(check: Checks, value: Mapping[str, Any], family: str) -> Wordings:
    fields = {"object", "target"} if family in ("put", "stack") else {"object"}
    kinds = []
    for kind in ("train", "heldOut"):
        at = f"wordings.{family}.{kind}"
        sentences = check.sentences(value[kind], at)
        for sentence in sentences:
            wanted = f"sentences with {' and '.join(f'{{{name}}}' for name in sorted(fields))} only"
            check.that(_fields(sentence) == fields, at, wanted, sentence)
        kinds.append(sentences)
    train, held_out = kinds
    both = sorted(set(train) & set(held_out))
    check.that(not both, f"wordings.{family}", "no sentence in train and heldOut both", both)
    return Wordings(train, held_out)


def _fields(sentence: str) -> set[str] | None:
    """The names in braces, None where the braces do not go together or hold more than names."""
    try:
        parts = list(Formatter().parse(sentence))
    except ValueError:
        return None
    if any(spec or conversion for _, _, spec, conversion in parts):
        return None
    return {name for _, name, _, _ in parts if name is not None}
