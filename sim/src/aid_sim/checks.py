"""Values of a variant file, each checked where it is read."""

import math
import re
from typing import Any

from .errors import AidSimError

RGB = tuple[float, float, float]
Range = tuple[float, float]

_NAME = re.compile(r"[\w'-]+(?: [\w'-]+)*")
"""Words that a command can say, and an XML attribute can hold."""


class Checks:
    """Every method returns the value, or raises AidSimError.

    Args:
        where: what is read, as the messages say it.
    """

    def __init__(self, where: str):
        self._where = where

    def that(self, holds: bool, name: str, expected: str, value: Any) -> None:
        """Raises AidSimError where it does not hold."""
        if not holds:
            raise AidSimError(f"{self._where}: {name}: expected {expected}, got {value!r}")

    def text(self, value: Any, name: str) -> str:
        """Some words."""
        self.that(isinstance(value, str) and value.strip() != "", name, "a text", value)
        return value

    def number(
        self, value: Any, name: str, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """A number, low <= value <= high."""
        bounds = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (
            high < math.inf
        )
        expected = " ".join(["a number", " and ".join(bounds)]).strip()
        self.that(_is_number(value) and low <= value <= high, name, expected, value)
        return float(value)

    def numbers(self, value: Any, count: int, name: str) -> Any:
        """A tuple of so many numbers."""
        fits = isinstance(value, list) and len(value) == count and all(map(_is_number, value))
        self.that(fits, name, f"{count} numbers", value)
        return tuple(float(v) for v in value)

    def span(self, value: Any, name: str) -> Range:
        """Two numbers, the lower one first."""
        low, high = self.numbers(value, 2, name)
        self.that(low <= high, name, "[low, high]", value)
        return low, high

    def counts(self, value: Any, name: str) -> tuple[int, int]:
        """Two whole numbers of 0..100, the lower one first."""
        low, high = self.span(value, name)
        whole = low == int(low) and high == int(high) and low >= 0 and high <= 100
        self.that(whole, name, "two whole numbers of 0..100", value)
        return int(low), int(high)

    def rgb(self, value: Any, name: str) -> RGB:
        """A colour, 0..1."""
        colour = self.numbers(value, 3, name)
        self.that(min(colour) >= 0 and max(colour) <= 1, name, "3 numbers of 0..1", value)
        return colour

    def colours(self, value: Any, name: str) -> tuple[RGB, ...]:
        """At least one."""
        self.that(isinstance(value, list) and value != [], name, "a list of colours", value)
        return tuple(self.rgb(each, name) for each in value)

    def tones(self, value: Any, name: str) -> tuple[tuple[RGB, RGB], ...]:
        """At least one pair of colours."""
        self.that(isinstance(value, list) and value != [], name, "a list of two tones each", value)
        pairs = tuple(self.colours(each, name) for each in value)
        for pair, given in zip(pairs, value, strict=True):
            self.that(len(pair) == 2, name, "two tones", given)
        return pairs

    def names(self, value: Any, name: str) -> dict[str, Any]:
        """A table of at least one name that commands can say."""
        self.that(isinstance(value, dict) and value != {}, name, "a table of names", value)
        for key in value:
            self.that(_NAME.fullmatch(key) is not None, name, "words as names", key)
        return value

    def palette(self, value: Any, name: str) -> dict[str, RGB]:
        """A table of at least one name with its colour."""
        names = self.names(value, name)
        return {key: self.rgb(rgb, f"{name}.{key}") for key, rgb in names.items()}

    def sentences(self, value: Any, name: str) -> tuple[str, ...]:
        """At least one."""
        fits = isinstance(value, list) and value != [] and all(isinstance(v, str) for v in value)
        self.that(fits, name, "a list of sentences", value)
        return tuple(self.text(sentence, name) for sentence in value)


def _is_number(value: Any) -> bool:
    # Neither infinite nor NaN, nor an integer that no float can be.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
