"""What the loop's traces tell: how long its parts take, which observation leads the robot, what the gate changed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from rclpy.node import Node
from sdm_interfaces.msg import PolicyTrace
from sdm_policy_node.sources.observation_source import sensor_qos
from sdm_policy_node.time_stamps import to_ns

from sdm_cockpit.snapshot import Timing
from sdm_cockpit.trace_timing import timing_of

# Whoever has not answered for so long does not drive the robot (s).
_LASTS_S = 1.0
# Commands are counted over so long (s).
_WINDOW_S = 2.0


class TraceListener:
    """Traces of command_node, or of policy_node where it commands inline; safe to ask from any thread."""

    def __init__(self, node: Node, deadline_ms: float, now: Callable[[], float] = time.monotonic) -> None:
        """`deadline_ms`: what a loop may take."""
        self._deadline_ms = deadline_ms
        self._now = now
        self._lock = threading.Lock()
        self._timed: tuple[float, PolicyTrace] | None = None
        self._streaming_s = -_LASTS_S
        self._clamps: set[str] = set()
        self._lasting: tuple[float, tuple[str, ...]] = (-_LASTS_S, ())
        self._commands: deque[tuple[float, int]] = deque()
        qos = sensor_qos(False, 5)
        self._node = node
        self._subscriptions = (
            node.create_subscription(PolicyTrace, "command_node/trace", self._on_command_trace, qos),
            node.create_subscription(PolicyTrace, "policy_node/trace", self._on_policy_trace, qos),
        )

    def close(self) -> None:
        """Listens no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def timing(self, streamed_hz: float | None) -> Timing | None:
        """Of the last command; None where none was given of late. `streamed_hz`: what command_node itself says."""
        with self._lock:
            timed, now = self._timed, self._now()
            if timed is None or now - timed[0] > _LASTS_S:
                return None
            trace, rate = timed[1], streamed_hz if streamed_hz is not None else self._inline_hz(now)
        return timing_of(trace, rate, self._deadline_ms)

    @property
    def followed_ns(self) -> int:
        """Stamp of the observation that leads the robot; 0 where none does, as in a dry run."""
        with self._lock:
            trace = self._timed[1] if self._timed else None
            return to_ns(trace.observation_stamp) if trace and trace.commands else 0

    def clamps(self) -> tuple[str, ...]:
        """What the gate changed or held since this was asked last."""
        with self._lock:
            heard, lasting = self._lasting
            found = self._clamps | set(lasting if self._now() - heard <= _LASTS_S else ())
            self._clamps = set()
        return tuple(sorted(found))

    @property
    def commands_inline(self) -> bool:
        """Whether policy_node itself gives commands."""
        with self._lock:
            return self._inline_hz(self._now()) > 0

    def _on_command_trace(self, trace: PolicyTrace) -> None:
        with self._lock:
            now = self._now()
            self._streaming_s = now
            # Traced when they change: until the next trace they go on.
            self._lasting = (now, tuple(trace.interventions))
            self._note(trace, now)

    def _on_policy_trace(self, trace: PolicyTrace) -> None:
        with self._lock:
            now = self._now()
            if trace.commands:
                self._commands.append((now, trace.commands))
            if trace.commands and now - self._streaming_s > _LASTS_S:
                self._note(trace, now)

    def _note(self, trace: PolicyTrace, now: float) -> None:
        self._clamps.update(trace.interventions)
        if to_ns(trace.observation_stamp):
            self._timed = (now, trace)

    def _inline_hz(self, now: float) -> float:
        while self._commands and now - self._commands[0][0] > _WINDOW_S:
            self._commands.popleft()
        return sum(count for _, count in self._commands) / _WINDOW_S
