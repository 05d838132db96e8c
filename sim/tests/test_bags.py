import io
import json

import numpy as np
from mcap.reader import make_reader
from PIL import Image
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from aid_sim.commands import choose_command, possible_commands
from aid_sim.scene import sample_scene
from aid_sim.variant import load_variant


def metadata(bag):
    with bag.open("rb") as file:
        found = {record.name: record.metadata for record in make_reader(file).iter_metadata()}
    return found["aid_sim"]


def test_an_independent_reader_reads_every_message(recorded):
    bag = sorted(recorded.glob("*.mcap"))[0]
    messages = {}
    store = get_typestore(Stores.ROS2_HUMBLE)
    with AnyReader([bag], default_typestore=store) as reader:
        for connection, stamp, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            messages.setdefault(connection.topic, []).append((stamp, message))
    assert set(messages) == {
        "/camera/image/compressed",
        "/camera/camera_info",
        "/instruction",
        "/joint_states",
    }
    images = messages["/camera/image/compressed"]
    assert len(messages["/instruction"]) == 1
    assert len(images) == len(messages["/joint_states"]) == len(messages["/camera/camera_info"])
    assert messages["/instruction"][0][0] == images[0][0]
    stamps = np.array([stamp for stamp, _ in images])
    assert np.all(np.diff(stamps) == 200_000_000)
    for (stamp, image), (_, joints), (_, info) in zip(
        images, messages["/joint_states"], messages["/camera/camera_info"], strict=True
    ):
        header = image.header.stamp
        assert header.sec * 10**9 + header.nanosec == stamp
        assert joints.header.stamp == header
        assert image.header.frame_id == info.header.frame_id == "camera"
        assert image.format == "jpeg"
        picture = Image.open(io.BytesIO(image.data.tobytes()))
        assert picture.size == (info.width, info.height) == (128, 128)
        assert len(joints.name) == len(joints.position) == 8


def test_profile_and_metadata(recorded):
    manifest = json.loads((recorded / "manifest.json").read_text())
    assert manifest["kept"] + manifest["dropped"] == 5
    for entry in manifest["episodes"]:
        bag = recorded / entry["bag"]
        with bag.open("rb") as file:
            assert make_reader(file).get_header().profile == "ros2"
        record = metadata(bag)
        assert int(record["seed"]) == entry["seed"]
        assert record["instruction"] == entry["instruction"]
        assert record["heldOut"] == "false"
        assert int(record["frames"]) == entry["frames"]
        assert record["object"] in json.loads(record["finalPoses"])


def test_a_resumed_run_makes_what_is_missing_and_the_same_bytes(recorded, tmp_path, aid_sim):
    out = tmp_path / "run"
    assert aid_sim("episodes", "--seeds", "0:2", "--out", out).returncode == 0
    with (out / "journal.jsonl").open("a") as file:
        file.write('{"seed": 2, "fam')
    (out / ".episode-00000002.mcap.tmp").write_bytes(b"half")
    done = aid_sim("episodes", "--seeds", "0:5", "--out", out, "--resume", "--workers", 2)
    assert done.returncode == 0, done.stderr
    for name in ["manifest.json", *(p.name for p in recorded.glob("*.mcap"))]:
        assert (out / name).read_bytes() == (recorded / name).read_bytes()
    assert not list(out.glob(".*"))


def test_outcomes_hold_every_command_and_the_same_episode(tmp_path, aid_sim):
    seeds, scenes, episodes = "10000:10002", tmp_path / "scenes", tmp_path / "episodes"
    assert (
        aid_sim("outcomes", "--seeds", seeds, "--out", scenes, "--frames", "last").returncode == 0
    )
    assert aid_sim("episodes", "--seeds", seeds, "--out", episodes).returncode == 0
    summary = json.loads((scenes / "scenes.json").read_text())
    assert summary["kept"] + summary["skipped"] == 2
    assert summary["kept"] > 0
    assert any(entry["again"] is not None for entry in summary["scenes"])
    for entry in summary["scenes"]:
        scene = sample_scene(entry["seed"], load_variant())
        possible = possible_commands(scene)
        commands = entry["commands"]
        assert len(commands) + sum(entry["failedCommands"].values()) == len(possible)
        commanded = commands[entry["commanded"]]
        assert commanded["family"] == choose_command(scene, possible).family
        own = scenes / commanded["bag"]
        assert own.read_bytes() == (episodes / f"episode-{entry['seed']:08d}.mcap").read_bytes()
        if entry["again"] is not None:
            again = metadata(scenes / entry["again"])
            assert again["instruction"] == commanded["instruction"]
            assert again["decisions"] != metadata(own)["decisions"]
        for command in commands:
            record = metadata(scenes / command["bag"])
            assert record["instruction"] == command["instruction"]
            assert command["heldOutInstruction"] != command["instruction"]
            if command is not commanded:
                assert command["frames"] == "ends"
                assert record["frames"] == "2"
