"""One episode as one MCAP bag of ROS 2 messages."""

import io
import json

import numpy as np
from mcap.writer import CompressionType
from mcap_ros2.writer import Writer
from PIL import Image

from . import __version__
from .arm import FINGERS, JOINTS
from .commands import Instruction
from .episode import Episode
from .ros_messages import DEFINITIONS, camera_info, compressed_image, joint_state

IMAGE_TOPIC = "/camera/image/compressed"
CAMERA_INFO_TOPIC = "/camera/camera_info"
INSTRUCTION_TOPIC = "/instruction"
JOINTS_TOPIC = "/joint_states"
METADATA = "aid_sim"
START_NS = 1_700_000_000_000_000_000
"""Stamp of every bag's first frame, so that a seed's bag is the same bytes whenever it is made."""
JPEG_QUALITY = 95


def encode_jpeg(frame: np.ndarray) -> bytes:
    """JPEG of a uint8 [H, W, 3] frame, without chroma subsampling."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def encode_bag(
    episode: Episode,
    frames: list[np.ndarray],
    indices: list[int],
    instruction: Instruction,
    variant: str,
    fps: float,
) -> bytes:
    """The bag's bytes.

    Args:
        episode: a successful one.
        frames: uint8 [H, W, 3] pictures of some of its states.
        indices: which states these are.
        instruction: what is said at the first frame.
        variant: name of the scene's variant.
        fps: rate of the episode's states.
    """
    output = io.BytesIO()
    # JPEGs do not compress, and without compression every MCAP reader can read the bag.
    writer = Writer(output, compression=CompressionType.NONE)
    schemas = {name: writer.register_msgdef(name, text) for name, text in DEFINITIONS.items()}
    height, width = frames[0].shape[:2]

    def write(topic: str, kind: str, message: dict, stamp: int, sequence: int) -> None:
        writer.write_message(topic, schemas[kind], message, stamp, stamp, sequence)

    write(INSTRUCTION_TOPIC, "std_msgs/msg/String", {"data": instruction.text}, START_NS, 0)
    for sequence, (index, frame) in enumerate(zip(indices, frames, strict=True)):
        stamp = START_NS + round(episode.times[index] * 1e9)
        info = camera_info(stamp, episode.scene.camera, width, height)
        write(CAMERA_INFO_TOPIC, "sensor_msgs/msg/CameraInfo", info, stamp, sequence)
        image = compressed_image(stamp, encode_jpeg(frame))
        write(IMAGE_TOPIC, "sensor_msgs/msg/CompressedImage", image, stamp, sequence)
        joints = joint_state(
            stamp, (*JOINTS, *FINGERS), episode.joints[index], episode.velocities[index]
        )
        write(JOINTS_TOPIC, "sensor_msgs/msg/JointState", joints, stamp, sequence)
    command = episode.command
    writer.add_metadata(
        METADATA,
        {
            "version": __version__,
            "variant": variant,
            "seed": str(episode.scene.seed),
            "family": command.family,
            "object": command.object,
            "target": command.target or "",
            "instruction": instruction.text,
            "wording": instruction.wording,
            "heldOut": str(instruction.held_out).lower(),
            "fps": f"{fps:g}",
            "frames": str(len(frames)),
            "durationSeconds": f"{episode.times[-1]:.3f}",
            "success": "true",
            "finalPoses": json.dumps(
                {name: [round(float(v), 5) for v in pose] for name, pose in episode.final.items()}
            ),
            "decisions": json.dumps(
                {name: round(float(v), 5) for name, v in episode.decisions.items()}
            ),
        },
    )
    writer.finish()
    return output.getvalue()
