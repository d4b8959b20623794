"""command_node, the only process that writes to the robot: chunks and heartbeat in, gated commands out."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from sdm_core.anchor import MeasuredPose, absolute
from sdm_core.command_gate import GateDecision
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.command_space import is_motion
from sdm_core.errors import CommandError, ObservationError, SdmError
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import PolicyTrace
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from sdm_policy_node.choices import COMMAND_SINKS
from sdm_policy_node.chunk_message import from_chunk_message
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.liveness import Liveness
from sdm_policy_node.parameters import CommandParameters, declare
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.run_node import run_node, start_by_itself
from sdm_policy_node.state_source import StateSource
from sdm_policy_node.time_stamps import to_ns

_WATCH_PERIOD_S = 0.05
# A measured position older than this is no place to start a motion from.
_START_AGE_S = 0.2


class CommandNode(LifecycleNode):
    """Silent until chunk and heartbeat come; then one command a period; a stop when either ends: hold, then silence.

    A second publisher on a command topic is a latched fault: nothing is published until `~/reset_fault` is called and
    the other one is gone.
    """

    def __init__(self) -> None:
        super().__init__("command_node")
        self._settings = declare(self, CommandParameters)
        self._refusals = Refusals(self)
        self._measured: tuple[float, NDArray[np.float64]] | None = None
        if self._settings.autostart:
            start_by_itself(self, 0.0)

    # --- lifecycle

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        try:
            self._prepare()
        except SdmError as error:
            self.get_logger().error(f"not configured: {error}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _prepare(self) -> None:
        p = self._settings
        recorded = load_contract(p.checkpoint)
        self._contract = absolute(recorded, p.workspace_low, p.workspace_high)
        self._period_ns = round(1e9 / p.rate_hz) if p.rate_hz else self._contract.dt_ns
        self._pipeline = CommandPipeline(
            self._contract,
            scheduler=p.scheduler,
            period_ns=self._period_ns,
            max_age_ns=int(p.max_age_s * 1e9) or None,
        )
        self._pose = MeasuredPose(recorded) if is_motion(self._contract.action) else None
        self._sink = None if p.dry_run else COMMAND_SINKS[p.sink](self, self._contract, depth=1)
        self._traces = self.create_publisher(PolicyTrace, "~/trace", QoSProfile(depth=100))
        self._states = None
        if self._pose:
            self._states = StateSource(self, False, self._on_state, self._on_state_refused)
            self._states.configure(recorded, p.max_skew_s)

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        p = self._settings
        self._liveness = Liveness(p.heartbeat_timeout_s, p.chunk_timeout_s)
        self._fault = ""
        self._rest()
        self._inputs = [
            self.create_subscription(ActionChunkMessage, "action_chunk", self._on_chunk, QoSProfile(depth=10)),
            self.create_subscription(Header, "heartbeat", self._on_heartbeat, QoSProfile(depth=1)),
        ]
        self._own_services = [
            self.create_service(StartEpisode, "~/start_episode", self._on_start_episode),
            self.create_service(Trigger, "~/reset_fault", self._on_reset_fault),
        ]
        self._own_timers = [
            self.create_timer(self._period_ns * 1e-9, self._tick),
            self.create_timer(_WATCH_PERIOD_S, self._watch_topics, clock=Clock(clock_type=ClockType.STEADY_TIME)),
        ]
        self.get_logger().info(
            f"active: {self._contract.task} at {1e9 / self._period_ns:.0f} Hz on "
            f"{', '.join(self._sink.topics) if self._sink else 'no topic (dry run)'}"
        )
        return super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        counts = ", ".join(f"{count} × {what}" for what, count in self._pipeline.counts.items())
        self.get_logger().info(f"inactive; the gate intervened: {counts or 'never'}")
        for timer in self._own_timers:
            self.destroy_timer(timer)
        for service in self._own_services:
            self.destroy_service(service)
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        if self._sink:
            self._sink.close()
        if self._states:
            self._states.close()
        self.destroy_publisher(self._traces)
        return TransitionCallbackReturn.SUCCESS

    # --- in

    def _on_heartbeat(self, message: Header) -> None:
        self._liveness.heartbeat(time.monotonic())

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        self._measured = time.monotonic(), state

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)

    def _on_chunk(self, message: ActionChunkMessage) -> None:
        if self._fault:
            return
        try:
            chunk = from_chunk_message(message, self._contract)
            if not self._moving:
                self._begin()
            self._pipeline.add(chunk)
        except CommandError as error:
            self._refusals.note("chunk", error)
            return
        self._liveness.chunk(time.monotonic())
        self._untraced = message

    def _begin(self) -> None:
        """From rest to streaming. Raises CommandError without the policy's heartbeat or the robot's position."""
        if self._liveness.heartbeat_lost(time.monotonic()):
            raise CommandError("no heartbeat accompanies it; nothing is followed without one")
        position = None
        if self._pose:
            if self._measured is None or time.monotonic() - self._measured[0] > _START_AGE_S:
                raise CommandError("the robot's position is unknown; joint_states and current_pose must be published")
            position = self._pose.of(self._measured[1])
        self._pipeline.reset(position)
        self._moving = True

    def _on_start_episode(
        self, request: StartEpisode.Request, response: StartEpisode.Response
    ) -> StartEpisode.Response:
        self._rest()
        response.success, response.message = not self._fault, self._fault or "ready"
        return response

    def _on_reset_fault(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        others = self._other_publishers()
        if others:
            response.success, response.message = False, others
        else:
            response.success = True
            response.message = f"cleared: {self._fault}" if self._fault else "there was no fault"
            self._fault = ""
            self._rest()
        return response

    # --- out

    def _rest(self) -> None:
        """Silence: nothing is followed until the next chunk."""
        self._pipeline.reset()
        self._liveness.forget_chunks()
        self._moving = False
        self._stop_at: float | None = None
        self._untraced: ActionChunkMessage | None = None
        self._last_interventions: tuple[str, ...] = ()

    def _tick(self) -> None:
        if not self._moving or self._fault:
            return
        begin, now = time.perf_counter_ns(), time.monotonic()
        lost = self._liveness.lost(now)
        if lost is None:
            self._stop_at = None
            decision = self._pipeline.tick(self.get_clock().now().nanoseconds)
        else:
            if self._stop_at is None:
                self._stop_at = now + self._settings.hold_s
                self.get_logger().warning(f"stopping: {lost}")
            if now > self._stop_at:
                self._rest()
                return
            decision = self._pipeline.hold(lost)
        if self._sink and decision.command is not None:
            self._sink.publish(decision.command, self.get_clock().now().to_msg())
        self._trace(decision, begin)

    def _trace(self, decision: GateDecision, begin: int) -> None:
        """One trace for the first command out of each chunk, and one whenever the gate's interventions change."""
        changed = decision.interventions != self._last_interventions
        self._last_interventions = decision.interventions
        message = None if decision.held else self._untraced
        if message is None and not changed:
            return
        trace = PolicyTrace(
            commands=int(self._sink is not None and decision.command is not None),
            gate_publish_ms=(time.perf_counter_ns() - begin) / 1e6,
            interventions=list(decision.interventions),
        )
        if message is not None:
            self._untraced = None
            trace.observation_stamp, trace.sequence = message.observation_stamp, message.sequence
            trace.cloud_ms, trace.inference_ms = message.cloud_ms, message.inference_ms
            trace.loop_ms = (time.time_ns() - to_ns(message.received)) / 1e6
        trace.header.stamp = self.get_clock().now().to_msg()
        self._traces.publish(trace)

    def _watch_topics(self) -> None:
        if self._fault:
            return
        self._fault = self._other_publishers()
        if self._fault:
            self._rest()
            self.get_logger().error(f"fault: {self._fault}; call ~/reset_fault when it is gone")
            trace = PolicyTrace(refusal=self._fault)
            trace.header.stamp = self.get_clock().now().to_msg()
            self._traces.publish(trace)

    def _other_publishers(self) -> str:
        """One line if somebody else publishes on a command topic, else empty."""
        for topic in self._sink.topics if self._sink else ():
            others = self.count_publishers(topic) - 1
            if others > 0:
                return (
                    f"{others} other publisher{'s' * (others > 1)} on {topic}; only command_node may write to the robot"
                )
        return ""


def main() -> None:
    run_node(CommandNode)
