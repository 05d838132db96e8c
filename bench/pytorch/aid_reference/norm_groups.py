"""`norm_num_groups`: diffusers' spatio-temporal classes always take 32; a config may say another number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import nn

from .config import Config


@contextmanager
def norm_groups(config: Config) -> Iterator[None]:
    """Every `GroupNorm` made inside has the config's number of groups, whatever it is asked for.

    Afterwards would be too late: channels that 32 does not divide are refused as soon as a norm is made.
    """
    init = nn.GroupNorm.__init__

    def init_with_groups(self: nn.GroupNorm, num_groups: int, num_channels: int, *rest: Any, **options: Any) -> None:
        init(self, config.get("norm_num_groups", num_groups), num_channels, *rest, **options)

    with patch.object(nn.GroupNorm, "__init__", init_with_groups):
        yield
