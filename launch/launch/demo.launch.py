"""Starts the planner's node and a camera that always sees one picture: `picture:=/path/to/frame.png`."""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node


def generate_launch_description():
    """The camera, and planner.launch.py on its topic."""
    share = get_package_share_directory("aid_bringup")
    planner = PythonLaunchDescriptionSource(os.path.join(share, "launch", "planner.launch.py"))
    return LaunchDescription(
        [
            DeclareLaunchArgument("picture", description="Path of a JPEG, PNG or WebP file."),
            DeclareLaunchArgument("model", default_value="", description="Model folder."),
            Node(
                package="aid_bringup",
                executable="picture_camera",
                namespace="camera",
                parameters=[{"file": LaunchConfiguration("picture")}],
                output="screen",
            ),
            IncludeLaunchDescription(
                planner,
                launch_arguments={
                    "model": LaunchConfiguration("model"),
                    "camera_topic": "/camera/image",
                    "image_transport": "compressed",
                }.items(),
            ),
        ]
    )
