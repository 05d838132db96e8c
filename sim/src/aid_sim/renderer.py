"""Draws camera frames without a display (OSMesa), at twice the size and averaged down."""

import atexit

import mujoco
import numpy as np
from mujoco.osmesa import GLContext
from PIL import Image

from .world import OFFSCREEN

SUPERSAMPLING = 2


class _SharedContext:
    """One OpenGL context for the process; making one costs more than a frame."""

    context: GLContext | None = None

    @classmethod
    def current(cls) -> None:
        if cls.context is None:
            cls.context = GLContext(OFFSCREEN, OFFSCREEN)
            atexit.register(cls.free)
        cls.context.make_current()

    @classmethod
    def free(cls) -> None:
        if cls.context is not None:
            cls.context.free()
            cls.context = None


class FrameRenderer:
    """Camera frames of one model. Close it, or use it as a context manager.

    Args:
        model: made by `build_model`.
        width, height: of the frame, pixels.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int):
        _SharedContext.current()
        self.model = model
        self.size = (width, height)
        scale = SUPERSAMPLING
        while scale > 1 and max(width, height) * scale > OFFSCREEN:
            scale -= 1
        self._scale = scale
        self._rect = mujoco.MjrRect(0, 0, width * scale, height * scale)
        self._pixels = np.empty((height * scale, width * scale, 3), np.uint8)
        self._scene = mujoco.MjvScene(model, maxgeom=200)
        self._option = mujoco.MjvOption()
        self._perturbance = mujoco.MjvPerturb()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera("camera").id
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def render(self, data: mujoco.MjData) -> np.ndarray:
        """The frame of a state. Returns a new uint8 [height, width, 3], RGB."""
        mujoco.mjv_updateScene(
            self.model,
            data,
            self._option,
            self._perturbance,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, None, self._rect, self._context)
        if self._scale == 1:
            return self._pixels[::-1].copy()
        return np.asarray(Image.fromarray(self._pixels).reduce(self._scale))[::-1].copy()

    def close(self) -> None:
        """Frees the drawing context."""
        if self._context is not None:
            self._context.free()
            self._context = None

    def __enter__(self) -> "FrameRenderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
