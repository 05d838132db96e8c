"""A model folder: diffusers' layout, and `aid/` with the config and the trained tensors of AID.

`aid/config.json`: `dqformer` (a `dqformer` case's config), `adapters` (`reduction`, `heads`, and which: all),
`num_states`, `text_length`, `fill`, `video` (width, height, frames per second, motion bucket, noise augmentation)
and `sampling` (steps, scales of guidance, sigmas).
`aid/model.safetensors`: `dqformer.*`, `unet.*` (adapters, and the `attn2` that replace the backbone's).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .adapted_unet import ADAPTERS, build_unet
from .clip import ClipText, build_clip_vision
from .config import Config
from .denoiser import Denoiser
from .dqformer import DQFormer
from .draw import Draw
from .random_weights import random_weights
from .vae import build_vae

UNET_FILE = VAE_FILE = "diffusion_pytorch_model.safetensors"
MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class ModelConfigs:
    """Every part's `config.json`."""

    unet: Config
    vae: Config
    image_encoder: Config
    text_encoder: Config
    aid: Config

    @staticmethod
    def read(path: Path) -> "ModelConfigs":
        """From a model folder, or from one JSON file that holds all five."""
        if path.is_file():
            return ModelConfigs(**json.loads(path.read_text()))
        names = ModelConfigs.__dataclass_fields__
        return ModelConfigs(**{name: json.loads((path / name / "config.json").read_text()) for name in names})

    @property
    def dqformer(self) -> Config:
        return snake_case(self.aid["dqformer"])

    @property
    def adapted_unet(self) -> Config:
        adapters = snake_case(self.aid["adapters"])
        chosen = [name for name in ADAPTERS if adapters.get(name, True)]
        return {
            **self.unet,
            "adapter_reduction": adapters["reduction"],
            "adapter_heads": adapters["heads"],
            "adapters": chosen,
        }


def snake_case(config: Config) -> Config:
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): value for key, value in config.items()}


@dataclass(frozen=True)
class Model:
    """The networks in F32; a script builds only those it asks for."""

    configs: ModelConfigs
    _source: Path

    def denoiser(self) -> Denoiser:
        unet = on_meta(lambda: build_unet(self.configs.adapted_unet))
        denoiser = Denoiser(unet, on_meta(lambda: DQFormer(self.configs.dqformer)))
        if self._source.is_file():
            return _fill(denoiser, random_weights(denoiser, Draw(0)))
        backbone = {f"unet.{k}": v for k, v in _read(self._source / "unet" / UNET_FILE).items()}
        return _fill(denoiser, backbone | _read(self._source / "aid" / MODEL_FILE))

    def vae(self) -> nn.Module:
        return self._part("vae", VAE_FILE, lambda: build_vae(self.configs.vae))

    def image_encoder(self) -> nn.Module:
        return self._part("image_encoder", MODEL_FILE, lambda: build_clip_vision(self.configs.image_encoder))

    def text_encoder(self) -> nn.Module:
        return self._part("text_encoder", MODEL_FILE, lambda: ClipText(self.configs.text_encoder))

    def _part(self, folder: str, file: str, build: Callable[[], nn.Module]) -> nn.Module:
        network = on_meta(build)
        if self._source.is_file():
            return _fill(network, random_weights(network, Draw(0)))
        return _fill(network, _read(self._source / folder / file))


def open_model(path: Path) -> Model:
    """`path`: a model folder, or a JSON file of configs, which gives random weights."""
    return Model(ModelConfigs.read(path), path)


def on_meta(build: Callable[[], Any]) -> Any:
    """Builds a network without memory for its weights."""
    with torch.device("meta"):
        return build()


def _read(file: Path) -> dict[str, Tensor]:
    with safe_open(file, framework="pt") as weights:
        return {name: weights.get_tensor(name).float() for name in weights.keys()}  # noqa: SIM118


def _fill(network: nn.Module, weights: dict[str, Tensor]) -> Any:
    """Gives a network on the meta device its weights; every missing or unexpected key is an error."""
    network.load_state_dict({k: v.float() for k, v in weights.items()}, assign=True)
    for module in network.modules():  # CLIP counts its positions in a buffer that no file holds
        positions = getattr(module, "position_ids", None)
        if isinstance(positions, Tensor) and positions.is_meta:
            module.position_ids = torch.arange(positions.shape[-1])[None]
    return network.eval()
