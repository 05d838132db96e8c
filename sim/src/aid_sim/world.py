"""A scene as a MuJoCo model."""

import mujoco
import numpy as np

from . import textures
from .arm import ArmLook, arm_actuators, arm_assets, arm_body, arm_defaults
from .scene import Distractor, Plate, Scene, SceneObject

TIMESTEP = 0.004
SHADOW_SIZE = 512
"""Side of the shadow map. Pixels."""
OFFSCREEN = 1024
"""Largest width and height that can be drawn, before downsampling. Pixels."""
OBJECT_DENSITY = 500.0

WALL_DISTANCE = 0.58
"""From the view's centre, along the horizontal viewing direction. Metres."""
WALL_SLOPE = 0.8
WALL_HEIGHT = 0.6
"""Slope in radians from level; height along the slope in metres."""
VIEW_CENTRE = (0.28, 0.03, 0.05)
"""Middle of what is lit with shadows, world frame."""

_SEEN = 'contype="0" conaffinity="0" group="1"'
_CONTACT = 'solref="0.01 1" solimp="0.95 0.99 0.001"'
_FIXED = 'contype="0" conaffinity="1" friction="0.7 0.01 0.001" group="1" ' + _CONTACT


def body_name(item: SceneObject) -> str:
    """Name of an object's body in the model."""
    return f"object/{item.name}"


def _rgba(rgb: tuple[float, ...], scale: float = 1.0) -> str:
    return " ".join(f"{min(1.0, v * scale):.4f}" for v in rgb) + " 1"


def _object(item: SceneObject) -> str:
    shape = item.shape
    kind = {"box": "box", "cylinder": "cylinder", "ball": "sphere"}[shape.kind]
    size = " ".join(str(v) for v in shape.size)
    # A ball stands on a thick carpet: rolling friction of 8 mm keeps it where it is put.
    friction = (
        'condim="6" friction="0.7 0.01 0.008"'
        if kind == "sphere"
        else ('condim="4" friction="0.7 0.01 0.001"')
    )
    x, y, z = (float(v) for v in item.position)
    half = item.yaw / 2
    return f"""
    <body name="{body_name(item)}" pos="{x} {y} {z}" quat="{np.cos(half)} 0 0 {np.sin(half)}">
      <freejoint name="{body_name(item)}"/>
      <geom name="{body_name(item)}" type="{kind}" size="{size}" density="{OBJECT_DENSITY}"
        contype="1" conaffinity="1" {friction} {_CONTACT} group="1"
        material="object" rgba="{_rgba(item.rgb)}"/>
    </body>"""


def _plate(plate: Plate) -> str:
    x, y = plate.xy
    half = plate.height / 2
    return f"""
    <geom name="plate/{plate.name}" {_FIXED} condim="4" type="cylinder" pos="{x} {y} {half}"
      size="{plate.radius} {half}" material="plate" rgba="{_rgba(plate.rgb)}"/>
    <geom {_SEEN} type="cylinder" pos="{x} {y} {half + 0.0006}"
      size="{plate.radius * 0.72} {half}" material="plate" rgba="{_rgba(plate.rgb, 0.84)}"/>"""


def _distractor(item: Distractor) -> str:
    x, y = item.xy
    rgba = f'{_FIXED} material="object" rgba="{_rgba(item.rgb)}"'
    inner = {
        "can": f'<geom {rgba} type="cylinder" pos="0 0 0.024" size="0.017 0.024"/>',
        "sponge": f'<geom {rgba} type="box" pos="0 0 0.011" size="0.032 0.020 0.011"/>',
        "marker": f'<geom {rgba} type="capsule" euler="0 1.5708 0" pos="0 0 0.009" '
        'size="0.009 0.043"/>',
        "mug": f'<geom {rgba} type="cylinder" pos="0 0 0.023" size="0.024 0.023"/>'
        f'<geom {_SEEN} type="cylinder" pos="0 0 0.0238" size="0.019 0.023" '
        'rgba="0.12 0.10 0.09 1"/>'
        f'<geom {rgba} type="box" pos="0.030 0 0.024" size="0.008 0.004 0.013"/>',
    }[item.kind]
    return f'<body pos="{x} {y} 0" euler="0 0 {item.yaw}">{inner}</body>'


