"""Every parameter of this package's nodes: name, default, range and meaning, declared here and nowhere else.

A node's parameters are a dataclass; `declare` turns its fields into ROS parameters and gives it back filled. They are
read once, at start, and read-only from then on, but for the few that are marked changeable: of these each node refuses
what may not be now (`parameter_changes`). A policy's limits do not change under a moving arm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from sdm_core import camera_topics
from sdm_core.commands.chunk_scheduler import SCHEDULERS
from sdm_core.errors import SdmError
from sdm_core.misspelt_parameters import refuse_misspelt
from sdm_core.perception.crop_box import AS_IN_CONTRACT

from sdm_policy_node.parameter_refusals import wrong_value
from sdm_policy_node.sinks.command_sinks import COMMAND_SINKS


def parameter(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    changeable: bool = False,
) -> Any:
    """A field that is a ROS parameter; `low`/`high` bound numbers, `choices` texts."""
    metadata = {"description": description, "range": (low, high), "choices": choices, "changeable": changeable}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class SensingParameters:
    """What policy_node and recorder_node observe with."""

    checkpoint: str = parameter("", "checkpoint folder, or a contract.yaml where no network is needed")
    observation_source: str = parameter(
        "depth", "what the cloud is made from, where the policy observes one", choices=("depth", "points")
    )
    sink: str = parameter("native", "what commands are published as", choices=("native", "pose"))
    reliable_sensors: bool = parameter(
        False, "subscribe to sensors reliably (lockstep) and not best effort (real time)"
    )
    camera_namespace: str = parameter(
        camera_topics.NAMESPACE,
        "namespace of the cameras' drivers, each of which has its camera's name in the contract",
    )
    aligned_depth: bool = parameter(
        False, "take the depth that is aligned to the colour image, where the camera publishes it"
    )
    camera_frame: str = parameter("", "optical frame of the one depth camera; empty: the frame that its messages name")
    extrinsics: str = parameter("", "file of sdm-calibrate with where cameras stand; empty: tf alone tells it")
    frozen_frames: int = parameter(
        0,
        "so many images in a row without one changed bit are a frozen camera; 0: never (no sensor noise)",
        low=0,
        high=1000,
    )
    max_skew_s: float = parameter(
        0.0, "greatest time between stamps that count as one; 0: half a control period", low=0.0, high=1.0
    )
    tf_timeout_s: float = parameter(0.2, "longest wait for the camera's pose at an image's stamp", low=0.0, high=5.0)


@dataclass(frozen=True)
class PolicyParameters(SensingParameters):
    """policy_node."""

    checkpoint: str = parameter(
        "", "folder of an exported policy; changes only while the node is unconfigured", changeable=True
    )
    crop_low: tuple[float, ...] = parameter(
        AS_IN_CONTRACT,
        "least x, y, z of the cloud in the contract's frame (m), from the next image on; nan: the contract's",
        changeable=True,
    )
    crop_high: tuple[float, ...] = parameter(
        AS_IN_CONTRACT,
        "greatest x, y, z of the cloud in the contract's frame (m), from the next image on; nan: the contract's",
        changeable=True,
    )
    backend: str = parameter("openvino", "inference backend: openvino, onnxruntime, or another that is installed")
    threads: int = parameter(1, "threads of the inference backend", low=1, high=64)
    seed: int = parameter(0, "seed of the noise until an episode is started with another", low=0, high=2**62)
    noise_scale: float = parameter(
        1.0,
        "standard deviation of the noise: 1 as in training; 0: none, one chunk for one observation",
        low=0.0,
        high=1.0,
    )
    command: str = parameter(
        "chunk",
        "inline: publish commands here (lockstep; on a simulated clock alone); chunk: leave them to command_node",
        choices=("inline", "chunk"),
    )
    scheduler: str = parameter("receding", "how overlapping chunks combine (inline)", choices=SCHEDULERS)
    replan_steps: int = parameter(0, "control periods between two inferences; 0: the contract's", low=0, high=1000)
    max_age_s: float = parameter(0.2, "greatest age of an observation that is acted upon", low=0.001, high=10.0)
    state_timeout_s: float = parameter(
        0.1,
        "longest that an image waits for its stamp's state, the other cameras and the clock",
        low=0.0,
        high=5.0,
    )
    startup_wait_s: float = parameter(
        0.3, "autostart listens this long first, to compare live sensors with the contract", low=0.0, high=60.0
    )
    silent_frames: int = parameter(
        2,
        "so many images that fail to come in a row are a silent camera, at which the robot stops; 0: never",
        low=0,
        high=1000,
    )
    stall_s: float = parameter(0.5, "an answer that takes longer has hung, and the robot stops", low=0.01, high=60.0)
    autostart: bool = parameter(True, "configure and activate by itself")
    dry_run: bool = parameter(
        False, "do everything but publish on the robot's topics; only command_node's dry run hears its chunks"
    )


@dataclass(frozen=True)
class CommandParameters:
    """command_node."""

    checkpoint: str = parameter(
        "",
        "checkpoint folder, or its contract.yaml alone; changes only while the node is unconfigured",
        changeable=True,
    )
    sink: str = parameter(
        "native",
        "what commands are published as",
        choices=COMMAND_SINKS,
    )
    scheduler: str = parameter("receding", "how overlapping chunks combine", choices=SCHEDULERS)
    rate_hz: float = parameter(
        0.0,
        "commands a second, 500 at most, as each takes about a millisecond; 0: the contract's control rate",
        low=0.0,
        high=500.0,
    )
    max_age_s: float = parameter(
        0.0, "greatest age of the observation behind a command; 0: the contract's horizon", low=0.0, high=10.0
    )
    max_skew_s: float = parameter(
        0.0,
        "greatest time between joint states and pose that count as one; 0: half a control period",
        low=0.0,
        high=1.0,
    )
    heartbeat_timeout_s: float = parameter(
        0.1,
        "stop when the policy's heartbeat is older (wall time); 0.1: four were missed, and a killed policy's last "
        "command is 0.15 s old at most",
        low=0.06,
        high=5.0,
    )
    chunk_timeout_s: float = parameter(0.5, "stop when no chunk came for longer (wall time)", low=0.01, high=10.0)
    deadman_timeout_s: float = parameter(
        0.0,
        "hold to run: stop when ~/deadman is older (wall time); motion goes on when it comes again; 0: nobody need "
        "hold it",
        low=0.0,
        high=5.0,
    )
    state_timeout_s: float = parameter(
        0.2, "stop when the robot's measured position is older; no motion begins from such a one", low=0.01, high=5.0
    )
    implausible_speed: float = parameter(
        0.0,
        "a measured position that would have needed a greater speed is not believed (m/s, rad/s); 0: any is",
        low=0.0,
        high=100.0,
    )
    tracking_error: float = parameter(
        0.0, "fault when the robot stands farther from its command (m, or rad of a joint); 0: never", low=0.0, high=10.0
    )
    tracking_turn: float = parameter(
        0.0, "fault when the tool is turned farther from its command (rad); 0: never", low=0.0, high=3.2
    )
    blocked_s: float = parameter(
        0.0,
        "fault when the robot stands so long though commands lead it away, 0.012 m or rad (0.06 rad of a turn) at "
        "least; 0: never",
        low=0.0,
        high=60.0,
    )
    first_hold_s: float = parameter(
        0.0,
        "the first motion after activation stays so long where the robot stands; fault if that moves it; 0: none",
        low=0.0,
        high=5.0,
    )
    hold_s: float = parameter(
        0.5, "a stop commands the hold until the robot has stood this long, then falls silent", low=0.0, high=60.0
    )
    arm_translation: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), "the arm's own limits of the tool's velocity, acceleration and jerk (m/s …); 0: unknown"
    )
    arm_rotation: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        "the arm's own limits of the tool's turning: velocity, acceleration and jerk (rad/s …); 0: unknown",
    )
    arm_joint_velocity: tuple[float, ...] = parameter((0.0,), "each joint's own limit (rad/s); 0: unknown")
    arm_joint_acceleration: tuple[float, ...] = parameter((0.0,), "each joint's own limit (rad/s²); 0: unknown")
    arm_joint_jerk: tuple[float, ...] = parameter((0.0,), "each joint's own limit (rad/s³); 0: unknown")
    arm_share: float = parameter(
        0.5, "a contract that asks for more than this share of the arm's own limits is refused", low=0.01, high=1.0
    )
    speed_share: float = parameter(
        1.0,
        "share of the contract's speed that is allowed: less for first runs (no native commands)",
        low=0.01,
        high=1.0,
    )
    gripper: str = parameter(
        "topic",
        "beside the topic gripper_command: franka_gripper's actions, or a control_msgs/GripperCommand action",
        choices=("topic", "franka", "gripper_command"),
    )
    gripper_action: str = parameter("franka_gripper", "franka: its node's name; gripper_command: the action's name")
    gripper_closes_high: bool = parameter(True, "the highest value of the gripper's command closes it, not the lowest")
    gripper_close_above: float = parameter(
        0.6, "it closes where a command goes farther than this share of the way from open to closed", low=0.5, high=1.0
    )
    gripper_open_below: float = parameter(
        0.4, "it opens where a command stays below this share of the way from open to closed", low=0.0, high=0.5
    )
    gripper_dwell_s: float = parameter(0.5, "least time between two changes", low=0.0, high=10.0)
    gripper_open_width: float = parameter(0.08, "how far it opens (m; the action's position)", low=0.0, high=1.0)
    gripper_closed_width: float = parameter(0.0, "how far it closes (m; the action's position)", low=0.0, high=1.0)
    gripper_tolerance: float = parameter(
        0.08, "franka: something held may be so much wider than gripper_closed_width (m)", low=0.0, high=1.0
    )
    gripper_speed: float = parameter(0.1, "franka: speed of its fingers (m/s)", low=0.001, high=1.0)
    gripper_force: float = parameter(30.0, "force of a grasp (N), or greatest effort", low=0.0, high=200.0)
    home_pose: tuple[float, ...] = parameter(
        (math.nan,),
        "where ~/home leads actions of poses: x, y, z (m) and qx, qy, qz, qw in the base frame; nan: nowhere",
    )
    home_joints: tuple[float, ...] = parameter(
        (math.nan,),
        "where ~/home leads joint_position actions: every joint's angle (rad), in their order; nan: nowhere",
    )
    home_share: float = parameter(
        0.2, "share of the contract's limits of velocity, acceleration and jerk on the way home", low=0.01, high=1.0
    )
    recovery_action: str = parameter("action_server/error_recovery", "franka_msgs/ErrorRecovery behind ~/recover")
    workspace_low: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        "pose actions: least x, y, z of the tool in the base frame (m); all zeros: no box; at rest it can be narrowed",
        changeable=True,
    )
    workspace_high: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        "pose actions: greatest x, y, z of the tool, as workspace_low; relative actions need such a box",
        changeable=True,
    )
    autostart: bool = parameter(True, "configure and activate by itself")
    dry_run: bool = parameter(False, "do everything but publish on the robot's topics")


@dataclass(frozen=True)
class RecorderParameters(SensingParameters):
    """recorder_node."""

    output: str = parameter("", "zarr dataset to append to; made where there is none")
    record_depth: bool = parameter(False, "store the depth images too, of the contract's first depth camera")
    actions: str = parameter(
        "commands",
        "commands: what somebody commands the arm; measured: where it is led by hand, a frame later",
        choices=("commands", "measured"),
    )
    pairing: str = parameter(
        "time",
        "time: an image's action is the first command from its stamp on; order: the n-th image's is the n-th command, "
        "as in a simulation in lockstep",
        choices=("time", "order"),
    )
    camera_noise: str = parameter("none", "the noise that a simulated camera has, for the dataset's provenance")


@dataclass(frozen=True)
class RealSenseParameters:
    """realsense_node."""

    camera_name: str = parameter("camera", "name of the camera: of its topics and frames")
    serial: str = parameter("", "serial number; empty: the first camera that is plugged in")
    width: int = parameter(640, "pixels of a row", low=1, high=4096)
    height: int = parameter(480, "rows", low=1, high=4096)
    fps: int = parameter(30, "images a second", low=1, high=300)
    colour: bool = parameter(True, "publish colour too")
    align_depth: bool = parameter(False, "publish depth in the pixels of the colour image too")
    filters: str = parameter("", "filters of librealsense that depth passes: spatial, temporal, hole_filling")
    stall_s: float = parameter(1.0, "a camera that is silent for longer is opened again", low=0.1, high=60.0)


@dataclass(frozen=True)
class TeleopParameters:
    """sdm-teleop."""

    checkpoint: str = parameter("", "the contract to command under: contract.yaml, or a checkpoint folder")
    device: str = parameter("keyboard", "what the operator moves", choices=("keyboard", "spacemouse"))
    linear_speed: float = parameter(0.12, "at full deflection (m/s)", low=0.005, high=1.0)
    angular_speed: float = parameter(0.6, "at full deflection (rad/s)", low=0.01, high=3.0)
    key_hold_s: float = parameter(
        0.15, "a key counts as held for so long after it came last; a terminal tells of no release", low=0.03, high=1.0
    )


_KINDS = (PolicyParameters, CommandParameters, RecorderParameters, RealSenseParameters, TeleopParameters)
Parameters = TypeVar("Parameters")


def declare(node: Node, kind: type[Parameters]) -> Parameters:
    """Declares the fields of `kind` on `node` and reads them. Raises SdmError on a value that a field does not take,
    and on a name that was meant for one."""
    values = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
        try:
            declared = node.declare_parameter(entry.name, default, _descriptor(entry.metadata, default))
        except (InvalidParameterTypeException, InvalidParameterValueException):
            given = node._parameter_overrides[entry.name].value
            wrong = wrong_value(given, default, *entry.metadata["range"])
            raise SdmError(f"parameter {entry.name}: {wrong}") from None
        values[entry.name] = field_value(declared.value)
        choices = entry.metadata["choices"]
        if choices and values[entry.name] not in choices:
            # Under `/**` of a file that all nodes share, it reaches those too that publish no such commands.
            moved = entry.name == "sink" and values[entry.name] in COMMAND_SINKS
            fix = "; it is one of command_node's: write it under /command_node" if moved else ""
            raise SdmError(f"parameter {entry.name}: '{values[entry.name]}' is not one of {', '.join(choices)}{fix}")
    # rclpy has no public name for what a node was given and has not declared; this one is the same from Humble on.
    neighbours = {entry.name for each in _KINDS for entry in fields(each)}
    refuse_misspelt(node.get_name(), node._parameter_overrides, values, node.get_logger().warning, neighbours)
    return kind(**values)


def changeable(kind: type) -> frozenset[str]:
    """The names of the parameters that may be set while the node runs."""
    return frozenset(entry.name for entry in fields(kind) if entry.metadata["changeable"])


def field_value(value: Any) -> Any:
    """A parameter's value as the dataclass holds it: of numbers a tuple, whatever sequence they come in."""
    return value if isinstance(value, (str, int, float)) else tuple(value)


def _descriptor(metadata: Any, default: Any) -> ParameterDescriptor:
    low, high = metadata["range"]
    descriptor = ParameterDescriptor(description=metadata["description"], read_only=not metadata["changeable"])
    if metadata["choices"]:
        descriptor.additional_constraints = "one of " + ", ".join(metadata["choices"])
    if low is not None and isinstance(default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    elif low is not None:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
