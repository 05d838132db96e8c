"""How unlike two pictures look: `lpips`."""

from ..case_folder import Case, Tensors
from ..config import Config
from ..draw import Draw
from ..lpips import Lpips
from .kind import Kind


def _pictures(_case: Case, shapes: Config, draw: Draw) -> Tensors:
    size = shapes.get("batch", 3), 3, shapes.get("height", 48), shapes.get("width", 64)
    a = draw.uniform(*size, low=-1.0)
    # From nearly the same picture to another one.
    share = draw.uniform(size[0], 1, 1, 1)
    return {"a": a, "b": share * a + (1 - share) * draw.uniform(*size, low=-1.0)}


LPIPS = Kind(
    note="LPIPS 0.1 on AlexNet",
    build=lambda case: Lpips(case.config["width"]),
    inputs=_pictures,
    outputs=lambda model, _case, io: {"distance": model(io["a"], io["b"])},
)
