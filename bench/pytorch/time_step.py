"""Times one denoising step: the UNet on `--branches` guidance branches in one batch, guidance, Euler's update.

The condition tokens are worked out before, once, as they are for a clip. `--save FILE` writes the UNet's inputs
and its output as a case's `io.safetensors`, to compare another implementation at this size.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from aid_reference.adapted_unet import run_unet
from aid_reference.draw import Draw
from aid_reference.model_folder import Model
from racing.inputs import draw_condition, latent_shape
from racing.lap import Lap, parser_for, race


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--branches", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--height", type=int, help="of the latents; default: the model's video")
    parser.add_argument("--width", type=int)
    parser.add_argument("--save", type=Path, metavar="FILE", help="load_ms then counts that run too")
    arguments = parser.parse_args()
    with torch.inference_mode():
        race(arguments, lambda model: prepare(model, arguments))


def prepare(model: Model, arguments: argparse.Namespace) -> tuple[Lap, dict[str, Any]]:
    denoiser, draw = model.denoiser(), Draw(1)
    shape = latent_shape(model.configs, arguments.branches, arguments.height, arguments.width)
    condition = draw_condition(model.configs, shape, draw)
    tokens = denoiser.tokens(condition)
    x = draw.normal(1, *shape.dims[1:]) * 3
    weights = torch.full((shape.batch, 1, 1, 1, 1), 1 / shape.batch)
    sigma, next_sigma = torch.tensor(3.0), torch.tensor(2.0)

    def step() -> torch.Tensor:
        branches = denoiser(x.expand(shape.dims), sigma.expand(shape.batch), condition, tokens)
        denoised = (weights * branches).sum(dim=0, keepdim=True)
        return x + (x - denoised) / sigma * (next_sigma - sigma)

    if arguments.save:
        inputs = {
            "sample": draw.normal(shape.batch, shape.frames, 2 * shape.channels, shape.height, shape.width),
            "timestep": draw.uniform(shape.batch, low=-1.5, high=1.6),
            "encoder_hidden_states": tokens.contiguous(),
            "added_time_ids": draw.time_ids(shape.batch),
        }
        output = run_unet(denoiser.unet, inputs["sample"], inputs["timestep"], tokens, inputs["added_time_ids"])
        save_file({**inputs, "output": output.contiguous()}, arguments.save)
    parameters = sum(p.numel() for p in denoiser.unet.parameters())
    return step, {"race": "step", "latents": shape.dims, "unet_parameters": parameters}


if __name__ == "__main__":
    main()
