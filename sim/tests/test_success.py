from dataclasses import replace

import numpy as np
import pytest

from aid_sim.commands import FAMILIES, Command, push_direction
from aid_sim.scene import sample_scene
from aid_sim.success import failure
from aid_sim.variant import load_variant

FAR = np.array([0.0, 0.0, 0.5])


@pytest.fixture
def scene():
    return sample_scene(2, load_variant())


def still(scene):
    return {
        item.name: np.array([*item.position, np.cos(item.yaw / 2), 0, 0, np.sin(item.yaw / 2)])
        for item in scene.objects
    }


def test_nothing_done_is_no_success(scene):
    first, second = scene.objects[:2]
    plate = scene.plates[0].name
    final = still(scene)
    assert failure(scene, Command("put", first.name, plate), final, FAR) == "not-on-plate"
    assert failure(scene, Command("stack", first.name, second.name), final, FAR) == "not-on-object"
    assert failure(scene, Command("push_left", first.name), final, FAR) == "not-pushed"


def test_an_object_on_the_plate_counts_only_at_rest_upon_it(scene):
    item, plate = scene.objects[0], scene.plates[0]
    command = Command("put", item.name, plate.name)
    final = still(scene)
    final[item.name][:3] = [*plate.xy, plate.height + item.shape.half_height]
    assert failure(scene, command, final, FAR) is None
    assert failure(scene, command, final, final[item.name][:3]) == "arm-too-near"
    final[item.name][2] += 0.05
    assert failure(scene, command, final, FAR) == "not-on-plate"


def test_a_stack_needs_its_height_and_its_middle(scene):
    item, below = scene.objects[:2]
    command = Command("stack", item.name, below.name)
    height = 2 * below.shape.half_height + item.shape.half_height
    final = still(scene)
    final[item.name][:3] = [*below.xy, height]
    assert failure(scene, command, final, FAR) is None
    final[item.name][0] += 0.03
    assert failure(scene, command, final, FAR) == "not-on-object"


def farthest_from_arm(scene):
    return max(scene.objects, key=lambda o: scene.start.distance_in_view(scene.camera, o.xy))


def test_an_outcome_behind_the_arm_is_a_failure(scene):
    item = farthest_from_arm(scene)
    places = [np.array([x, y]) for x in np.arange(0, 0.4, 0.02) for y in np.arange(-0.3, 0.3, 0.02)]
    hidden = min(places, key=lambda xy: scene.start.distance_in_view(scene.camera, xy))
    final = still(scene)
    final[item.name][:2] = hidden
    assert failure(scene, Command("push_left", item.name), final, FAR) == "behind-arm"


LYING = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0])
"""Turned by a quarter around x."""


def done(scene, family):
    """A command of a family, and the poses after it succeeded."""
    item = farthest_from_arm(scene)
    final = still(scene)
    position = final[item.name][:3]
    if family == "put":
        plate = scene.plates[0]
        position[:] = [*plate.xy, plate.height + item.shape.half_height]
        return Command("put", item.name, plate.name), final
    if family == "stack":
        below = next(other for other in scene.objects if other.name != item.name)
        height = 2 * below.shape.half_height + item.shape.half_height
        position[:] = [*below.xy, height]
        return Command("stack", item.name, below.name), final
    position[:2] += 0.1 * push_direction(scene, family)
    return Command(family, item.name), final


def with_shape(scene, name, shape):
    objects = (replace(o, shape=shape) if o.name == name else o for o in scene.objects)
    return replace(scene, objects=tuple(objects))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind, reason", [("cylinder", "toppled"), ("ball", None)])
def test_an_object_that_lies_down_is_a_failure_unless_it_is_a_ball(scene, family, kind, reason):
    scene = with_shape(scene, farthest_from_arm(scene).name, load_variant().shapes[kind])
    command, final = done(scene, family)
    assert failure(scene, command, final, FAR) is None
    shape = scene.object(command.object).shape
    final[command.object][2] += shape.size[0] - shape.half_height
    final[command.object][3:] = LYING
    assert failure(scene, command, final, FAR) == reason


@pytest.mark.parametrize("family", ["push_left", "push_right"])
def test_a_push_is_judged_along_the_picture(scene, family):
    item = farthest_from_arm(scene)
    command = Command(family, item.name)
    other = Command("push_right" if family == "push_left" else "push_left", item.name)
    final = still(scene)
    final[item.name][:2] += 0.1 * push_direction(scene, family)
    assert failure(scene, command, final, FAR) is None
    assert failure(scene, other, final, FAR) == "not-pushed"
    final[item.name][:2] -= 0.05 * push_direction(scene, family)
    assert failure(scene, command, final, FAR) == "not-pushed"


def test_disturbing_another_object_is_a_failure(scene):
    item, other, plate = scene.objects[0], scene.objects[1], scene.plates[0]
    final = still(scene)
    final[item.name][:3] = [*plate.xy, plate.height + item.shape.half_height]
    final[other.name][0] += 0.02
    command = Command("put", item.name, plate.name)
    assert failure(scene, command, final, FAR) == "disturbed-others"
