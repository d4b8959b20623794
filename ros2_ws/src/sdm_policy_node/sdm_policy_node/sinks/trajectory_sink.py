"""Commands as JointTrajectory: ros2_control's joint trajectory controller, which is given whole chunks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.contract import Contract
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from sdm_policy_node.grippers.gripper_topic import GripperTopic
from sdm_policy_node.sinks.command_sink import command_qos
from sdm_policy_node.sinks.joint_command import JointCommand

TOPIC = "joint_trajectory"


class JointTrajectorySink:
    """`joint_trajectory`: what is left of the newest chunk and the way to rest after it, beginning now (stamp 0) with a
    little of the trajectory before.

    Every trajectory ends standing, as the controller demands: should nothing follow it, the robot stops by itself where
    the chunk ends. A stop is a trajectory from the present motion to rest, sent once.
    """

    name: ClassVar[str] = "trajectory"

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self.require(contract)
        self._joints = JointCommand(contract, self.name, "joint_position")
        self._node = node
        self._gripper = GripperTopic(node, contract.action, depth)
        self._publisher = node.create_publisher(JointTrajectory, TOPIC, command_qos(depth))
        self.topics = (self._publisher.topic_name, *self._gripper.topics)

    @classmethod
    def require(cls, contract: Contract) -> None:
        JointCommand(contract, cls.name, "joint_position")

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        self._gripper.publish(command, held)

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        """A single command moves no joint."""

    def publish_path(self, path: PlannedPath) -> None:
        positions, velocities = self._joints.of(path.commands), self._joints.of(path.velocities())
        points = [
            JointTrajectoryPoint(positions=row, velocities=speed, time_from_start=_duration(time_s))
            for row, speed, time_s in zip(positions.tolist(), velocities.tolist(), path.times_s.tolist(), strict=True)
        ]
        self._publisher.publish(JointTrajectory(joint_names=self._joints.names, points=points))

    def close(self) -> None:
        self._gripper.close()
        self._node.destroy_publisher(self._publisher)


def _duration(seconds: float) -> Duration:
    whole, rest = divmod(round(seconds * 1e9), 1_000_000_000)
    return Duration(sec=whole, nanosec=rest)
