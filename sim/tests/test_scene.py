import numpy as np
import pytest

from aid_sim.commands import possible_commands
from aid_sim.scene import VISIBLE, sample_scene
from aid_sim.variant import load_variant

SCENES = [sample_scene(seed, load_variant()) for seed in range(40)]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: str(scene.seed))
def test_a_scene_is_well_formed(scene):
    names = [item.name for item in scene.objects]
    assert 2 <= len(names) <= 4
    assert len(set(names)) == len(names)
    assert 1 <= len(scene.plates) <= 2
    things = [(item.xy, item.shape.footprint) for item in scene.objects]
    things += [(plate.xy, plate.radius) for plate in scene.plates]
    for index, (at, radius) in enumerate(things):
        x, y = scene.camera.project(np.array([*at, 0.02]))
        assert abs(x) < VISIBLE
        assert abs(y) < 1
        for other, other_radius in things[index + 1 :]:
            assert np.hypot(*np.subtract(at, other)) > radius + other_radius


def test_almost_every_scene_has_two_commands_and_all_families_occur():
    commands = [possible_commands(scene) for scene in SCENES]
    assert sum(len(found) >= 2 for found in commands) >= 38
    families = {command.family for found in commands for command in found}
    assert families == {"put", "push_left", "push_right", "stack"}


def test_the_picture_agrees_with_the_camera_model():
    camera = SCENES[0].camera
    ahead = camera.position + 0.5 * camera.forward
    assert np.allclose(camera.project(ahead), (0, 0), atol=1e-9)
    right = np.array([*camera.image_right(), 0.0])
    assert camera.project(ahead + 0.1 * right)[0] > 0.1
    assert np.allclose(np.cross(camera.right, camera.down), camera.forward)
