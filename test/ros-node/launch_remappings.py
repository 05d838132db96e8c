"""The nodes of a launch file and their remappings, as JSON; nothing is started."""

import importlib.util
import json
import sys

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction

path, *words = sys.argv[1:]
spec = importlib.util.spec_from_file_location("launch_file", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
context = LaunchContext()
context.launch_configurations.update(word.split(":=", 1) for word in words)
nodes = {}
for entity in module.generate_launch_description().entities:
    if isinstance(entity, DeclareLaunchArgument):
        entity.execute(context)
    elif isinstance(entity, OpaqueFunction):
        for node in entity.execute(context):
            expanded = [
                ["".join(part.perform(context) for part in side) for side in remapping]
                for remapping in node._Node__remappings
            ]
            nodes[node.node_executable] = expanded
print(json.dumps(nodes))
