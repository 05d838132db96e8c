"""diffusers' image encoder with the temporal decoder."""

from diffusers import AutoencoderKLTemporalDecoder

from .config import Config, arguments_of


def build_vae(config: Config) -> AutoencoderKLTemporalDecoder:
    """The autoencoder of `config`, in diffusers' own keys."""
    return AutoencoderKLTemporalDecoder(**arguments_of(AutoencoderKLTemporalDecoder.__init__, config)).eval()
