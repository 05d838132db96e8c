"""The camera over the shoulder: pose, projection, and what left and right mean in the picture."""

from dataclasses import dataclass

import numpy as np

from .random_streams import stream
from .variant import CameraRanges


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the world frame.

    `position` [3]; `right`, `down`, `forward` [3] unit vectors (the optical frame of ROS);
    `fovy` vertical field of view, degrees.
    """

    position: np.ndarray
    right: np.ndarray
    down: np.ndarray
    forward: np.ndarray
    fovy: float

    def project(self, point: np.ndarray) -> tuple[float, float]:
        """Where a world point appears: (x right, y down), each -1..1 over the picture's height."""
        offset = np.asarray(point) - self.position
        scale = 1 / (offset @ self.forward * np.tan(np.radians(self.fovy) / 2))
        return float(offset @ self.right * scale), float(offset @ self.down * scale)

    def image_right(self) -> np.ndarray:
        """[2] unit vector along the table that points right in the picture."""
        across = self.right[:2]
        return across / np.linalg.norm(across)

    def intrinsics(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Pinhole fx, fy, cx, cy in pixels (ROS: pixel centres at whole numbers)."""
        focal = height / 2 / np.tan(np.radians(self.fovy) / 2)
        return focal, focal, (width - 1) / 2, (height - 1) / 2

    def mjcf(self) -> str:
        """MJCF element named "camera"."""
        axes = " ".join(repr(float(v)) for v in (*self.right, *(-self.down)))
        position = " ".join(repr(float(v)) for v in self.position)
        return f'<camera name="camera" pos="{position}" xyaxes="{axes}" fovy="{self.fovy}"/>'


def sample_camera(seed: int, ranges: CameraRanges) -> Camera:
    """The camera of a seed."""
    rng = stream(seed, "camera")
    jitter = ranges.jitter

    def around(centre: float, key: str) -> float:
        return centre + rng.uniform(-1, 1) * jitter.get(key, 0.0)

    target = np.array([around(value, "target") for value in ranges.target])
    azimuth = np.radians(around(ranges.azimuth, "azimuth"))
    elevation = np.radians(around(ranges.elevation, "elevation"))
    distance = around(ranges.distance, "distance")
    roll = np.radians(around(0.0, "roll"))

    forward = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            -np.sin(elevation),
        ]
    )
    level = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    steep = np.cross(forward, level)
    right = np.cos(roll) * level + np.sin(roll) * steep
    return Camera(
        target - distance * forward, right, np.cross(forward, right), forward, ranges.fovy
    )
