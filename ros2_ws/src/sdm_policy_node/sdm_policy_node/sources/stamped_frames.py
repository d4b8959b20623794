"""The frames of one topic of the last while, found by stamp."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.node import Node
from sdm_core.errors import ObservationError, StreamFault
from sdm_core.stream_guard import StreamGuard

from sdm_policy_node.sources.observation_source import Deliver, Frame, StreamSettings, sensor_qos
from sdm_policy_node.time_stamps import to_ns

# Stamps of one instant differ by the rounding and the jitter of the clocks behind them. It is far less than half of any
# camera's period: no frame that is nearer can follow one that lies so close.
SAME_INSTANT_NS = 2_000_000


class StampedFrames:
    """Subscribes to a camera's topic, and keeps what its guard lets pass; safe to ask from any thread.

    Which frame is nearest to a stamp is known once one has reached it (`reached`), and does not depend on the order of
    arrival. Whoever cannot wait longer gets the nearest one that has come, within the greatest skew.
    """

    def __init__(
        self, node: Node, kind: type, topic: str, settings: StreamSettings, deliver: Deliver | None = None
    ) -> None:
        """`kind` of messages, with a header and data; `deliver` gets every frame, also those that have a fault."""
        self.topic = topic
        self.max_skew_ns = 0
        self._clock = node.get_clock()
        self._guard = StreamGuard(topic, settings.frozen_frames)
        self._max_age_ns = int(settings.kept_s * 1e9)
        self._deliver = deliver
        self._lock = threading.Lock()
        self._seen: dict[int, Frame] = {}
        self._fault: StreamFault | None = None
        self._node = node
        self._subscription = node.create_subscription(
            kind, topic, self._on_message, sensor_qos(settings.reliable, settings.queue)
        )

    def close(self) -> None:
        """Listens no more."""
        self._node.destroy_subscription(self._subscription)

    @property
    def latest(self) -> Frame | None:
        """The newest frame without a fault."""
        with self._lock:
            return next(reversed(self._seen.values()), None)

    def reached(self, stamp_ns: int) -> bool:
        """Whether a frame of this stamp or a later one has come."""
        with self._lock:
            return next(reversed(self._seen), -1) >= stamp_ns - SAME_INSTANT_NS

    def nearest_stamp(self, stamp_ns: int) -> int | None:
        """The kept frame's stamp that is nearest to this one, however far; None where none is kept."""
        with self._lock:
            return _nearest(self._seen, stamp_ns)

    def nearest(self, stamp_ns: int) -> Frame:
        """The frame nearest to a stamp. Raises ObservationError where none lies within `max_skew_ns`, and StreamFault
        where that is because they were refused."""
        with self._lock:
            seen, fault = dict(self._seen), self._fault
        nearest = _nearest(seen, stamp_ns)
        if nearest is not None and abs(nearest - stamp_ns) <= self.max_skew_ns:
            return seen[nearest]
        if fault is not None:
            raise StreamFault(fault.kind, str(fault))
        raise ObservationError(
            f"no message on '{self.topic}' within {self.max_skew_ns / 1e6:.1f} ms of the observation; "
            f"{self._why_none(list(seen), stamp_ns)}"
        )

    def _on_message(self, message: Any) -> None:
        now_ns = self._clock.now().nanoseconds
        fault = self._guard.check(to_ns(message.header.stamp), now_ns, message.data)
        frame = Frame.of(message, fault)
        with self._lock:
            self._fault = fault
            if fault is None:
                self._keep(frame)
        if self._deliver:
            self._deliver(frame)

    def _keep(self, frame: Frame) -> None:
        seen = self._seen
        if seen and frame.stamp_ns < next(reversed(seen)):  # a simulation that begins again
            seen.clear()
        for old in [stamp for stamp in seen if stamp < frame.stamp_ns - self._kept_ns]:
            del seen[old]
        seen[frame.stamp_ns] = frame

    @property
    def _kept_ns(self) -> int:
        return self._max_age_ns + self.max_skew_ns

    def _why_none(self, stamps: list[int], stamp_ns: int) -> str:
        """What is wrong, and the fix, where none of the ascending `stamps` is near enough."""
        if not stamps:
            return "none has come; check the camera"
        if stamps[-1] < stamp_ns:
            behind_ms = (stamp_ns - stamps[-1]) / 1e6
            return f"the newest lies {behind_ms:.1f} ms before it; check the camera, its rate and its clock"
        if stamps[0] > stamp_ns:
            ahead_ms, kept_ms = (stamps[0] - stamp_ns) / 1e6, self._kept_ns / 1e6
            return (
                f"the oldest of the {kept_ms:.0f} ms kept lies {ahead_ms:.1f} ms after it; "
                "the camera began later, or this machine is too slow for its observations"
            )
        return "older and newer ones came; raise the camera's rate, or synchronise the cameras"


def _nearest(seen: dict[int, Frame], stamp_ns: int) -> int | None:
    return min(seen, key=lambda stamp: abs(stamp - stamp_ns), default=None)
