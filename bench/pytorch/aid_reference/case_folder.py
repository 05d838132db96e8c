"""A golden case on disk: `config.json`, `weights.safetensors` (F16), `io.safetensors` (F32)."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .config import Config

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """`weights` in F32 (rounded through F16), empty where the case runs on the weights of `uses`."""

    folder: Path
    config: Config
    weights: Tensors
    io: Tensors

    @property
    def kind(self) -> str:
        return self.config["kind"]

    def used(self) -> dict[str, "Case"]:
        """The cases whose weights this one runs on, by kind; they lie beside it."""
        cases = [read_case(self.folder.parent / name) for name in self.config.get("uses", [])]
        return {case.kind: case for case in cases}


def read_case(folder: Path) -> Case:
    weights = folder / "weights.safetensors"
    return Case(
        folder=folder,
        config=json.loads((folder / "config.json").read_text()),
        weights={k: v.float() for k, v in load_file(weights).items()} if weights.exists() else {},
        io=load_file(folder / "io.safetensors") if (folder / "io.safetensors").exists() else {},
    )


def write_case(case: Case) -> None:
    case.folder.mkdir(parents=True, exist_ok=True)
    (case.folder / "config.json").write_text(json.dumps(case.config, indent=1) + "\n")
    if case.weights:
        weights = {k: v.to(torch.float16).contiguous() for k, v in sorted(case.weights.items())}
        save_file(weights, case.folder / "weights.safetensors")
    save_file({k: v.contiguous() for k, v in sorted(case.io.items())}, case.folder / "io.safetensors")


def find_cases(root: Path) -> list[Path]:
    """`root` itself or the case folders in it."""
    if (root / "config.json").exists():
        return [root]
    return sorted(path.parent for path in root.glob("*/config.json"))
