"""Independent, named random streams that follow from a seed alone."""

import zlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """PCG64 generator for one purpose of one seed.

    Streams of different names are independent, so drawing more numbers for the light does not move
    the objects.
    """
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))
    )
