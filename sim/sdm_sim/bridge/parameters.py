"""Every parameter of the bridge: name, default, range and meaning, declared here and nowhere else."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from sdm_core.checkpoint import contract_at
from sdm_core.contract import Contract
from sdm_core.misspelt_parameters import refuse_misspelt

from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.errors import BridgeError
from sdm_sim.registry import task_names

MODES = ("lockstep", "realtime", "expert", "teleop")
# What texts may be, for those who offer a choice; a task may be a variant, too.
CHOICES = {"task": task_names(), "mode": MODES}


def _parameter(
    default: Any, description: str, low: float | None = None, high: float | None = None, *, live: bool = False
) -> Any:
    return field(default=default, metadata={"description": description, "range": (low, high), "live": live})


@dataclass(frozen=True)
class BridgeParameters:
    """Read at start; those that are `live` may be set while the bridge runs. Raises BridgeError on values that do not
    go together."""

    task: str = _parameter("metaworld/door-open", "task of the registry; live: from the next episode on", live=True)
    mode: str = _parameter(
        "lockstep",
        "lockstep: the world waits for the policy; realtime: it does not; expert: no policy; teleop: an operator, who "
        "asks for each new scene",
    )
    episodes: int = _parameter(10, "episodes to run, after which the node ends; 0: without end", 0, 1_000_000)
    seed0: int = _parameter(10_000, "seed of the first episode; the others follow on", 0, 2**31)
    seed: int = _parameter(
        -1, "seed of the next episode, on which the others follow; -1: as it comes", -1, 2**31, live=True
    )
    camera_every: int = _parameter(
        0,
        "control steps between images; 0: the contract's n_action_steps, or 1 where what it observes has a history",
        0,
        1000,
    )
    robot_hz: float = _parameter(
        0.0,
        "times a second that the clock and the robot's state come, and commands are taken; 0: the control rate, which "
        "alone there is in lockstep",
        0.0,
        1000.0,
    )
    checkpoint: str = _parameter(
        "",
        "checkpoint folder or contract.yaml of the policy, whose images are published; empty: the task's own, depth; "
        "live: from the next episode on",
        live=True,
    )
    results: str = _parameter("", "file to append one JSON line an episode to; empty: none")
    traces: str = _parameter("", "file to append one JSON line a trace to; empty: none")
    video: str = _parameter("", "mp4 to write; empty: none")
    video_episodes: int = _parameter(1, "how many of the first episodes the video shows", 1, 1000)
    record: bool = _parameter(
        False,
        "have recorder_node record each episode, and keep the successful ones; an expert's as sdm-demos does",
    )
    real_time_factor: float = _parameter(
        1.0, "seconds of simulated time that pass in one of wall time (not in lockstep)", 0.1, 4.0, live=True
    )
    latency_ms: float = _parameter(
        0.0, "delay of all sensor messages, of simulated time (realtime)", 0.0, 10_000.0, live=True
    )
    drop_rate: float = _parameter(0.0, "share of the images that is lost", 0.0, 1.0)
    depth_noise_mm: float = _parameter(0.0, "standard deviation of Gaussian noise on each depth pixel", 0.0, 1000.0)
    camera_noise: str = _parameter("none", "depth camera whose noise is put onto the depth images: none or d4xx")
    startup_timeout_s: float = _parameter(30.0, "longest wait for the other nodes to be active", 0.1, 3600.0)
    answer_timeout_s: float = _parameter(10.0, "longest wait for an answer, to an observation or a call", 0.1, 3600.0)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BridgeError(f"parameter mode: '{self.mode}' is none of {', '.join(MODES)}")
        if self.latency_ms and self.mode != "realtime":
            raise BridgeError(
                f"parameter latency_ms: {self.latency_ms} has no meaning in mode {self.mode}; set mode:=realtime"
            )
        if self.robot_hz and self.mode == "lockstep":
            raise BridgeError(
                f"parameter robot_hz: {self.robot_hz:g} has no meaning in mode lockstep, whose world steps once for "
                "each command; set mode:=realtime"
            )
        if self.real_time_factor != 1.0 and self.mode == "lockstep":
            raise BridgeError(
                f"parameter real_time_factor: {self.real_time_factor} has no meaning in mode lockstep, "
                "whose world waits for the policy; set mode:=realtime"
            )

    @classmethod
    def declare(cls, node: Node) -> BridgeParameters:
        """Declares the fields on `node` and reads them. Raises BridgeError on a value of wrong type or out of range,
        SdmError on a name that was meant for one of them."""
        try:
            values = {
                entry.name: node.declare_parameter(entry.name, entry.default, _descriptor(entry)).value
                for entry in fields(cls)
            }
        except ParameterException as error:
            raise BridgeError(str(error)) from None
        # rclpy has no public name for what a node was given and has not declared; this one is the same from Humble on.
        refuse_misspelt(node.get_name(), node._parameter_overrides, values, node.get_logger().warning)
        return cls(**values)

    def streams(self, task_contract: Contract) -> CameraStreams:
        """What the camera publishes. Raises BridgeError on values that do not go together, ContractError on a
        checkpoint that cannot be read."""
        contract = contract_at(self.checkpoint) if self.checkpoint else task_contract
        observation = contract.observation
        depth = observation.cloud is not None or not observation.images
        aligned = observation.cloud is not None and observation.cloud.coloured
        of_points = observation.depth_cameras if aligned else ()
        colour = frozenset((*(image.camera for image in observation.images), *(camera.name for camera in of_points)))
        return CameraStreams(self.camera_period(contract), depth, colour, aligned)

    def camera_period(self, contract: Contract) -> int:
        """Control steps between images. Raises BridgeError on a period that does not go together with the mode."""
        if self.mode == "expert":
            return 1
        period = self.camera_every or (1 if contract.observation.history > 1 else contract.n_action_steps)
        if self.mode == "lockstep" and contract.n_action_steps % period:
            raise BridgeError(
                f"parameter camera_every: {period} does not divide n_action_steps, {contract.n_action_steps}; "
                "lockstep would wait for commands that no image asks for"
            )
        return period


def _descriptor(entry: Field[Any]) -> ParameterDescriptor:
    low, high = entry.metadata["range"]
    descriptor = ParameterDescriptor(description=entry.metadata["description"], read_only=not entry.metadata["live"])
    if entry.name in CHOICES:
        descriptor.additional_constraints = f"one of: {', '.join(CHOICES[entry.name])}"
    if isinstance(low, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
    elif low is not None:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return descriptor
