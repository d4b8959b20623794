"""Brings messages and time to the CommandStream, and its decisions to the robot."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sdm_core.commands.anchor import absolute
from sdm_core.commands.arm_limits import ArmLimits
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import is_motion, is_rate, require_motion_limits
from sdm_core.commands.home_motion import home_command, home_parameter
from sdm_core.commands.shadow_score import ShadowScore
from sdm_core.commands.speed_share import slowed
from sdm_core.commands.workspace import Workspace
from sdm_core.contract import Contract
from sdm_core.errors import CommandError, ObservationError
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import Heartbeat
from std_msgs.msg import Empty

from sdm_policy_node.chunk_message import from_chunk_message
from sdm_policy_node.commands.command_stream import CommandStream, StopRules
from sdm_policy_node.commands.command_trace import CommandTrace
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.measured_position import MeasuredPosition
from sdm_policy_node.commands.sole_publisher import LEADING, UNFOLLOWED, other_publishers, several_leaders
from sdm_policy_node.commands.tick_meter import TickMeter
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.grippers.gripper_actions import gripper_actions
from sdm_policy_node.liveness import Liveness
from sdm_policy_node.parameters import CommandParameters
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.sinks.command_sink import CommandSink, PathSink, PreparedSink
from sdm_policy_node.sinks.command_sinks import command_sink
from sdm_policy_node.sources.state_source import StateSource

_WATCH_PERIOD_S = 0.05


class CommandLoop:
    """Holds the robot's topics from its making on, and is deaf and silent until `start`.

    Raises SdmError where contract, parameters and sink do not fit each other.
    """

    def __init__(self, node: LifecycleNode, settings: CommandParameters, interlock: Interlock) -> None:
        p = self._settings = settings
        self._node = node
        self._interlock = interlock
        self._simulated = bool(node.get_parameter("use_sim_time").value)
        self._refusals = Refusals(node)
        self._recorded = recorded = load_contract(p.checkpoint)
        self._contract = self._confined(Workspace(p.workspace_low, p.workspace_high))
        action = absolute(recorded).action
        if is_motion(action) or is_rate(action):
            require_motion_limits(action)
            arm = ArmLimits(
                translation=p.arm_translation,
                rotation=p.arm_rotation,
                joint_velocity=p.arm_joint_velocity,
                joint_acceleration=p.arm_joint_acceleration,
                joint_jerk=p.arm_joint_jerk,
            )
            arm.require(action, p.arm_share)
        self._period_ns = round(1e9 / p.rate_hz) if p.rate_hz else self._contract.dt_ns
        self._measured = (
            MeasuredPosition(recorded, p.state_timeout_s, p.implausible_speed) if is_motion(action) else None
        )
        sink = command_sink(p.sink)
        sink.require(self._contract)
        pipeline = CommandPipeline(
            self._contract,
            scheduler=p.scheduler,
            period_ns=self._period_ns,
            max_age_ns=int(p.max_age_s * 1e9) or None,
        )
        rules = StopRules(
            hold_s=p.hold_s,
            clock_timeout_s=p.chunk_timeout_s,
            tracking_error=p.tracking_error,
            tracking_turn=p.tracking_turn,
            blocked_s=p.blocked_s,
            first_hold_s=p.first_hold_s,
        )
        if p.dry_run:  # the robot follows somebody else
            rules = StopRules(p.hold_s, p.chunk_timeout_s, holding_error=0.0, holding_turn=0.0, lost_s=0.0)
        self.stream = CommandStream(
            self._contract,
            pipeline,
            Liveness(
                heartbeat_timeout_s=p.heartbeat_timeout_s,
                chunk_timeout_s=p.chunk_timeout_s,
                deadman_timeout_s=p.deadman_timeout_s,
            ),
            self._measured,
            rules,
            interlock,
            self._period_ns * 1e-9,
            sends_paths=not p.dry_run and issubclass(sink, PathSink),
            simulated_clock=self._simulated,
        )
        self.shadow = ShadowScore(self._contract) if p.dry_run and self._measured else None
        self.meter = TickMeter(self._period_ns * 1e-9)
        self._home = self._home_in(self._contract)
        self._inputs: list[Subscription] = []
        self._led_by: list[tuple[str, ...]] = []
        self._several = ""  # who lead at once, in one line; empty where it is one
        self._timers: list[Timer] = []
        with ExitStack() as made:  # what is made before something fails is given up again
            self.gripper = gripper_actions(node, p, action)
            if self.gripper:
                made.callback(self.gripper.close)
            self._sink: CommandSink | None = None
            if not p.dry_run:
                self._sink = sink(node, self._contract, depth=1)
                made.callback(self._sink.close)
            if self._measured:
                states = StateSource(node, False, self._on_state, self._on_state_refused)
                made.callback(states.close)
                states.configure(recorded, p.max_skew_s)
            self._trace = CommandTrace(node)
            made.callback(self._trace.close)
            self._topics = made.pop_all()

    # --- life

    def start(self) -> None:
        """Listens to the policy, and ticks."""
        node, period_s, steady = self._node, self._period_ns * 1e-9, Clock(clock_type=ClockType.STEADY_TIME)
        self._rest()
        self.stream.meet()
        # A policy's dry run has topics of its own, and only a dry run hears them: nothing that it says moves a robot.
        spaces = (LEADING, UNFOLLOWED) if self._settings.dry_run else (LEADING,)
        chunks = [
            node.create_subscription(ActionChunkMessage, f"{space}action_chunk", self._on_chunk, QoSProfile(depth=10))
            for space in spaces
        ]
        heartbeats = [
            node.create_subscription(Heartbeat, f"{space}heartbeat", self._on_heartbeat, QoSProfile(depth=1))
            for space in spaces
        ]
        deadman = node.create_subscription(Empty, "~/deadman", self._on_deadman, QoSProfile(depth=1))
        self._inputs = [*chunks, *heartbeats, deadman]
        self._led_by = [tuple(subscription.topic_name for subscription in group) for group in (chunks, heartbeats)]
        self._timers = [node.create_timer(_WATCH_PERIOD_S, self._watch_topics, clock=steady)]
        if self._simulated:
            self._timers.append(node.create_timer(period_s, self._tick))
            self._timers.append(node.create_timer(period_s, self._tick_without_clock, clock=steady))
        else:  # a timer of the system's clock would be silent, where that is set back, until it has caught up
            self._timers.append(node.create_timer(period_s, self._tick, clock=steady))
        node.get_logger().info(
            f"active: {self._contract.task} at {1 / period_s:.0f} Hz on "
            f"{', '.join(self._sink.topics) if self._sink else 'no topic (dry run)'}"
        )

    def stop(self) -> None:
        """Undoes `start`; a moving robot is first brought to rest."""
        self._brake("deactivated")
        counts = ", ".join(f"{count} × {what}" for what, count in self.stream.counts.items())
        self._node.get_logger().info(f"inactive; the gate intervened: {counts or 'never'}")
        if self.shadow:
            self._node.get_logger().info(f"in the shadows: {self.shadow.summary()}")
        self._deafen()
        self.meter.pause()
        self._rest()

    def close(self) -> None:
        """Gives all topics up, also after a `start` or `stop` that failed half-way."""
        self._deafen()
        self._topics.close()

    def _deafen(self) -> None:
        """Listens and ticks no more."""
        for timer in self._timers:
            self._node.destroy_timer(timer)
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        self._timers, self._inputs = [], []

    def start_episode(self) -> None:
        """Forgets chunks and motion, and where the robot stood: a simulated one begins each episode elsewhere.

        A robot that moves is first brought to rest. On a simulated clock, whose world is set back, only one is that
        would go on: at a velocity, or along a path.
        """
        if is_rate(self._contract.action) or isinstance(self._sink, PathSink) or not self._simulated:
            self._brake("new_episode")
        self._rest()
        if self._simulated:
            self.stream.forget_commands()
        if self._measured:
            self._measured.forget()

    @property
    def dry_run(self) -> bool:
        """Whether everything happens but that commands reach the robot."""
        return self._settings.dry_run

    def go_home(self) -> float:
        """Begins the way home, and gives its seconds. Raises CommandError where that may not be now."""
        if self._settings.dry_run:
            raise CommandError(
                "a dry run sends nothing, so the robot would not go home; move it by other means, or start anew with "
                "dry_run:=false"
            )
        if self._home is None:
            kind, name = self._contract.action.kind, home_parameter(self._contract.action)
            raise CommandError(f"there is no home of '{kind}' actions" + (f"; set {name}" if name else ""))
        self._require_receiver()
        return self.stream.go_home(self._home, self._settings.home_share, self._now_ns(), time.monotonic())

    def confine(self, workspace: Workspace) -> None:
        """Another box for the next motion. Raises CommandError while the robot is commanded, and ContractError where
        the box leaves no room in the contract's bounds, or home outside; all stays as it was then."""
        contract = self._confined(workspace)
        home = self._home_in(contract)
        self.stream.confine(contract)
        self._contract, self._home = contract, home
        self._node.get_logger().info(f"the workspace is now {list(workspace.low)} to {list(workspace.high)}")

    def _confined(self, workspace: Workspace) -> Contract:
        contract = absolute(self._recorded, workspace.low, workspace.high)
        return slowed(contract, self._settings.speed_share)

    def _home_in(self, contract: Contract) -> NDArray[np.float64] | None:
        name = home_parameter(contract.action)
        values = self._settings.home_joints if name == "home_joints" else self._settings.home_pose
        return home_command(contract, values) if name and not math.isnan(values[0]) else None

    @property
    def refused(self) -> dict[str, int]:
        """How many messages of each sort were refused."""
        return {f"{what} refused": count for what, count in self._refusals.counts.items()}

    def _brake(self, reason: str) -> None:
        """Brings a moving robot to rest, and returns only then."""
        begin, begin_ns = time.monotonic(), self._now_ns()
        while True:
            now = time.monotonic()
            # A simulation's clock stands for whoever waits in a callback.
            decision = self.stream.hold(reason, now, begin_ns + round((now - begin) * 1e9))
            if decision is None:
                return
            self._send(decision, time.perf_counter_ns())
            if self.stream.moving:
                time.sleep(self._period_ns * 1e-9)

    def _rest(self) -> None:
        self.stream.rest()
        self._trace.forget()

    # --- in

    def _on_heartbeat(self, message: Heartbeat) -> None:
        self.stream.heard_heartbeat(time.monotonic(), message.refusal)

    def _on_deadman(self, message: Empty) -> None:
        self.stream.felt_deadman(time.monotonic())

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        assert self._measured
        try:
            self._measured.observe(stamp_ns, state, time.monotonic())
        except ObservationError as error:
            self._refusals.note("state", error)
            return
        if self.shadow and (position := self._measured.newest) is not None:
            self.shadow.observe(stamp_ns, position)

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)

    def _on_chunk(self, message: ActionChunkMessage) -> None:
        begins = not self.stream.moving
        try:
            chunk = from_chunk_message(message, self._contract)
            self._interlock.require_free()  # a receiver's answer from before a pause is old after it
            self._require_receiver()
            if self._several:
                raise CommandError(self._several)
            self.stream.follow(chunk, self._now_ns(), time.monotonic())
        except CommandError as error:
            self._refusals.note("chunk", error)
            return
        if begins and self.gripper:
            self.gripper.forget()
        self._trace.chunk(message)
        if self.shadow:
            self.shadow.add(chunk)

    def _require_receiver(self) -> None:
        """Before a motion. Raises CommandError where the receiver of commands is not prepared, and latches the fault of
        another publisher."""
        if self.stream.moving:
            return
        self._watch_topics()
        if isinstance(self._sink, PreparedSink) and (obstacle := self._sink.obstacle()):
            raise CommandError(obstacle)

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    # --- out

    def _tick(self) -> None:
        begin, now = time.perf_counter_ns(), time.monotonic()
        fault, paused = self._interlock.fault, self._interlock.paused
        self.meter.tick(now)
        decision = self.stream.tick(self._now_ns(), now)
        if self._interlock.fault != fault:
            self._report_fault()
        if self._interlock.paused != paused:
            self._report_loss()
        # A process may be stopped between making up a command and sending it.
        if decision and not self.stream.withdraw_late(time.monotonic()):
            self._send(decision, begin)

    def _tick_without_clock(self) -> None:
        begin = time.perf_counter_ns()
        if decision := self.stream.tick_without_clock(time.monotonic(), self._now_ns()):
            self._send(decision, begin)

    def _send(self, decision: GateDecision, begin_ns: int) -> None:
        if self._sink and decision.command is not None:
            held = decision.held or self.stream.going_home
            self._sink.publish_gripper(decision.command, held)
            # Whom that wakes may run first, and a process that is stopped then would go on with what is late.
            if self.stream.withdraw_late(time.monotonic()):
                return
            self._sink.publish(decision.command, self._node.get_clock().now().to_msg())
            if isinstance(self._sink, PathSink) and (path := self.stream.path(time.monotonic)):
                self._sink.publish_path(path)
            if self.gripper and not held:
                self.gripper.follow(decision.command, time.monotonic())
        self._trace.decision(decision, begin_ns, published=self._sink is not None)

    # --- faults

    def other_publishers(self) -> str:
        """One line if somebody else publishes on a command topic, else empty."""
        return other_publishers(self._node, self._sink.topics if self._sink else ())

    def _watch_topics(self) -> None:
        self._several = several_leaders(self._node, self._led_by)
        if self._several and self.stream.activity == "following":
            self.stream.stop("several_leaders")
        if isinstance(self._sink, PreparedSink) and not self._sink.present():
            self.stream.stop("receiver_gone")
        others = "" if self._interlock.fault else self.other_publishers()
        if others:
            self.stream.latch(others, abandon=True)
            self._report_fault()

    def _report_fault(self) -> None:
        self._node.get_logger().error(f"fault: {self._interlock.fault}; call ~/reset_fault when its cause is gone")
        self._trace.refusal(self._interlock.fault)

    def _report_loss(self) -> None:
        line = "paused: the robot's states have not come for a second; it may have been stopped, and somebody be at it"
        self._node.get_logger().error(f"{line}; see why, and call ~/resume")
        self._trace.refusal(line)
