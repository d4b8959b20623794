"""command_node, the only process that writes to the robot: chunks and heartbeat in, gated commands out."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sdm_core.anchor import MeasuredPose, absolute
from sdm_core.command_gate import GateDecision
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.command_space import is_motion, require_motion_limits
from sdm_core.errors import CommandError, ObservationError, SdmError
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import PolicyTrace
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from sdm_policy_node.choices import COMMAND_SINKS
from sdm_policy_node.chunk_message import from_chunk_message
from sdm_policy_node.command_sink import CommandSink
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
# The ROS clock's timer may lag by so many periods before the steady one takes a stop over from it.
_CLOCK_PERIODS = 3


class CommandNode(LifecycleNode):
    """Silent until chunk and heartbeat come; then one command a period; a stop when either ends: hold, then silence.

    A second publisher on a command topic is a latched fault: nothing is published until `~/reset_fault` is called and
    the other one is gone, whatever transitions the node goes through meanwhile.
    """

    def __init__(self) -> None:
        super().__init__("command_node")
        self._settings = declare(self, CommandParameters)
        self._refusals = Refusals(self)
        self._measured: tuple[int, NDArray[np.float64]] | None = None
        self._ticked = 0.0
        self._last_sent: NDArray[np.float64] | None = None
        self._moving = False
        self._fault = ""
        self._sink: CommandSink | None = None
        self._states: StateSource | None = None
        self._traces: Publisher | None = None
        self._inputs: list[Subscription] = []
        self._own_services: list[Service] = []
        self._own_timers: list[Timer] = []
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
        self._pose = None
        if is_motion(self._contract.action):
            require_motion_limits(self._contract.action)
            self._pose = MeasuredPose(recorded)
        self._sink = None if p.dry_run else COMMAND_SINKS[p.sink](self, self._contract, depth=1)
        self._traces = self.create_publisher(PolicyTrace, "~/trace", QoSProfile(depth=100))
        if self._pose:
            self._states = StateSource(self, False, self._on_state, self._on_state_refused)
            self._states.configure(recorded, p.max_skew_s)

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        p = self._settings
        self._liveness = Liveness(p.heartbeat_timeout_s, p.chunk_timeout_s)
        self._rest()
        self._inputs = [
            self.create_subscription(ActionChunkMessage, "action_chunk", self._on_chunk, QoSProfile(depth=10)),
            self.create_subscription(Header, "heartbeat", self._on_heartbeat, QoSProfile(depth=1)),
        ]
        self._own_services = [
            self.create_service(StartEpisode, "~/start_episode", self._on_start_episode),
            self.create_service(Trigger, "~/reset_fault", self._on_reset_fault),
        ]
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._own_timers = [
            self.create_timer(self._period_ns * 1e-9, self._tick),
            self.create_timer(self._period_ns * 1e-9, self._tick_without_clock, clock=steady),
            self.create_timer(_WATCH_PERIOD_S, self._watch_topics, clock=steady),
        ]
        self.get_logger().info(
            f"active: {self._contract.task} at {1e9 / self._period_ns:.0f} Hz on "
            f"{', '.join(self._sink.topics) if self._sink else 'no topic (dry run)'}"
        )
        return super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        self._release()
        return super().on_shutdown(state)

    def _stop(self) -> None:
        """Undoes `on_activate`; a moving robot is told to hold, once. Does nothing where nothing is active."""
        if not self._own_timers:
            return
        if self._moving:
            self._send(self._pipeline.hold("deactivated"))
        counts = ", ".join(f"{count} × {what}" for what, count in self._pipeline.counts.items())
        self.get_logger().info(f"inactive; the gate intervened: {counts or 'never'}")
        for timer in self._own_timers:
            self.destroy_timer(timer)
        for service in self._own_services:
            self.destroy_service(service)
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._own_timers, self._own_services, self._inputs = [], [], []
        self._rest()

    def _release(self) -> None:
        """Undoes `on_configure`. Does nothing where nothing is configured."""
        if self._sink:
            self._sink.close()
        if self._states:
            self._states.close()
        if self._traces:
            self.destroy_publisher(self._traces)
        self._sink = self._states = self._traces = None

    # --- in

    def _on_heartbeat(self, message: Header) -> None:
        self._liveness.heartbeat(time.monotonic())

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        self._measured = stamp_ns, state

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)

    def _on_chunk(self, message: ActionChunkMessage) -> None:
        if self._fault:
            return
        try:
            chunk = from_chunk_message(message, self._contract)
            self._refuse_future(f"chunk {chunk.sequence}", chunk.stamp_ns)
            if not self._moving:
                self._begin()
            self._pipeline.add(chunk)
        except CommandError as error:
            self._refusals.note("chunk", error)
            return
        self._liveness.chunk(time.monotonic())
        self._untraced = message

    def _begin(self) -> None:
        """From rest to streaming. Raises CommandError without the policy's heartbeat or the robot's position, or with
        another publisher."""
        self._watch_topics()
        if self._fault:
            raise CommandError(self._fault)
        if self._liveness.heartbeat_lost(time.monotonic()):
            raise CommandError("no heartbeat accompanies it; nothing is followed without one")
        position = None
        if self._pose:
            position = self._pose.of(self._measured_state(), self._last_sent)
        self._pipeline.reset(position)
        self._moving = True
        self._ticked = time.monotonic()

    def _measured_state(self) -> NDArray[np.float64]:
        if self._measured is None:
            raise CommandError("the robot's position is unknown; joint_states and current_pose must be published")
        stamp_ns, state = self._measured
        self._refuse_future("the robot's position", stamp_ns)
        age_s = (self._now_ns() - stamp_ns) * 1e-9
        if age_s > _START_AGE_S:
            raise CommandError(
                f"the robot's position is unknown: the last one is {age_s * 1e3:.0f} ms old; joint_states and "
                "current_pose must be published"
            )
        return state

    def _refuse_future(self, what: str, stamp_ns: int) -> None:
        """Raises CommandError where a stamp lies more than a control period ahead of this node's clock."""
        lead_ns = stamp_ns - self._now_ns()
        if lead_ns > self._contract.dt_ns:
            raise CommandError(f"{what} lies {lead_ns / 1e6:.0f} ms in the future; synchronise the clocks")

    def _now_ns(self) -> int:
        return self.get_clock().now().nanoseconds

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
        begin = time.perf_counter_ns()
        self._ticked = time.monotonic()
        lost = self._liveness.lost(self._ticked)
        if lost is None:
            self._stop_at = None
            self._send(self._pipeline.tick(self._now_ns()), begin)
        else:
            self._tick_stop(lost, begin)

    def _tick_without_clock(self) -> None:
        """Stops in the place of `_tick` where the ROS clock no longer drives that: it stands, or was set back."""
        silent_s = time.monotonic() - self._ticked
        if not self._moving or self._fault or silent_s < _CLOCK_PERIODS * self._period_ns * 1e-9:
            return
        lost = self._liveness.lost(time.monotonic())
        if lost is None and silent_s > self._settings.chunk_timeout_s:
            lost = "clock_stands"
        if lost:
            self._tick_stop(lost, time.perf_counter_ns())

    def _tick_stop(self, lost: str, begin: int) -> None:
        """One period of a stop: the hold, and after `hold_s` silence."""
        now = time.monotonic()
        if self._stop_at is None:
            self._stop_at = now + self._settings.hold_s
            self.get_logger().warning(f"stopping: {lost}")
        if now > self._stop_at:
            self._rest()
        else:
            self._send(self._pipeline.hold(lost), begin)

    def _send(self, decision: GateDecision, begin: int | None = None) -> None:
        if decision.command is not None:
            self._last_sent = decision.command
            if self._sink:
                self._sink.publish(decision.command, self.get_clock().now().to_msg(), decision.held)
        self._trace(decision, time.perf_counter_ns() if begin is None else begin)

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
        self._publish_trace(trace)

    def _publish_trace(self, trace: PolicyTrace) -> None:
        assert self._traces
        trace.header.stamp = self.get_clock().now().to_msg()
        self._traces.publish(trace)

    def _watch_topics(self) -> None:
        if self._fault:
            return
        self._fault = self._other_publishers()
        if self._fault:
            self._rest()
            self.get_logger().error(f"fault: {self._fault}; call ~/reset_fault when it is gone")
            self._publish_trace(PolicyTrace(refusal=self._fault))

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
