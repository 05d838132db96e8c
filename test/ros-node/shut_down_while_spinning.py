"""Runs a script of rclpy whose context a signal ends while its executor makes what it waits for."""

import runpy
import sys

import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.utilities import get_default_context


def spin(_node: object) -> None:
    """The moment between an executor's look at the context and its wait set."""
    handle = get_default_context().handle
    with handle:
        rclpy.shutdown()
        rclpy_implementation.WaitSet(0, 0, 0, 0, 0, 0, handle)


rclpy.spin = spin
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
