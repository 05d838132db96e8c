"""New cases: reproducible, judged by themselves, and refused where they could judge nobody."""

import json
from pathlib import Path

import pytest
import torch

from aid_reference.case_folder import Case, write_case
from aid_reference.check_case import check_case
from aid_reference.make_case import make_case

CASES = Path(__file__).resolve().parents[1] / "cases"


def _config(name: str) -> dict[str, object]:
    return json.loads((CASES / f"{name}.json").read_text())


def test_the_same_seed_makes_the_same_case(tmp_path: Path) -> None:
    config = _config("dqformer-deep")
    first = make_case("dqformer", config, 7, tmp_path / "a")
    second = make_case("dqformer", config, 7, tmp_path / "b")
    other = make_case("dqformer", config, 8, tmp_path / "c")
    assert all(torch.equal(first.io[name], second.io[name]) for name in first.io)
    assert not torch.equal(first.io["mcondition"], other.io["mcondition"])


@pytest.mark.parametrize("name", ["clip-text-legacy-eos", "unet-aid-no-short-term", "vae-3-layers"])
def test_one_changed_weight_fails_the_case(name: str, tmp_path: Path) -> None:
    config = _config(name)
    case = make_case(str(config["kind"]), config, 1, tmp_path / name)
    key = next(k for k in case.weights if k.endswith(("spatial_adapter.up.weight", "fc2.weight", "conv2.weight")))
    weights = {**case.weights, key: case.weights[key] * 1.01}
    write_case(Case(case.folder, case.config, weights, case.io))
    assert not all(d.passed for d in check_case(case.folder))


def test_a_missing_weight_is_an_error(tmp_path: Path) -> None:
    case = make_case("dqformer", _config("dqformer-deep"), 1, tmp_path / "case")
    weights = {k: v for k, v in case.weights.items() if k != "queries"}
    write_case(Case(case.folder, case.config, weights, case.io))
    with pytest.raises(RuntimeError, match="queries"):
        check_case(case.folder)


def test_refuses_gradients_that_are_rounding_noise(tmp_path: Path) -> None:
    """Blocks of 32 channels have one channel per group, and their norm removes the time embedding."""
    unet = _config("unet-aid-16-latents") | {"block_out_channels": [32, 32]}
    make_case("unet-aid", unet, 1, tmp_path / "unet-aid-16-latents")
    make_case("dqformer", _config("dqformer-3-frames"), 1, tmp_path / "dqformer-3-frames")
    with pytest.raises(ValueError, match=r"float32 is too far.*time_emb_proj"):
        make_case("training", _config("training-everything"), 1, tmp_path / "training")
    assert not (tmp_path / "training" / "io.safetensors").exists()
