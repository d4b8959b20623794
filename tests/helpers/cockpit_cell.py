"""The simulated cell under its shipped student, with the cockpit beside it, and an ear for what the arm is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sdm_interfaces.msg import PolicyTrace
from sdm_sim.bridge.bridge_node import spinning

from helpers.cockpit_page import now_and_then, page_address
from helpers.graph import Graph, NodeProcess, graph

STUDENT = Path(__file__).parents[2] / "models/franka_pick-place_sdm"
# A process may be kept waiting for long where a browser draws without a graphics card: what is late only through that
# moves and stops nothing.
_POLICY = {"max_age_s": 5.0, "silent_frames": 0, "stall_s": 30.0}
_COMMAND = {"sink": "pose", "heartbeat_timeout_s": 2.0, "chunk_timeout_s": 5.0, "state_timeout_s": 5.0}
# Commands that differ by no more (m) lead nowhere.
_STANDS_M = 1e-4


@dataclass
class Cell:
    """The nodes; the places that the arm is told, and what the gate says of them, each with the time of its arrival."""

    world: Graph
    policy: NodeProcess
    command: NodeProcess
    address: str
    told: list[tuple[float, np.ndarray]]
    interventions: list[tuple[float, list[str]]]

    def start_policy(self) -> None:
        """Another one in the place of one that has ended."""
        self.policy = self.world.start("policy_node", checkpoint=STUDENT, **_POLICY)

    def start_command(self, **parameters: Any) -> None:
        """Another one in the place of one that has ended."""
        self.command = self.world.start("command_node", checkpoint=STUDENT, **{**_COMMAND, **parameters})

    def until(self, predicate: Callable[[], object], timeout_s: float = 120.0) -> bool:
        """Whether the predicate comes to hold."""
        return self.world.spin_until(now_and_then(predicate), timeout_s)

    def leads(self) -> bool:
        """Whether the arm is led elsewhere now."""
        recent = [place for at, place in self.told if at > time.time() - 0.5]
        return len(recent) > 2 and float(np.ptp(recent, axis=0).max()) > 10 * _STANDS_M

    def led_until(self) -> float:
        """When it was last led elsewhere."""
        places = np.array([place for _, place in self.told])
        moves = np.flatnonzero(np.abs(np.diff(places, axis=0)).max(axis=1) > _STANDS_M)
        return self.told[int(moves[-1]) + 1][0]

    def braked_at(self, reason: str) -> float:
        """When it was last braked for this reason."""
        return next(at for at, reasons in reversed(self.interventions) if reason in reasons)

    def is_silent(self, seconds: float = 1.0) -> bool:
        return time.time() - self.told[-1][0] > seconds

    def parameter(self, node: str, name: str) -> np.ndarray:
        return np.array(self.world.parameter(node, name))


@contextmanager
def cockpit_cell(folder: Path, real_time_factor: float, pictures_hz: float) -> Iterator[Cell]:
    """The running cell; the logs of its nodes are kept in `folder`."""
    with graph(folder, use_sim_time=True) as world, _heard(world.domain) as (told, interventions):
        simulated = {"task": "franka/pick-place", "mode": "realtime", "real_time_factor": real_time_factor}
        patient = {"startup_timeout_s": 120.0, "answer_timeout_s": 10.0}
        world.start("bridge_node", checkpoint=STUDENT, episodes=0, use_sim_time=False, **simulated, **patient)
        policy = world.start("policy_node", checkpoint=STUDENT, **_POLICY)
        command = world.start("command_node", checkpoint=STUDENT, **_COMMAND)
        cockpit = world.start("cockpit_node", checkpoint=STUDENT, port=0, pictures_hz=pictures_hz, niceness=0)
        yield Cell(world, policy, command, page_address(world, cockpit), told, interventions)


@contextmanager
def _heard(domain: int) -> Iterator[tuple[list[tuple[float, np.ndarray]], list[tuple[float, list[str]]]]]:
    """What the arm is told and why, while others look at pages."""
    told: list[tuple[float, np.ndarray]] = []
    interventions: list[tuple[float, list[str]]] = []

    def on_target(message: PoseStamped) -> None:
        position = message.pose.position
        told.append((time.time(), np.array([position.x, position.y, position.z])))

    def on_trace(message: PolicyTrace) -> None:
        interventions.append((time.time(), list(message.interventions)))

    context = rclpy.Context()
    rclpy.init(args=[], context=context, domain_id=domain)
    node = Node("arm", context=context)
    node.create_subscription(PoseStamped, "target_pose", on_target, QoSProfile(depth=100))
    node.create_subscription(PolicyTrace, "command_node/trace", on_trace, QoSProfile(depth=100))
    try:
        with spinning(node):
            yield told, interventions
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
