"""The ROS 2 messages of a bag: definitions and values."""

from typing import Any

import numpy as np

from .camera import Camera

CAMERA_FRAME = "camera"
BASE_FRAME = "base"

_TIME = """MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
_HEADER = """MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
"""
_ROI = """MSG: sensor_msgs/RegionOfInterest
uint32 x_offset
uint32 y_offset
uint32 height
uint32 width
bool do_rectify
"""


def _definition(fields: str, *parts: str) -> str:
    return ("\n" + "=" * 80 + "\n").join([fields, *parts])


DEFINITIONS = {
    "std_msgs/msg/String": "string data\n",
    "sensor_msgs/msg/CompressedImage": _definition(
        "std_msgs/Header header\nstring format\nuint8[] data\n", _HEADER, _TIME
    ),
    "sensor_msgs/msg/JointState": _definition(
        "std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\n"
        "float64[] effort\n",
        _HEADER,
        _TIME,
    ),
    "sensor_msgs/msg/CameraInfo": _definition(
        "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\n"
        "float64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\n"
        "uint32 binning_y\nsensor_msgs/RegionOfInterest roi\n",
        _HEADER,
        _TIME,
        _ROI,
    ),
}
"""Message type to its full definition, nested types included, as `ros2 bag record` writes it."""


def header(stamp_ns: int, frame_id: str) -> dict[str, Any]:
    """std_msgs/Header."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return {"stamp": {"sec": seconds, "nanosec": nanoseconds}, "frame_id": frame_id}


def compressed_image(stamp_ns: int, jpeg: bytes) -> dict[str, Any]:
    """sensor_msgs/CompressedImage of a JPEG."""
    return {"header": header(stamp_ns, CAMERA_FRAME), "format": "jpeg", "data": jpeg}


def joint_state(
    stamp_ns: int, names: tuple[str, ...], position: np.ndarray, velocity: np.ndarray
) -> dict[str, Any]:
    """sensor_msgs/JointState: radians for the arm, metres for the fingers."""
    return {
        "header": header(stamp_ns, BASE_FRAME),
        "name": list(names),
        "position": [float(v) for v in position],
        "velocity": [float(v) for v in velocity],
        "effort": [],
    }


def camera_info(stamp_ns: int, camera: Camera, width: int, height: int) -> dict[str, Any]:
    """sensor_msgs/CameraInfo of a pinhole camera without distortion."""
    fx, fy, cx, cy = (float(v) for v in camera.intrinsics(width, height))
    return {
        "header": header(stamp_ns, CAMERA_FRAME),
        "height": height,
        "width": width,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        "r": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "p": [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        "binning_x": 0,
        "binning_y": 0,
        "roi": {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False},
    }
