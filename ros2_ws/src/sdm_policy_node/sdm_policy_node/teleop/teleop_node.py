"""sdm-teleop: an operator in a policy's place. Chunks and heartbeat out; command_node moves the arm, or does not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sdm_core.errors import ObservationError
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import Heartbeat
from std_msgs.msg import Float64, Header

from sdm_policy_node.chunk_message import to_chunk_message
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.grippers.gripper_topic import GRIPPER_TOPIC, gripper_qos
from sdm_policy_node.liveness import HEARTBEAT_PERIOD_S
from sdm_policy_node.parameters import TeleopParameters, declare
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.run_node import run_node
from sdm_policy_node.sources.state_source import StateSource
from sdm_policy_node.teleop.episode_keys import EpisodeKeys
from sdm_policy_node.teleop.jog import Jog, Speeds
from sdm_policy_node.teleop.keyboard import HELP, Keyboard
from sdm_policy_node.teleop.operator_input import Key, OperatorInput
from sdm_policy_node.teleop.space_mouse import SpaceMouse

# Nothing is commanded from a state that came longer ago.
_STATE_AGE_S = 0.2
# Scenes of the simulated world lie so far apart in its time, at least.
_SCENE_JUMP_NS = 10 * 10**9
_DEVICES: dict[str, Callable[[float], OperatorInput]] = {"keyboard": Keyboard, "spacemouse": SpaceMouse}


class TeleopNode(Node):
    """At rest it only beats; the first key starts from the measured pose. Then there is a chunk every control period,
    which stands still while no key is held, until it is put to rest or the robot's state ends."""

    def __init__(self) -> None:
        self._opened = ExitStack()  # before anything is refused: destroy_node closes it
        super().__init__("teleop_node")
        p = declare(self, TeleopParameters)
        self._input = _DEVICES[p.device](p.key_hold_s)
        self._opened.callback(self._input.close)
        self._refusals = Refusals(self)
        self._contract = load_contract(p.checkpoint)
        self._jog = Jog(self._contract, Speeds(p.linear_speed, p.angular_speed))
        self._state: tuple[int, NDArray[np.float64]] | None = None
        self._heard_s = 0.0
        self._scene_after_ns: int | None = None
        states = StateSource(self, False, self._on_state, self._on_state_refused)
        states.configure(self._contract, 0.0)
        self.create_subscription(Float64, GRIPPER_TOPIC, self._on_gripper, gripper_qos(1))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._chunks = self.create_publisher(ActionChunkMessage, "action_chunk", QoSProfile(depth=10))
        self._heartbeat = self.create_publisher(Heartbeat, "heartbeat", QoSProfile(depth=1))
        self._episodes = EpisodeKeys(self, self._say)
        self._input.open()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_PERIOD_S, self._beat, clock=steady)
        self.create_timer(self._contract.dt, self._tick, clock=steady)
        self._say(f"{self._contract.task}\n{HELP}")

    def destroy_node(self) -> None:
        self._opened.close()
        super().destroy_node()

    # --- in

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        self._state, self._heard_s = (stamp_ns, state), time.monotonic()

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)

    def _on_gripper(self, message: Float64) -> None:
        self._jog.gripper_told(message.data)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        """In a pause the arm may be led by hand: what it was told before is not gone on with."""
        about = [status for status in message.status if status.name == "command_node: commands"]
        if any(said.key == "pause in force" and said.value == "True" for status in about for said in status.values):
            self._jog.rest()

    # --- out

    def _beat(self) -> None:
        self._heartbeat.publish(Heartbeat(header=Header(stamp=self.get_clock().now().to_msg())))

    def _tick(self) -> None:
        state = self._fresh_state()
        for key in self._input.pressed():
            self._obey(key, state)
        if self._scene_after_ns is not None:
            self._await_scene(self._scene_after_ns, state)
        twist = self._input.twist()
        if state is None:
            if self._jog.target is not None:
                self._jog.rest()
                self._say("at rest: the robot's state has ended; joint_states and current_pose must be published")
            return
        if twist.any():
            self._ready(state)
        if self._jog.target is not None:
            chunk = self._jog.chunk(self.get_clock().now().nanoseconds, state, twist)
            message = to_chunk_message(chunk, self._contract)
            message.header.stamp = self.get_clock().now().to_msg()
            self._chunks.publish(message)

    def _obey(self, key: Key, state: NDArray[np.float64] | None) -> None:
        if key == Key.QUIT:
            raise KeyboardInterrupt
        if key == Key.REST:
            self._jog.rest()
            self._say("at rest")
        elif key == Key.GRIPPER and state is not None:
            self._ready(state)
            self._jog.toggle_gripper()
        elif key == Key.START:
            self._jog.rest()
            if not self._episodes.new_scene(self._expect_scene):
                self._begin_episode(state)
        elif key in (Key.SUCCESS, Key.FAILURE, Key.DISCARD):
            self._episodes.end(key)

    def _expect_scene(self) -> None:
        self._scene_after_ns = self._state[0] if self._state else 0

    def _await_scene(self, after_ns: int, state: NDArray[np.float64] | None) -> None:
        """The simulated world's time jumps with every new scene."""
        if state is not None and self._state and self._state[0] > after_ns + _SCENE_JUMP_NS:
            self._scene_after_ns = None
            self._begin_episode(state)

    def _begin_episode(self, state: NDArray[np.float64] | None) -> None:
        """What is recorded has a command from its first frame on: to stand still."""
        if state is not None:
            self._jog.start(state)
        self._episodes.start()

    def _ready(self, state: NDArray[np.float64]) -> None:
        if self._jog.target is None:
            self._jog.start(state)

    def _fresh_state(self) -> NDArray[np.float64] | None:
        if self._state is None or time.monotonic() - self._heard_s > _STATE_AGE_S:
            return None
        return self._state[1]

    def _say(self, line: str) -> None:
        print(line, file=sys.stdout, flush=True)


def main() -> None:
    """Entry point."""
    run_node(TeleopNode)
