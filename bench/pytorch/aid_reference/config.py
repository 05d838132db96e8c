"""A case's or a model's `config.json`, and the part of it that a constructor takes."""

import inspect
from collections.abc import Callable
from typing import Any

Config = dict[str, Any]


def arguments_of(constructor: Callable[..., object], config: Config) -> Config:
    """The entries of `config` that are parameters of `constructor`; lists as diffusers saves them."""
    names = inspect.signature(constructor).parameters
    return {key: value for key, value in config.items() if key in names}
