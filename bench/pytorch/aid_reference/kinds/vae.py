"""The autoencoder: `vae`."""

from torch import nn

from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw
from ..vae import build_vae, pixels_per_latent
from .kind import Kind


def _inputs(case: Case, shapes: Config, draw: Draw) -> Tensors:
    """pixels [B,3,H,W], and latents [B*F,4,h,w] of B clips; height and width are the latents'."""
    config, batch = case.config, shapes.get("batch", 2)
    height, width = shapes.get("height", 8), shapes.get("width", 12)
    factor, channels = pixels_per_latent(config), config["in_channels"] // config.get("patch_size", 1) ** 2
    latents = (batch * config["num_frames"], config["latent_channels"], height, width)
    return {
        "pixels": draw.normal(batch, channels, height * factor, width * factor, std=0.7),
        "latents": draw.normal(*latents),
    }


def _outputs(model: nn.Module, case: Case, io: Tensors) -> Tensors:
    posterior = model.encode(io["pixels"]).latent_dist
    decoded = model.decode(io["latents"], num_frames=case.config["num_frames"]).sample
    return {"latent_mode": posterior.mode(), "latent_std": posterior.std, "decoded": decoded}


VAE = Kind(
    note="diffusers AutoencoderKLTemporalDecoder; latents here are what decode() takes "
    "(already divided by scaling_factor)",
    build=lambda case: build_vae(case.config),
    inputs=_inputs,
    outputs=_outputs,
)