def _surroundings(scene: Scene) -> str:
    """Table and wall, square to the camera's viewing direction.

    The wall leans back, towards the light: shadows on a steep wall would be speckled.
    """
    along = scene.camera.image_right()
    yaw = np.arctan2(along[1], along[0])
    x, y = VIEW_CENTRE[:2]
    back, up = WALL_HEIGHT / 2 * np.cos(WALL_SLOPE), WALL_HEIGHT / 2 * np.sin(WALL_SLOPE)
    return f"""
    <body pos="{x} {y} 0" euler="0 0 {yaw}">
      <geom name="table" {_FIXED} type="plane" size="0.8 0.8 0.1"/>
      <geom name="wall" {_SEEN} type="plane" pos="0 {WALL_DISTANCE + back} {up}"
        euler="{WALL_SLOPE} 0 0" size="0.8 {WALL_HEIGHT / 2} 0.1"/>
    </body>"""


def _texture(spec: mujoco.MjSpec, name: str, pixels: np.ndarray, shine: float) -> None:
    """Puts pixels [H, W, 3] on the plane of this name, once over its whole area."""
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=pixels.shape[1],
        height=pixels.shape[0],
        nchannel=3,
    )
    texture.data = np.ascontiguousarray(pixels).tobytes()
    material = spec.add_material(name=name, specular=shine, shininess=0.2)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    geom = spec.geom(name)
    geom.material = name
    geom.rgba = [1, 1, 1, 1]


def build_model(scene: Scene, look: ArmLook | None = None) -> mujoco.MjModel:
    """The scene's model: named bodies `object/<name>`, geoms `plate/<name>`, camera `camera`."""
    light = scene.light
    ambient = light.ambient
    # The shadow map is a box around this point's ray.
    above = np.array(VIEW_CENTRE) - 1.5 * np.array(light.direction)
    xml = f"""
<mujoco model="tabletop">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10"
    iterations="30" ls_iterations="20"/>
  <statistic center="{" ".join(map(str, VIEW_CENTRE))}" extent="0.5"/>
  <visual>
    <global offwidth="{OFFSCREEN}" offheight="{OFFSCREEN}"/>
    <quality shadowsize="{SHADOW_SIZE}" offsamples="0" numslices="16" numstacks="6" numquads="1"/>
    <map znear="0.05" zfar="5" shadowclip="0.95" shadowscale="0.9"/>
    <headlight ambient="{ambient} {ambient} {ambient}" diffuse="0 0 0" specular="0 0 0"/>
  </visual>
  <default>
    <geom rgba="0.5 0.5 0.5 1"/>
    {arm_defaults()}
  </default>
  <asset>
    {arm_assets(look or ArmLook())}
    <material name="object" specular="0.25" shininess="0.4"/>
    <material name="plate" specular="0.35" shininess="0.6"/>
  </asset>
  <worldbody>
    <light type="directional" castshadow="true" pos="{" ".join(map(str, above))}"
      dir="{" ".join(map(str, light.direction))}" diffuse="{" ".join(map(str, light.key))}"
      specular="0.3 0.3 0.3" ambient="0 0 0"/>
    <light type="directional" dir="0.5 0.6 -0.6" castshadow="false" pos="0.3 0 2"
      diffuse="{light.fill} {light.fill} {light.fill}" specular="0 0 0" ambient="0 0 0"/>
    {scene.camera.mjcf()}
    {_surroundings(scene)}
    {"".join(_plate(plate) for plate in scene.plates)}
    {"".join(_distractor(item) for item in scene.distractors)}
    {arm_body()}
    {"".join(_object(item) for item in scene.objects)}
  </worldbody>
  {arm_actuators()}
</mujoco>"""
    spec = mujoco.MjSpec.from_string(xml)
    around = scene.surroundings
    rng = np.random.Generator(np.random.PCG64(around.texture_seed))
    draw = {"wood": textures.wood, "plain": textures.plain}[around.style]
    _texture(spec, "table", draw(rng, *around.tones), 0.1)
    _texture(spec, "wall", textures.kitchen(rng, around.wall, around.furniture), 0.0)
    return spec.compile()
