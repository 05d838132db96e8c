"""Makes a new case: random weights, random inputs, and what this implementation makes of them."""

from pathlib import Path

import torch

from .case_folder import Case, read_case, write_case
from .check_case import check_case, load_network, relative_error
from .config import Config
from .draw import Draw
from .kinds import KINDS
from .random_weights import random_weights


def make_case(kind: str, config: Config, seed: int, folder: Path) -> Case:
    """Writes `folder` in the goldens' layout and returns it as read back.

    `config` is the case's own `config.json`, and may hold `shapes`: sizes that a config does not say (batch,
    height, width, ...). A case with `uses` names folders that lie beside `folder`. Raises ValueError where a
    number is not finite, where float32 is too far from float64 for the case to judge anybody, or where the case
    read back from disk does not come out again.
    """
    config = dict(config)
    shapes: Config = config.pop("shapes", {})
    config.pop("kind", None)
    config = {"kind": kind, "note": config.pop("note", KINDS[kind].note), **config}
    draw = Draw(seed)
    empty = Case(folder, config, weights={}, io={})

    network = KINDS[kind].build(empty)
    if not config.get("uses"):
        network.load_state_dict(random_weights(network, draw))
    inputs = KINDS[kind].inputs(empty, shapes, draw)
    with torch.no_grad():
        outputs = KINDS[kind].outputs(network, empty, inputs)
    if kind == "video-distance":
        config |= {name: value.item() for name, value in outputs.items()}
        outputs = {}
    weights = {} if config.get("uses") else dict(network.state_dict())
    write_case(Case(folder, config, weights, {**inputs, **outputs}))
    try:
        _verify(folder)
    except ValueError:
        (folder / "io.safetensors").unlink()  # without it the folder is no case
        raise
    return read_case(folder)


def _verify(folder: Path) -> None:
    case = read_case(folder)
    broken = [k for k, v in {**case.weights, **case.io}.items() if not torch.isfinite(v.double()).all()]
    if broken:
        raise ValueError(f"{folder}: not finite: {', '.join(broken)}")
    _verify_conditioning(case)
    failed = [f"{d.tensor} by {d.error:.1e}" for d in check_case(folder) if not d.passed]
    if failed:
        raise ValueError(f"{folder}: read back, it differs: {', '.join(failed)}")


def _verify_conditioning(case: Case) -> None:
    """A gradient that is zero but for rounding, or a norm over two values, would fail every implementation.

    For example: in a block of 32 channels diffusers' 32 groups are one channel each, so the norm after the time
    embedding removes it, and its gradient is rounding noise.
    """
    network = load_network(case).double()
    io = {k: v.double() if v.is_floating_point() else v for k, v in case.io.items()}
    with torch.no_grad():
        exact = KINDS[case.kind].outputs(network, case, io)
    errors = {k: relative_error(case.io[k].double(), v) for k, v in exact.items() if k in case.io}
    bound = 2e-4 if case.kind == "training" else 1e-5
    worst = sorted(((e, k) for k, e in errors.items() if not e <= bound), reverse=True)
    if worst:
        named = ", ".join(f"{k} by {e:.1e}" for e, k in worst[:3])
        raise ValueError(f"{case.folder}: float32 is too far from float64 in {len(worst)} tensors: {named}")
