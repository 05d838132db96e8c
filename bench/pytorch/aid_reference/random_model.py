"""Writes a model folder of random weights, for races and for parity at any size."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from .adapted_unet import build_unet
from .clip import ClipText, build_clip_vision
from .config import Config
from .dqformer import DQFormer
from .draw import Draw
from .model_folder import MODEL_FILE, UNET_FILE, VAE_FILE, ModelConfigs, on_meta
from .random_weights import random_weights
from .tokenizer_folder import write_byte_tokenizer
from .vae import build_vae


def write_random_model(configs: ModelConfigs, seed: int, folder: Path) -> None:
    """A model folder of random F16 weights; at full SVD size it needs 4 GB of memory."""
    unet = on_meta(lambda: build_unet(configs.adapted_unet))
    parts: dict[str, tuple[str, nn.Module]] = {
        "vae": (VAE_FILE, on_meta(lambda: build_vae(configs.vae))),
        "image_encoder": (MODEL_FILE, on_meta(lambda: build_clip_vision(configs.image_encoder))),
        "text_encoder": (MODEL_FILE, on_meta(lambda: ClipText(configs.text_encoder))),
    }
    draw = Draw(seed)
    for name, (file, network) in parts.items():
        _write(folder / name, file, getattr(configs, name), random_weights(network, draw))
    weights = random_weights(unet, draw)
    backbone = {k: v for k, v in weights.items() if "_adapter." not in k}
    _write(folder / "unet", UNET_FILE, configs.unet, backbone)
    trained = {f"unet.{k}": v for k, v in weights.items() if "_adapter." in k}
    trained |= {f"unet.{k}": _values_like(v, draw) for k, v in backbone.items() if ".attn2." in k}
    dqformer = random_weights(on_meta(lambda: DQFormer(configs.dqformer)), draw)
    trained |= {f"dqformer.{k}": v for k, v in dqformer.items()}
    _write(folder / "aid", MODEL_FILE, configs.aid, trained)
    write_byte_tokenizer(folder / "tokenizer", configs.text_encoder)
    size = configs.image_encoder["image_size"]
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", {"size": size, "crop_size": size})
    _write_json(folder / "model_index.json", {"_class_name": "AidPipeline"})


def _values_like(weight: Tensor, draw: Draw) -> Tensor:
    std = weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.1
    return draw.normal(*weight.shape, std=std).to(torch.float16)


def _write(folder: Path, file: str, config: Config, weights: dict[str, Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", config)
    save_file(weights, folder / file)


def _write_json(file: Path, value: Config) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=1) + "\n")
