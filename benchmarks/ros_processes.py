"""What the benchmarks on the graph share. Like them it runs on any ROS 2, real or embedded."""

from __future__ import annotations

import sys
from importlib import metadata

import rclpy
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import JointState

SWITCH_INTERVAL_S = 5e-4
"""Python's default of 5 ms is what a computing thread would add to a latency; this stack's nodes set this, too."""


def start(domain_id: int) -> None:
    """Joins a domain, in a process whose threads take turns as this stack's nodes do."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    rclpy.init(args=[], domain_id=domain_id)


def runtime() -> str:
    """The ROS 2 that was measured; rclpy is an installed package in a real one only."""
    try:
        return f"rclpy {metadata.version('rclpy')}, {get_rmw_implementation_identifier()}"
    except metadata.PackageNotFoundError:
        return "embedded"


def joint_state() -> JointState:
    """Seven joints and two fingers."""
    names = [*(f"fr3_joint{number}" for number in range(1, 8)), "fr3_finger_joint1", "fr3_finger_joint2"]
    return JointState(name=names, position=[0.1] * 9, velocity=[0.2] * 9, effort=[0.3] * 9)
