"""Starts the planner's node. `ros2 launch aid_bringup planner.launch.py --show-args` lists what can be given."""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

SHARE = get_package_share_directory("aid_bringup")

TRUTH = ["true", "false"]
LEVELS = ["debug", "info", "warn", "error", "fatal"]

# Name, default, description, and what may be given where that is not everything. An empty value leaves it to the
# parameter file.
ARGUMENTS = [
    ("model", "", "Model folder; empty: as the parameter file says, else the model that comes with aid-planner.", None),
    ("namespace", "", "Namespace of the node and of its topics.", None),
    ("name", "aid_planner", "Name of the node.", None),
    ("camera_topic", "image", "Topic of the camera's sensor_msgs/Image; /compressed is added for files.", None),
    ("camera_info_topic", "", "Topic of its calibration; empty: camera_info beside the camera topic.", None),
    ("image_transport", "", "Pixels or files; empty: as the parameter file says.", ["", "raw", "compressed"]),
    ("autostart", "true", "Whether the node configures and activates itself.", TRUTH),
    (
        "engine",
        "",
        "What computes; empty: as the parameter file says.",
        ["", "auto", "cpu", "webgpu", "cuda", "tensorrt"],
    ),
    ("use_sim_time", "false", "Whether time comes from /clock.", TRUTH),
    ("params_file", os.path.join(SHARE, "config", "planner.yaml"), "Parameter file.", None),
    ("rviz", "false", "Whether RViz is started with a layout for the planner.", TRUTH),
    ("log_level", "info", "How much the node says.", LEVELS),
]


def _nodes(context):
    given = {name: context.launch_configurations[name] for name, *_ in ARGUMENTS}
    parameters = {
        "autostart": given["autostart"] == "true",
        "use_sim_time": given["use_sim_time"] == "true",
    }
    for argument, parameter in (("model", "model"), ("engine", "provider"), ("image_transport", "image_transport")):
        if given[argument]:
            parameters[parameter] = given[argument]
    camera = given["camera_topic"]
    info = given["camera_info_topic"] or "/".join([*camera.split("/")[:-1], "camera_info"])
    nodes = [
        Node(
            package="aid_bringup",
            executable="planner_node",
            name=given["name"],
            namespace=given["namespace"],
            parameters=[given["params_file"], parameters],
            remappings=[("image", camera), ("image/compressed", f"{camera}/compressed"), ("camera_info", info)],
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
                parameters=[{"use_sim_time": parameters["use_sim_time"]}],
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
