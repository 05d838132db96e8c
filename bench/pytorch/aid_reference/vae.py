"""diffusers' image encoder with the temporal decoder, on patches of pixels where the config says so."""

from typing import Any

from diffusers import AutoencoderKLTemporalDecoder
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from .config import Config, arguments_of
from .norm_groups import norm_groups


class PatchedAutoencoder(AutoencoderKLTemporalDecoder):
    """`patch_size` p: blocks of p x p pixels are channels to the network. Keys and shapes are diffusers'."""

    patch_size = 1

    def encode(self, x: Tensor, return_dict: bool = True) -> Any:
        return super().encode(pixel_unshuffle(x, self.patch_size), return_dict=return_dict)

    def decode(self, z: Tensor, num_frames: int, return_dict: bool = True) -> Any:
        decoded = super().decode(z, num_frames=num_frames)
        decoded.sample = pixel_shuffle(decoded.sample, self.patch_size)
        return decoded if return_dict else (decoded.sample,)


def build_vae(config: Config) -> AutoencoderKLTemporalDecoder:
    """The autoencoder of `config`, in diffusers' own keys."""
    patch = config.get("patch_size", 1)
    own = PatchedAutoencoder if patch > 1 else AutoencoderKLTemporalDecoder
    with norm_groups(config):
        vae = own(**arguments_of(AutoencoderKLTemporalDecoder.__init__, config)).eval()
    if patch > 1:
        vae.patch_size = patch
    return vae


def pixels_per_latent(config: Config) -> int:
    """Along each side."""
    return config.get("patch_size", 1) * 2 ** (len(config["block_out_channels"]) - 1)
