"""Times one training step in F32: forward, backward, gradient clipping, AdamW.

`--trainable aid` (default) is the paper's recipe: DQFormer, adapters and every attn2. `everything` trains the
whole UNet too.
"""

import argparse
from typing import Any

import torch

from aid_reference.draw import Draw
from aid_reference.model_folder import Model
from aid_reference.training_loss import AID, EVERYTHING, edm_loss, select_trainable
from racing.inputs import draw_condition, latent_shape
from racing.lap import Lap, parser_for, race


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--batch", type=int, default=4, help="clips; default: %(default)s")
    parser.add_argument("--trainable", choices=["aid", "everything"], default="aid")
    parser.add_argument("--height", type=int, help="of the latents; default: the model's video")
    parser.add_argument("--width", type=int)
    arguments = parser.parse_args()
    race(arguments, lambda model: prepare(model, arguments))


def prepare(model: Model, arguments: argparse.Namespace) -> tuple[Lap, dict[str, Any]]:
    denoiser, draw = model.denoiser(), Draw(1)
    shape = latent_shape(model.configs, arguments.batch, arguments.height, arguments.width)
    condition = draw_condition(model.configs, shape, draw)
    clean, noise = draw.normal(*shape.dims), draw.normal(*shape.dims)
    sigma = torch.exp(draw.normal(shape.batch))
    trained = list(select_trainable(denoiser, AID if arguments.trainable == "aid" else EVERYTHING).values())
    optimiser = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.01)

    def step() -> float:
        optimiser.zero_grad()
        loss, _ = edm_loss(denoiser, clean, noise, sigma, condition)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        return loss.item()

    parameters = sum(p.numel() for p in trained)
    return step, {"race": "train_step", "latents": shape.dims, "trained_parameters": parameters}


if __name__ == "__main__":
    main()
