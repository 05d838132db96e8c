"""The kinds of golden case. Each says how to build its model, draw its inputs and work out its outputs."""

from .clip import CLIP_TEXT, CLIP_VISION
from .denoising import SAMPLER, TRAINING
from .dqformer import DQFORMER
from .inception import I3D, INCEPTION_V3
from .kind import Kind
from .lpips import LPIPS
from .unet import UNET_AID, UNET_SVD
from .vae import VAE
from .video_distance import VIDEO_DISTANCE

KINDS: dict[str, Kind] = {
    "clip-text": CLIP_TEXT,
    "clip-vision": CLIP_VISION,
    "vae": VAE,
    "unet-svd": UNET_SVD,
    "unet-aid": UNET_AID,
    "dqformer": DQFORMER,
    "sampler": SAMPLER,
    "training": TRAINING,
    "video-distance": VIDEO_DISTANCE,
    "i3d": I3D,
    "inception-v3": INCEPTION_V3,
    "lpips": LPIPS,
}

__all__ = ["KINDS", "Kind"]
