"""Times a whole clip: VAE and CLIP encode the frame, CLIP the texts, DQFormer, Euler steps with dual guidance, decode.

From tensors to tensors: neither pictures nor words are read. Texts are the instruction, the states and the empty
text; guidance branches that vanish are not run, the others go as one batch; all frames are decoded at once.
"""

import argparse
from typing import Any

import torch
from torch import Tensor

from aid_reference.denoiser import Condition, repeat_first_frame
from aid_reference.draw import Draw
from aid_reference.karras import karras_sigmas
from aid_reference.model_folder import Model
from aid_reference.sampler import dual_guidance, euler
from aid_reference.vae import pixels_per_latent
from racing.inputs import draw_text_ids, latent_shape, num_states, time_ids
from racing.lap import Lap, parser_for, race


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--preset", help="one of the model's; default: its own settings")
    parser.add_argument("--steps", type=int, help="default: the model's")
    parser.add_argument("--frame-guidance", type=float, help="default: the model's")
    parser.add_argument("--text-guidance", type=float, help="default: the model's")
    parser.add_argument("--height", type=int, help="of the latents; default: the model's video")
    parser.add_argument("--width", type=int)
    arguments = parser.parse_args()
    with torch.inference_mode():
        race(arguments, lambda model: prepare(model, arguments))


def prepare(model: Model, arguments: argparse.Namespace) -> tuple[Lap, dict[str, Any]]:
    configs, draw = model.configs, Draw(1)
    denoiser, vae = model.denoiser(), model.vae()
    image_encoder, text_encoder = model.image_encoder(), model.text_encoder()
    shape = latent_shape(configs, 1, arguments.height, arguments.width)
    factor, sampling = pixels_per_latent(configs.vae), sampling_of(configs.aid, arguments.preset)
    steps = arguments.steps or sampling.get("num_inference_steps", 25)
    frame_guidance = chosen(arguments.frame_guidance, sampling.get("frame_guidance", 1.0))
    text_guidance = chosen(arguments.text_guidance, sampling.get("text_guidance", 1.0))
    frame = draw.normal(1, 3, shape.height * factor, shape.width * factor)
    size, states = configs.image_encoder["image_size"], num_states(configs)
    clip_frame = draw.normal(1, 3, size, size)
    ids = draw_text_ids(configs, 1 + states + 1, draw)  # instruction, states, empty
    noise = draw.normal(*shape.dims)
    low, high = sampling.get("sigma_min", 0.002), sampling.get("sigma_max", 700.0)
    sigmas = karras_sigmas(steps, low, high, sampling.get("rho", 7))

    def clip() -> Tensor:
        frame_latents = torch.zeros(shape.dims)
        latents = vae.encode(frame).latent_dist.mode()
        frame_latents[:, : shape.frames if configs.aid.get("fill") == "repeat" else 1] = latents[:, None]
        texts = text_encoder(ids)["last_hidden_state"]  # [1+S+1,L,T]
        full = Condition(
            frame_latents=frame_latents,
            instruction_embeds=texts[:1],
            state_embeds=texts[1:-1].flatten(0, 1)[None],
            visual_embeds=image_encoder(pixel_values=clip_frame).last_hidden_state,
            added_time_ids=time_ids(configs),
            data_mean=repeat_first_frame(frame_latents) * configs.vae["scaling_factor"]
            if configs.aid.get("data_mean") == "frame"
            else None,
        )
        null_states = texts[-1:].repeat(1, states, 1)
        denoise = dual_guidance(denoiser, full, texts[-1:], null_states, frame_guidance, text_guidance)
        latents = euler(denoise, noise, sigmas, full.data_mean)[-1]
        scaled = latents.flatten(0, 1) / configs.vae["scaling_factor"]
        return vae.decode(scaled, num_frames=shape.frames).sample

    return clip, {"race": "clip", "latents": shape.dims, "pixels": tuple(frame.shape[2:]), "steps": steps}


def sampling_of(aid: dict[str, Any], preset: str | None) -> dict[str, Any]:
    """The model's own settings with what a preset changes of them."""
    presets = aid.get("presets", {})
    if preset is not None and preset not in presets:
        raise SystemExit(f"--preset {preset}: the model has {', '.join(presets) or 'none'}")
    sampling = {**aid.get("sampling", {}), **presets.get(preset, {})}
    # A step of Euler's method and of DPM-Solver++ runs the network once, a step of Heun's twice.
    if sampling.get("sampler") == "heun":
        raise SystemExit("only Euler's method is here: a step of Heun's takes twice as long")
    return sampling


def chosen(asked: float | None, own: float) -> float:
    return own if asked is None else asked


if __name__ == "__main__":
    main()
