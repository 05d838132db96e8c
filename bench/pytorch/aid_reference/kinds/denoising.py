"""UNet and DQFormer together: `sampler`, `training`."""

import torch
from torch import nn

from ..adapted_unet import build_unet
from ..case_folder import Case, Tensors
from ..config import Config
from ..denoiser import Condition, Denoiser, repeat_first_frame
from ..dqformer import DQFormer
from ..draw import Draw
from ..karras import karras_sigmas
from ..sampler import dual_guidance, euler
from ..training_loss import edm_loss, select_trainable
from .dqformer import draw_embeds
from .kind import Kind


def _build(case: Case) -> nn.Module:
    """The denoiser of the cases in `uses`, with their weights."""
    used = case.used()
    unet, dqformer = build_unet(used["unet-aid"].config), DQFormer(used["dqformer"].config)
    unet.load_state_dict(used["unet-aid"].weights)
    dqformer.load_state_dict(used["dqformer"].weights)
    return Denoiser(unet, dqformer)


def _draw_condition(case: Case, shapes: Config, draw: Draw) -> tuple[Tensors, tuple[int, ...]]:
    used = case.used()
    unet, dqformer = used["unet-aid"].config, used["dqformer"].config
    latents = (
        shapes["batch"],
        dqformer["num_frames"],
        unet["out_channels"],
        shapes.get("height", 8),
        shapes.get("width", 12),
    )
    inputs = draw_embeds(dqformer, shapes, draw)
    inputs["frame_latents"] = draw.normal(*latents)
    inputs["frame_latents"][:, 1:] = 0  # one given frame
    inputs["added_time_ids"] = draw.time_ids(shapes["batch"])
    return inputs, latents


def _condition(io: Tensors, config: Config) -> Condition:
    names = [name for name in Condition.__dataclass_fields__ if name != "data_mean"]
    mean = repeat_first_frame(io["frame_latents"]) if config.get("data_mean") == "frame" else None
    return Condition(**{name: io[name] for name in names}, data_mean=mean)


def _sampler_inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    inputs, latents = _draw_condition(case, {"batch": 1} | shapes, draw)
    inputs["initial_noise"] = draw.normal(*latents)
    for name in ("instruction_embeds", "state_embeds"):
        inputs[f"null_{name}"] = draw.normal(*inputs[name].shape)
    return inputs


def _sampler_outputs(model: nn.Module, case: Case, io: Tensors) -> Tensors:
    config = case.config
    sigmas = karras_sigmas(config["num_inference_steps"], config["sigma_min"], config["sigma_max"], config["rho"])
    assert isinstance(model, Denoiser)
    condition = _condition(io, config)
    denoise = dual_guidance(
        model,
        condition,
        io["null_instruction_embeds"],
        io["null_state_embeds"],
        config["frame_guidance"],
        config["text_guidance"],
    )
    latents = euler(denoise, io["initial_noise"], sigmas, condition.data_mean)
    return {
        "sigmas": sigmas,
        "timesteps": torch.log(sigmas[:-1]) / 4,
        "latents_after_each_step": torch.stack(latents),
    }


def _training_inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    inputs, latents = _draw_condition(case, {"batch": 2} | shapes, draw)
    inputs["clean_latents"] = draw.normal(*latents)
    inputs["noise"] = draw.normal(*latents)
    inputs["sigma"] = torch.exp(draw.normal(latents[0]))
    return inputs


def _training_outputs(model: nn.Module, case: Case, io: Tensors) -> Tensors:
    assert isinstance(model, Denoiser)
    trained = select_trainable(model, case.config["trainable"])
    with torch.enable_grad():
        loss, denoised = edm_loss(model, io["clean_latents"], io["noise"], io["sigma"], _condition(io, case.config))
        loss.backward()
    grads = {f"grad.{name}": p.grad for name, p in trained.items() if p.grad is not None}
    return {"loss": loss.detach()[None], "denoised": denoised.detach(), **grads}


SAMPLER = Kind(
    note="Euler on Karras sigmas, v-prediction; guidance of Eq. 8: none + s_frame (frame - none) + s_text "
    "(full - frame); none: zero frame latents and zero visual embeds, empty text; frame: the frame, empty text",
    build=_build,
    inputs=_sampler_inputs,
    outputs=_sampler_outputs,
)
TRAINING = Kind(
    note="EDM denoising loss with weight (1+sigma^2)/sigma^2; grad.* are its gradients; parameters with no "
    "grad.* entry get none",
    build=_build,
    inputs=_training_inputs,
    outputs=_training_outputs,
)
