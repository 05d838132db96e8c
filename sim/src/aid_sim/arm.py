"""The arm: a WidowX 250 (6 degrees of freedom) in its true link lengths, drawn with primitives.

Link offsets and joint ranges are those of the maker's published description. Two prismatic fingers
close symmetrically. Only gripper and fingers collide, and only with the objects.
"""

from dataclasses import dataclass

JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")
FINGERS = ("left_finger", "right_finger")
JOINT_RANGES = (
    (-3.14158, 3.14158),
    (-1.88496, 1.98968),
    (-2.14675, 1.6057),
    (-3.14158, 3.14158),
    (-1.74533, 2.14675),
    (-3.14158, 3.14158),
)
HOME = (0.0, -1.1, 1.1, 0.0, 1.0, 0.0)
"""A folded pose, gripper pointing forward and down. Radians."""

PINCH_SITE = "pinch"
"""Site between the finger pads: x points out of the gripper, y is the opening axis."""
FINGERTIP = 0.019
"""Distance from the pinch site to the finger tips, along the gripper's x. Metres."""
FINGER_THICKNESS = 0.009
FINGER_OPEN = 0.037
"""Largest distance of a finger pad from the gripper's middle plane. Metres."""


@dataclass(frozen=True)
class ArmLook:
    """Colours of the arm, RGB in 0..1."""

    body: tuple[float, float, float] = (0.10, 0.10, 0.11)
    link: tuple[float, float, float] = (0.20, 0.20, 0.22)
    finger: tuple[float, float, float] = (0.15, 0.15, 0.16)


def arm_assets(look: ArmLook) -> str:
    """MJCF materials of the arm."""

    def material(name: str, rgb: tuple[float, float, float], shine: float) -> str:
        r, g, b = rgb
        return f'<material name="{name}" rgba="{r} {g} {b} 1" specular="{shine}" shininess="0.5"/>'

    return (
        material("arm_body", look.body, 0.5)
        + material("arm_link", look.link, 0.7)
        + material("arm_finger", look.finger, 0.3)
    )


