"""What `ros2 launch FILE NAME:=VALUE...` does, through its own library: the command line is not everywhere."""

import sys

from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource

path, *words = sys.argv[1:]
arguments = [tuple(word.split(":=", 1)) for word in words]
source = AnyLaunchDescriptionSource(path)
service = LaunchService(argv=words)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
