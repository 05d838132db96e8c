"""The networks that features come from: `i3d` and `inception-v3`."""

from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw
from ..inception import I3d, InceptionV3
from .kind import Kind


def _clips(_case: Case, shapes: Config, draw: Draw) -> Tensors:
    frames, side = shapes.get("frames", 10), shapes.get("side", 64)
    return {"pixels": draw.uniform(shapes.get("batch", 2), 3, frames, side, side, low=-1.0)}


def _pictures(_case: Case, shapes: Config, draw: Draw) -> Tensors:
    side = shapes.get("side", 91)
    return {"pixels": draw.uniform(shapes.get("batch", 2), 3, side, side, low=-1.0)}


I3D = Kind(
    note="I3D, logits averaged over time, no softmax",
    build=lambda case: I3d(case.config["num_classes"], case.config["width"], case.config.get("eps", 1e-5)),
    inputs=_clips,
    outputs=lambda model, _case, io: {"logits": model(io["pixels"])},
)

INCEPTION_V3 = Kind(
    note="Inception v3 as TensorFlow's graph of 2015, the last pooled features",
    build=lambda case: InceptionV3(case.config["width"], case.config.get("eps", 1e-3)),
    inputs=_pictures,
    outputs=lambda model, _case, io: {"features": model(io["pixels"])},
)
