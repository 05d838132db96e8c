"""Variant files: what is wrong in one is told in one line, whatever it is."""

import json

import pytest

from aid_sim.errors import AidSimError
from aid_sim.variant import load_variant

VARIANT = load_variant()


def load(tmp_path, text, name="variant.toml"):
    file = tmp_path / name
    file.write_text(text)
    return load_variant(file)


def test_a_file_replaces_parts_and_refuses_unknown_keys(tmp_path):
    changed = load(
        tmp_path,
        'name = "dusk"\n[plates.colours]\nblack = [0.1, 0.1, 0.1]\n[camera]\nfovy = 60\n',
    )
    assert changed.name == "dusk"
    assert list(changed.plate_colours) == ["black"]
    assert changed.camera.fovy == 60
    assert changed.object_colours == VARIANT.object_colours
    with pytest.raises(AidSimError, match="camera: unknown key 'zoom'"):
        load(tmp_path, "[camera]\nzoom = 2\n")


@pytest.mark.parametrize(
    "text, message",
    [
        ("name = 3", "name: expected a text, got 3"),
        ("camera = 3", "camera: expected a table, got 3"),
        ("[plates]\ncount = 3", "plates.count: expected 2 numbers, got 3"),
        ("[plates]\ncount = [0.5, 1]", "plates.count: expected two whole numbers of 0..100"),
        ("[distractors]\ncount = [0, 1000]", "distractors.count: expected two whole numbers"),
        ("[plates]\nradius = 0", "plates.radius: expected a number at least 0.001, got 0"),
        ("[plates]\nradius = true", "plates.radius: expected a number at least 0.001, got True"),
        ("[plates.colours]", "plates.colours: expected a table of names, got {}"),
        ("[plates.colours]\nred = [2, 0, 0]", "plates.colours.red: expected 3 numbers of 0..1"),
        ("[plates.colours]\nred = [nan, 0, 0]", "plates.colours.red: expected 3 numbers"),
        ("[table]\nfurniture = []", "table.furniture: expected a list of colours, got []"),
        ("[table]\nwalls = []", "table.walls: expected a list of colours, got []"),
        ("[table]\nwood = []", "table.wood: expected a list of two tones each, got []"),
        ("[table]\nwood = [[[1, 1, 1]]]", "table.wood: expected two tones, got [[1, 1, 1]]"),
        ("[table]\nwood = 3", "table.wood: expected a list of two tones each, got 3"),
        (
            '[table]\nwoodShare = "all"',
            "table.woodShare: expected a number at least 0 and at most 1",
        ),
        ("[light]\nkey = [0.5, 0.4]", "light.key: expected [low, high], got [0.5, 0.4]"),
        ("[camera]\ndistance = -1", "camera.distance: expected a number at least 0.001, got -1"),
        ("[camera]\nfovy = 180", "camera.fovy: expected a number at least 1 and at most 170"),
        ('[camera]\nazimuth = "left"', "camera.azimuth: expected a number, got 'left'"),
        ("[camera.jitter]\nroll = -1", "camera.jitter.roll: expected a number at least 0, got -1"),
        ("[objects.shapes]", "objects.shapes: expected a table of names, got {}"),
        ("[objects.shapes]\ncube = 3", "objects.shapes.cube: expected a table, got 3"),
        ("[wordings]\nput = 3", "wordings: put: expected a table, got 3"),
        ('[wordings.put]\ntrain = "put it"', "wordings.put.train: expected a list of sentences"),
        ("[wordings.put]\ntrain = []", "wordings.put.train: expected a list of sentences, got []"),
        ("[wordings.put]\nheldOut = [3]", "wordings.put.heldOut: expected a list of sentences"),
        (
            '[wordings.put]\ntrain = ["put {it}"]',
            "expected sentences with {object} and {target} only",
        ),
        ('[wordings.put]\ntrain = ["put the {object}"]', "got 'put the {object}'"),
        ('[wordings.put]\ntrain = ["put the {object on"]', "got 'put the {object on'"),
        (
            '[wordings.push_left]\ntrain = ["push the {object} off the {target}"]',
            "wordings.push_left.train: expected sentences with {object} only",
        ),
        (
            '[wordings.push_left]\ntrain = ["slide the {object} left"]',
            "wordings.push_left: expected no sentence in train and heldOut both",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_told(text, message, tmp_path):
    with pytest.raises(AidSimError) as error:
        load(tmp_path, text)
    assert message in str(error.value)
    assert str(error.value).startswith(f"variant {tmp_path}/variant.toml: ")


@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("cube", {"kind": "cone", "size": [1]}, "cube.kind: expected one of ['ball', 'box', 'cyl"),
        ("cube", {"kind": ["box"]}, "cube.kind: expected one of"),
        ("cube", {"kind": "ball", "size": [0.02, 0.02]}, "cube.size: expected 1 numbers"),
        (
            "cube",
            {"kind": "ball", "size": [-0.02]},
            "cube.size: expected numbers of at least 0.001",
        ),
        (
            "cube",
            {"kind": "ball", "size": [0.02], "stackable": "no"},
            "stackable: expected true or",
        ),
        ("cube", {"kind": "ball", "size": [0.02], "hue": 1}, "expected kind, size and stackable"),
        ('"cube"', {"kind": "ball", "size": [0.02]}, "expected words as names, got '\"cube\"'"),
        ("", {"kind": "ball", "size": [0.02]}, "expected words as names, got ''"),
        ("plate", {"kind": "ball", "size": [0.02]}, "expected a name for each, got 'red plate'"),
    ],
)
def test_a_shape_that_is_none_is_told(name, shape, message, tmp_path):
    with pytest.raises(AidSimError) as error:
        load(tmp_path, json.dumps({"objects": {"shapes": {name: shape}}}), "variant.json")
    assert message in str(error.value)


def test_an_integer_that_is_no_float_is_told(tmp_path):
    with pytest.raises(AidSimError, match="expected a number at least 0"):
        load(tmp_path, json.dumps({"plates": {"radius": 10**400}}), "variant.json")


def test_names_may_have_several_words_of_any_language(tmp_path):
    shapes = {"baker's würfel-klotz": {"kind": "ball", "size": [0.02]}}
    changed = load(tmp_path, json.dumps({"objects": {"shapes": shapes}}), "variant.json")
    assert list(changed.shapes) == list(shapes)


def test_the_command_line_tells_it_in_one_line(aid_sim, tmp_path):
    file = tmp_path / "odd.toml"
    file.write_text("[table]\nfurniture = []\n")
    done = aid_sim("frame", "--seed", 1, "--out", tmp_path / "frame.png", "--variant", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"aid-sim: error: variant {file}: table.furniture: expected a list of colours, got []\n"
    )
