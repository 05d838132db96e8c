"""What a tabletop may look like: palettes, shapes, light, camera, words, as plain data."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import AidSimError

RGB = tuple[float, float, float]
Range = tuple[float, float]

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
        if isinstance(base[key], dict) and isinstance(value, Mapping) and key not in _REPLACED:
            merged[key] = _merge(base[key], value, f"{where}.{key}")
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

    Raises AidSimError for a file that cannot be read, unknown keys and values of the wrong kind.
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
    def numbers(value: Any, count: int, name: str) -> tuple[float, ...]:
        if (
            not isinstance(value, list)
            or len(value) != count
            or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        ):
            raise AidSimError(f"{where}: {name}: expected {count} numbers, got {value!r}")
        return tuple(float(v) for v in value)

    def span(value: Any, name: str) -> Any:
        low, high = numbers(value, 2, name)
        if low > high:
            raise AidSimError(f"{where}: {name}: expected [low, high], got {value!r}")
        return low, high

    def whole(value: Any, name: str) -> tuple[int, int]:
        low, high = span(value, name)
        if low != int(low) or high != int(high) or low < 0:
            raise AidSimError(f"{where}: {name}: expected two whole numbers, got {value!r}")
        return int(low), int(high)

    def palette(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise AidSimError(f"{where}: {name}: expected names with colours, got {value!r}")
        return {key: numbers(rgb, 3, f"{name}.{key}") for key, rgb in value.items()}

    def pairs(value: Any, name: str) -> Any:
        return tuple(tuple(numbers(rgb, 3, name) for rgb in pair) for pair in value)

    def shape(name: str, value: Any) -> Shape:
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind not in SHAPE_SIZES:
            raise AidSimError(
                f"{where}: objects.shapes.{name}.kind: expected one of {sorted(SHAPE_SIZES)},"
                f" got {kind!r}"
            )
        size = numbers(value.get("size"), SHAPE_SIZES[kind], f"objects.shapes.{name}.size")
        return Shape(name, kind, size, bool(value.get("stackable", False)))

    def wordings(family: str, value: Mapping[str, Any]) -> Wordings:
        train, held_out = tuple(value["train"]), tuple(value["heldOut"])
        for sentence in train + held_out:
            try:
                sentence.format(object="x", target="y")
            except (AttributeError, KeyError, IndexError, ValueError) as error:
                raise AidSimError(f"{where}: wordings.{family}: {sentence!r}: {error}") from error
        if not train or not held_out:
            raise AidSimError(
                f"{where}: wordings.{family}: expected sentences in train and heldOut"
            )
        return Wordings(train, held_out)

    try:
        objects, plates, table = data["objects"], data["plates"], data["table"]
        camera, light, arm = data["camera"], data["light"], data["arm"]
        return Variant(
            name=str(data["name"]),
            object_count=whole(objects["count"], "objects.count"),
            object_colours=palette(objects["colours"], "objects.colours"),
            shapes={name: shape(name, value) for name, value in objects["shapes"].items()},
            plate_count=whole(plates["count"], "plates.count"),
            plate_colours=palette(plates["colours"], "plates.colours"),
            plate_radius=float(plates["radius"]),
            plate_height=float(plates["height"]),
            distractor_count=whole(data["distractors"]["count"], "distractors.count"),
            distractor_colours=palette(data["distractors"]["colours"], "distractors.colours"),
            wood=pairs(table["wood"], "table.wood"),
            plain=pairs(table["plain"], "table.plain"),
            wood_share=float(table["woodShare"]),
            walls=tuple(numbers(rgb, 3, "table.walls") for rgb in table["walls"]),
            furniture=tuple(numbers(rgb, 3, "table.furniture") for rgb in table["furniture"]),
            light=LightRanges(**{key: span(value, f"light.{key}") for key, value in light.items()}),
            camera=CameraRanges(
                target=numbers(camera["target"], 3, "camera.target"),
                azimuth=float(camera["azimuth"]),
                elevation=float(camera["elevation"]),
                distance=float(camera["distance"]),
                fovy=float(camera["fovy"]),
                jitter={key: float(value) for key, value in camera["jitter"].items()},
            ),
            arm=ArmRanges(**{key: span(value, f"arm.{key}") for key, value in arm.items()}),
            wordings={
                family: wordings(family, value) for family, value in data["wordings"].items()
            },
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise AidSimError(f"{where}: {error!r}") from error
