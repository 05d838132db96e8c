"""A Bridge-style tabletop in MuJoCo: scenes, an expert, camera frames, MCAP bags of ROS 2 messages.

Frames: `world` has its origin at the centre of the arm's base on the table top, x forward, y to the
arm's left, z up. Lengths are metres, angles radians, times seconds, unless a name says otherwise.
"""

import os

# Off-screen drawing without a display; must be set before mujoco is imported.
os.environ["MUJOCO_GL"] = "osmesa"
os.environ["PYOPENGL_PLATFORM"] = "osmesa"

__version__ = "0.3.0"
