"""The Franka cell in a process of its own: arm and camera at their real rates, and a switch for each of their faults.

The world is the simulated twin's, stepped a hundred times a second. It publishes what the drivers do and follows
`target_pose`. Where the policy runs on another host, its chunks and heartbeat pass through here, as a network.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from ros_processes import start as join_domain
from rosgraph_msgs.msg import Clock
from sdm_core import camera_topics
from sdm_interfaces.msg import ActionChunk, Heartbeat
from sdm_sim.bridge.sensor_messages import (
    camera_info,
    camera_transform,
    depth_image,
    joint_states,
    tool_pose,
)
from sdm_sim.camera_noise import CameraNoise
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.franka.scene import TIMESTEP
from sdm_sim.registry import make_task
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

from .sensor_faults import CHUNKS, CLOCK, DEPTH, HEARTBEAT, INFO, JOINTS, POSE, SENSOR_FAULTS, TF, SensorFault

STATE_HZ, CAMERA_HZ = 100, 30
PATIENCE_S = 120.0
NOISE = "d4xx"
BEHIND_NETWORK = "policy_host"
"""Namespace of what a policy on another host says."""
# A simulated clock begins here, so that it may jump back.
_EPOCH_NS = 1_000_000_000_000


@dataclass(frozen=True)
class CellSettings:
    """Which cell: `sim_clock` publishes /clock, `network` relays what the policy says."""

    domain: int
    task: str = "franka/pick-place"
    sim_clock: bool = False
    network: bool = False


class Cell:
    """Publishes on the caller's thread; hears commands on an executor's."""

    def __init__(self, settings: CellSettings) -> None:
        self._settings = settings
        task = make_task(settings.task)
        assert isinstance(task, FrankaTask)
        self._task = task
        self._noise = CameraNoise(NOISE, task.intrinsics)
        self._lock = threading.Lock()
        self._fault: SensorFault | None = None
        self._last: dict[str, Any] = {}
        self._node = node = Node("cell")
        sensors = qos_profile_sensor_data
        self._out = {
            DEPTH: node.create_publisher(Image, camera_topics.DEPTH_IMAGE, sensors),
            INFO: node.create_publisher(CameraInfo, camera_topics.DEPTH_INFO, sensors),
            JOINTS: node.create_publisher(JointState, "joint_states", sensors),
            POSE: node.create_publisher(PoseStamped, "current_pose", sensors),
            # A camera on something that moves: its pose is told as often as the arm's.
            TF: node.create_publisher(TFMessage, "/tf", 100),
        }
        if settings.sim_clock:
            self._out[CLOCK] = node.create_publisher(Clock, "/clock", 10)
        if settings.network:
            self._relay(CHUNKS, ActionChunk, "action_chunk", QoSProfile(depth=10))
            self._relay(HEARTBEAT, Heartbeat, "heartbeat", QoSProfile(depth=1))
        node.create_subscription(PoseStamped, "target_pose", self._on_target, 10)
        node.create_subscription(Float64, "gripper_command", self._on_gripper, 10)
        self.reset(0)

    def _relay(self, stream: str, kind: type, topic: str, qos: QoSProfile) -> None:
        self._out[stream] = self._node.create_publisher(kind, topic, qos)
        self._node.create_subscription(
            kind, f"{BEHIND_NETWORK}/{topic}", lambda message: self._publish(stream, message), qos
        )

    def reset(self, seed: int) -> None:
        """Begins the task's episode of a seed; the arm stands ready."""
        self._task.reset(seed)
        self._seed, self._images = seed, 0
        self._command = np.array([*self._task.robot.pose, 0.0])

    def switch(self, fault: str | None) -> float:
        """Breaks something, or repairs it (None); the steady time at which that was done."""
        with self._lock:
            self._fault = SENSOR_FAULTS[fault] if fault else None
            return time.monotonic()

    def run(self, orders: Connection) -> None:
        """Serves until it is told to end."""
        threading.Thread(target=self._hear, daemon=True).start()
        begun, tick, images = time.monotonic(), 0, 0
        while self._obey(orders):
            self._step(self._now_ns(tick))
            if tick / STATE_HZ * CAMERA_HZ >= images:
                images = int(tick / STATE_HZ * CAMERA_HZ) + 1
                self._show(self._now_ns(tick))
            tick += 1
            wait = begun + tick / STATE_HZ - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            else:  # this machine is too slow: time that was lost is not made up for
                begun -= wait

    def _hear(self) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    def _obey(self, orders: Connection) -> bool:
        while orders.poll():
            order, argument = orders.recv()
            if order == "end":
                return False
            if order == "reset":
                self.reset(argument)
            orders.send(self.switch(argument) if order == "switch" else None)
        return True

    def _now_ns(self, tick: int) -> int:
        return _EPOCH_NS + tick * 10**9 // STATE_HZ if self._settings.sim_clock else time.time_ns()

    def _step(self, now_ns: int) -> None:
        stamp = Time(nanoseconds=now_ns).to_msg()
        if self._settings.sim_clock:
            self._publish(CLOCK, Clock(clock=stamp))
        self._task.robot.step(self._command, round(1 / STATE_HZ / TIMESTEP), self._task.scenario.before_step)
        contract, frame = self._task.contract, self._task.observe(depth=False)
        self._publish(JOINTS, joint_states(frame, stamp))
        self._publish(POSE, tool_pose(frame, contract.action.tool_frame, contract.action.base_frame, stamp))
        camera = camera_transform(self._task.extrinsics, contract.action.base_frame, stamp)
        self._publish(TF, TFMessage(transforms=[camera]))

    def _show(self, now_ns: int) -> None:
        stamp = Time(nanoseconds=now_ns).to_msg()
        frame = self._noise.apply(self._task.observe(), self._seed, self._images)
        self._images += 1
        assert frame.depth is not None
        self._publish(INFO, camera_info(self._task.intrinsics, stamp))
        self._publish(DEPTH, depth_image(frame.depth, stamp))

    def _publish(self, stream: str, message: Any) -> None:
        with self._lock:
            fault = self._fault
            if fault and stream in fault.streams:
                message = fault.change(message, self._last.get(stream, message))
            else:
                self._last[stream] = message
            if message is not None:
                self._out[stream].publish(message)

    def _on_target(self, message: PoseStamped) -> None:
        position, rotation = message.pose.position, message.pose.orientation
        self._command[:7] = [position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w]

    def _on_gripper(self, message: Float64) -> None:
        self._command[7] = message.data


def _run(settings: CellSettings, orders: Connection) -> None:
    os.environ.setdefault("LP_NUM_THREADS", "1")
    join_domain(settings.domain)
    Cell(settings).run(orders)
    rclpy.try_shutdown()


class CellProcess:
    """A cell, and the only line to it."""

    def __init__(self, settings: CellSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, other = context.Pipe()
        self._process = context.Process(target=_run, args=(settings, other), daemon=True)
        self._process.start()

    def switch(self, fault: str | None) -> float:
        """See Cell.switch."""
        return self._ask("switch", fault)

    def reset(self, seed: int) -> None:
        """See Cell.reset."""
        self._ask("reset", seed)

    def _ask(self, order: str, argument: Any) -> Any:
        self._orders.send((order, argument))
        if not self._orders.poll(PATIENCE_S):
            raise TimeoutError(f"the cell's process does not answer '{order}'")
        return self._orders.recv()

    def close(self) -> None:
        """Ends the process."""
        if self._process.is_alive():
            self._orders.send(("end", None))
            self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()
