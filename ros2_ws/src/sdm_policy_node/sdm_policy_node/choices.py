"""Which class stands behind the parameter values `observation_source` and `sink`."""

from __future__ import annotations

from sdm_policy_node.command_sink import CommandSink
from sdm_policy_node.depth_source import DepthSource
from sdm_policy_node.float_array_sink import Float64MultiArraySink
from sdm_policy_node.forward_sink import ForwardPositionSink, ForwardVelocitySink
from sdm_policy_node.observation_source import ObservationSource
from sdm_policy_node.points_source import PointsSource
from sdm_policy_node.pose_sink import PoseStampedSink
from sdm_policy_node.servo_sink import ServoPoseSink, ServoTwistSink
from sdm_policy_node.trajectory_sink import JointTrajectorySink
from sdm_policy_node.twist_sink import TwistStampedSink

OBSERVATION_SOURCES: dict[str, type[ObservationSource]] = {"depth": DepthSource, "points": PointsSource}
COMMAND_SINKS: dict[str, type[CommandSink]] = {
    "native": Float64MultiArraySink,
    "pose": PoseStampedSink,
    "servo_pose": ServoPoseSink,
    "servo_twist": ServoTwistSink,
    "twist": TwistStampedSink,
    "trajectory": JointTrajectorySink,
    "forward_position": ForwardPositionSink,
    "forward_velocity": ForwardVelocitySink,
}
