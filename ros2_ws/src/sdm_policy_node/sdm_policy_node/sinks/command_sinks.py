"""Which class stands behind the parameter value `sink`; only the chosen one is imported."""

from __future__ import annotations

from importlib import import_module

from sdm_policy_node.sinks.command_sink import CommandSink

_CLASSES = {
    "native": "float_array_sink.Float64MultiArraySink",
    "pose": "pose_sink.PoseStampedSink",
    "servo_pose": "servo_sink.ServoPoseSink",
    "servo_twist": "servo_sink.ServoTwistSink",
    "twist": "twist_sink.TwistStampedSink",
    "trajectory": "trajectory_sink.JointTrajectorySink",
    "forward_position": "forward_sink.ForwardPositionSink",
    "forward_velocity": "forward_sink.ForwardVelocitySink",
}
COMMAND_SINKS = tuple(_CLASSES)


def command_sink(name: str) -> type[CommandSink]:
    """The sink of this name, one of COMMAND_SINKS."""
    module, kind = _CLASSES[name].split(".")
    return getattr(import_module(f"sdm_policy_node.sinks.{module}"), kind)
