"""What a kind of golden case has to answer."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw


@dataclass(frozen=True)
class Kind:
    """`build` makes the network, its weights not yet loaded; `inputs` draws a case's inputs, `shapes` giving the
    sizes that its config does not; `outputs` works out everything else that `io.safetensors` holds."""

    note: str
    build: Callable[[Case], nn.Module]
    inputs: Callable[[Case, Config, Draw], Tensors]
    outputs: Callable[[nn.Module, Case, Tensors], Tensors]
