"""The races run on a model folder, answer a driver line by line, and run the weights that the folder holds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from aid_reference.model_folder import ModelConfigs, open_model
from aid_reference.random_model import write_random_model

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with 3 frames and narrow levels."""
    configs = json.loads((ROOT / "configs" / "mini.json").read_text())
    configs["unet"] |= {"block_out_channels": [32, 32, 64]}
    configs["vae"] |= {"block_out_channels": [48, 32]}
    configs["aid"]["video"] |= {"width": 32, "height": 32}
    configs["aid"]["dqformer"]["num_frames"] = 3
    folder = tmp_path_factory.mktemp("model")
    write_random_model(ModelConfigs(**configs), 1, folder)
    return folder


@pytest.mark.parametrize(
    ("script", "options"),
    [("time_step.py", ["--branches", "2"]), ("time_clip.py", ["--steps", "2"]), ("time_train_step.py", [])],
)
def test_answers_one_line_per_line(model: Path, script: str, options: list[str]) -> None:
    command = [sys.executable, script, "--model", str(model), "--warmup", "0", "--threads", "1", *options]
    done = subprocess.run(command, input="go\ngo\n", capture_output=True, text=True, check=True, cwd=ROOT)
    ready, *laps = [json.loads(line) for line in done.stdout.splitlines()]
    assert ready["ready"]
    assert len(laps) == 2
    assert all(lap["ms"] > 0 and lap["peak_rss_mb"] > 0 for lap in laps)


def test_the_trained_attn2_replace_the_backbones(model: Path) -> None:
    trained = load_file(model / "aid" / "model.safetensors")
    name = next(k for k in trained if k.endswith("attn2.to_k.weight"))
    backbone = load_file(model / "unet" / "diffusion_pytorch_model.safetensors")
    assert not torch.equal(trained[name], backbone[name.removeprefix("unet.")])
    loaded = open_model(model).denoiser().state_dict()
    assert torch.equal(loaded[name], trained[name].float())