def arm_body() -> str:
    """MJCF body tree of the arm, base at the origin of the world frame."""
    ranges = {
        name: f'range="{lo} {hi}"' for name, (lo, hi) in zip(JOINTS, JOINT_RANGES, strict=True)
    }
    see = 'contype="0" conaffinity="0" density="0" group="1"'
    dark, light = f'{see} material="arm_body"', f'{see} material="arm_link"'
    touch = (
        'contype="0" conaffinity="1" condim="4" priority="1" friction="1.4 0.02 0.0005" '
        'solref="0.01 1" solimp="0.95 0.99 0.001" density="0" group="1"'
    )

    def finger(side: str, sign: int) -> str:
        pad = sign * FINGER_THICKNESS / 2
        return f"""
        <body name="{side}_finger" pos="0.066 0 0" gravcomp="1">
          <inertial pos="0.02 0 0" mass="0.03" diaginertia="1e-5 1e-5 1e-5"/>
          <joint name="{side}_finger" type="slide" axis="0 {sign} 0" range="0 {FINGER_OPEN}"
            armature="0.2" damping="2"/>
          <geom {touch} material="arm_finger" type="box" pos="0.029 {pad} 0"
            size="0.025 {FINGER_THICKNESS / 2} 0.011"/>
          <geom {dark} type="box" pos="0.001 {pad + sign * 0.004} 0" size="0.010 0.009 0.014"/>
        </body>"""

    return f"""
    <body name="base" gravcomp="1">
      <geom {dark} type="box" pos="-0.035 0 0.012" size="0.085 0.060 0.012"/>
      <geom {dark} type="cylinder" pos="0 0 0.045" size="0.046 0.027"/>
      <body name="shoulder" pos="0 0 0.072" gravcomp="1">
        <inertial pos="0 0 0.01" mass="0.48" diaginertia="6e-4 6e-4 4e-4"/>
        <joint name="waist" class="arm" axis="0 0 1" {ranges["waist"]}/>
        <geom {light} type="cylinder" pos="0 0 0.006" size="0.042 0.008"/>
        <geom {dark} type="box" pos="0 0.032 0.032" size="0.020 0.010 0.028"/>
        <geom {dark} type="box" pos="0 -0.032 0.032" size="0.020 0.010 0.028"/>
        <body name="upper_arm" pos="0 0 0.03865" gravcomp="1">
          <inertial pos="0.017 0 0.19" mass="0.43" diaginertia="3.6e-3 3.4e-3 4e-4"/>
          <joint name="shoulder" class="arm" axis="0 1 0" {ranges["shoulder"]}/>
          <geom {dark} type="box" pos="0 0 0.02" size="0.019 0.021 0.036"/>
          <geom {light} type="box" pos="0.004 0 0.135" size="0.015 0.017 0.095"/>
          <geom {dark} type="box" pos="0.026 0 0.25" size="0.042 0.022 0.021"/>
          <body name="forearm" pos="0.04975 0 0.25" gravcomp="1">
            <inertial pos="0.108 0 0" mass="0.235" diaginertia="9e-4 9e-4 4e-5"/>
            <joint name="elbow" class="arm" axis="0 1 0" {ranges["elbow"]}/>
            <geom {dark} type="cylinder" euler="1.5708 0 0" pos="0 0 0" size="0.021 0.027"/>
            <geom {light} type="box" pos="0.085 0 0" size="0.075 0.014 0.015"/>
            <body name="lower_forearm" pos="0.175 0 0" gravcomp="1">
              <inertial pos="0.037 0 0" mass="0.22" diaginertia="1.8e-4 1.7e-4 5e-5"/>
              <joint name="forearm_roll" class="arm" axis="1 0 0" {ranges["forearm_roll"]}/>
              <geom {dark} type="box" pos="0.022 0 0" size="0.036 0.019 0.019"/>
              <geom {dark} type="box" pos="0.066 0.021 0" size="0.026 0.006 0.014"/>
              <geom {dark} type="box" pos="0.066 -0.021 0" size="0.026 0.006 0.014"/>
              <body name="wrist" pos="0.075 0 0" gravcomp="1">
                <inertial pos="0.042 0 0.01" mass="0.085" diaginertia="4e-5 4e-5 3e-5"/>
                <joint name="wrist_angle" class="arm" axis="0 1 0" {ranges["wrist_angle"]}/>
                <geom {light} type="box" pos="0.028 0 0" size="0.034 0.014 0.015"/>
                <body name="gripper" pos="0.065 0 0" gravcomp="1">
                  <inertial pos="0.033 0 0.009" mass="0.12" diaginertia="2e-4 2e-4 2e-4"/>
                  <joint name="wrist_rotate" class="arm" axis="1 0 0" {ranges["wrist_rotate"]}/>
                  <geom {dark} type="box" pos="0.018 0 0" size="0.024 0.020 0.022"/>
                  <geom {touch} material="arm_link" type="box" pos="0.050 0 0"
                    size="0.009 0.058 0.010"/>
                  <site name="{PINCH_SITE}" pos="0.101 0 0" size="0.002" group="5"/>
                  {finger("left", 1)}
                  {finger("right", -1)}
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>"""


def arm_defaults() -> str:
    """MJCF default class of the arm's joints."""
    return '<default class="arm"><joint armature="0.06" damping="0.3"/></default>'


def arm_actuators() -> str:
    """MJCF position actuators: six joints (radians) and two fingers (metres)."""
    joints = "".join(
        f'<position name="{name}" joint="{name}" kp="400" dampratio="1" forcerange="-60 60"/>'
        for name in JOINTS
    )
    fingers = "".join(
        f'<position name="{name}" joint="{name}" kp="1500" dampratio="1" forcerange="-14 14"/>'
        for name in FINGERS
    )
    return f"<actuator>{joints}{fingers}</actuator>"
