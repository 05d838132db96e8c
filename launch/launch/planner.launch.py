"""Starts the planner's node. `ros2 launch aid_bringup planner.launch.py --show-args` lists what can be given."""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

SHARE = get_package_share_directory("aid_bringup")

TRUTH = ["true", "false"]
LEVELS = ["debug", "info", "warn", "error", "fatal"]

# Name, default, description, and what may be given where that is not everything. What is given counts more than the
# parameter file; an empty value leaves it to the file.
ARGUMENTS = [
    ("model", "", "Model folder; empty: as the parameter file says, else the model that comes with aid-planner.", None),
    ("namespace", "", "Namespace of the node and of its topics.", None),
    ("name", "aid_planner", "Name of the node.", None),
    ("camera_topic", "image", "Topic of the camera's sensor_msgs/Image; /compressed is added for files.", None),
    ("camera_info_topic", "", "Topic of its calibration; empty: camera_info beside the camera topic.", None),
    ("image_transport", "", "Pixels or files; empty: as the parameter file says.", ["", "raw", "compressed"]),
    (
        "autostart",
        "",
        "Whether the node configures and activates itself; empty: as the parameter file says, else true.",
        ["", *TRUTH],
    ),
    (
        "engine",
        "",
        "What computes; empty: as the parameter file says.",
        ["", "auto", "cpu", "webgpu", "cuda", "tensorrt"],
    ),
    (
        "use_sim_time",
        "",
        "Whether time comes from /clock; empty: as the parameter file says, else false.",
        ["", *TRUTH],
    ),
    ("params_file", "", "Parameter file; config/planner.yaml of this package lists what it may hold.", None),
    ("rviz", "false", "Whether RViz is started with a layout for the planner.", TRUTH),
    ("log_level", "info", "How much the node says.", LEVELS),
]


def _nodes(context):
    given = {name: context.launch_configurations[name] for name, *_ in ARGUMENTS}
    names = {"model": "model", "engine": "provider", "image_transport": "image_transport"}
    parameters = {parameter: given[argument] for argument, parameter in names.items() if given[argument]}
    flags = {name: given[name] == "true" for name in ("autostart", "use_sim_time") if given[name]}
    # In order: each counts more than those before it.
    files = [given["params_file"]] if given["params_file"] else []
    sources = [{"autostart": True}, *files, {**parameters, **flags}]
    camera = given["camera_topic"]
    info = given["camera_info_topic"] or "/".join([*camera.split("/")[:-1], "camera_info"])
    remappings = [("image", camera), ("image/compressed", f"{camera}/compressed"), ("camera_info", info)]
    nodes = [
        Node(
            package="aid_bringup",
            executable="planner_node",
            name=given["name"],
            namespace=given["namespace"],
            parameters=[each for each in sources if each],
            remappings=remappings,
            arguments=["--ros-args", "--log-level", given["log_level"]],
            output="screen",
            # Loading is stopped and a clip ended at its next step.
            sigterm_timeout="30",
        )
    ]
    if given["rviz"] == "true":
        nodes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                namespace=given["namespace"],
                arguments=["-d", os.path.join(SHARE, "layouts", "planner.rviz")],
                parameters=[{"use_sim_time": flags.get("use_sim_time", False)}],
                remappings=remappings,
            )
        )
    return nodes


def generate_launch_description():
    """The node, and RViz where it is asked for."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)
        for name, default, description, choices in ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_nodes)])
