"""Table textures, drawn with numpy from a random generator."""

import numpy as np

SIZE = 256


def wood(rng: np.random.Generator, light: tuple[float, ...], dark: tuple[float, ...]) -> np.ndarray:
    """Planks with grain.

    Returns uint8 [SIZE, SIZE, 3].
    """
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    planks = int(rng.integers(4, 8))
    plank = np.floor(y * planks)
    offset = rng.uniform(0, 10, planks)[plank.astype(int)]
    tone = rng.uniform(-0.25, 0.25, planks)[plank.astype(int)]
    bend = 0.012 * np.sin(2 * np.pi * (x * rng.uniform(0.8, 1.6) + offset))
    grain = np.zeros_like(x)
    for cycles, strength in ((9, 0.6), (23, 0.3), (41, 0.1)):
        phase = rng.uniform(0, 2 * np.pi)
        grain += strength * np.sin(2 * np.pi * cycles * (y + bend) + phase + 5 * offset)
    mix = np.clip(0.45 + 0.18 * grain + tone, 0, 1)[..., None]
    colour = np.asarray(light) * (1 - mix) + np.asarray(dark) * mix
    seam = np.abs((y * planks) % 1 - 0.5) > 0.5 - 0.012 * planks / 4
    colour[seam] *= 0.80
    return _bytes(colour)


def plain(
    rng: np.random.Generator, light: tuple[float, ...], dark: tuple[float, ...]
) -> np.ndarray:
    """A smooth surface with faint, wide blotches.

    Returns uint8 [SIZE, SIZE, 3].
    """
    coarse = rng.uniform(0, 1, (9, 9))
    at = np.linspace(0, 8, SIZE)
    rows = np.stack([np.interp(at, np.arange(9), row) for row in coarse])
    mix = np.stack([np.interp(at, np.arange(9), column) for column in rows.T], axis=1)[..., None]
    return _bytes(np.asarray(light) * (1 - mix) + np.asarray(dark) * mix)


def kitchen(
    rng: np.random.Generator, wall: tuple[float, ...], furniture: tuple[tuple[float, ...], ...]
) -> np.ndarray:
    """A toy kitchen's front: cupboards, drawers and knobs before a wall.

    Returns uint8 [SIZE / 2, SIZE, 3], the last row at the table.
    """
    height, width = SIZE // 2, SIZE
    picture = np.empty((height, width, 3))
    picture[:] = wall
    picture[:2] *= 0.6
    x, index = int(rng.integers(-20, 1)), 0
    while x < width:
        wide, high = int(rng.integers(20, 52)), int(rng.integers(24, 90))
        colour = np.asarray(furniture[index % len(furniture)]) * rng.uniform(0.85, 1.1)
        left, right = max(0, x), max(0, x + wide)
        picture[:high, left:right] = colour
        picture[high - 3 : high, left:right] = colour * 1.15
        picture[:high, left : left + 1] = colour * 0.6
        split = int(rng.integers(10, max(11, high - 8)))
        picture[split : split + 2, left:right] = colour * 0.65
        knob = min(width - 3, max(0, x + wide // 2))
        picture[split // 2 : split // 2 + 4, knob - 2 : knob + 3] = rng.choice([0.12, 0.85])
        x, index = x + wide + int(rng.choice([0, 0, 12])), index + 1
    return _bytes(0.72 * picture[::-1])


def _bytes(colour: np.ndarray) -> np.ndarray:
    return np.clip(colour * 255 + 0.5, 0, 255).astype(np.uint8)
