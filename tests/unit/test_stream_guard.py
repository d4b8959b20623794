"""Streams that repeat themselves: stamps that do not rise, contents that stand still."""

from __future__ import annotations

from array import array

import pytest
from sdm_core.stream_guard import RESTART_NS, StreamGuard

MS = 1_000_000
NOW = 10**12


def kinds(guard: StreamGuard, *stamps: int, now_ns: int = NOW) -> list[str | None]:
    """What the guard says of messages of these stamps, each with a content of its own."""
    faults = [guard.check(stamp, now_ns, index) for index, stamp in enumerate(stamps)]
    return [fault.kind if fault else None for fault in faults]


def test_a_stamp_that_comes_again_and_one_that_comes_late_are_told_apart_and_counted() -> None:
    guard = StreamGuard("depth")
    stamps = (NOW - 90 * MS, NOW - 60 * MS, NOW - 60 * MS, NOW - 90 * MS, NOW - 30 * MS)
    assert kinds(guard, *stamps) == [None, None, "duplicate", "out_of_order", None]
    assert dict(guard.counts) == {"duplicate": 1, "out_of_order": 1}


def test_each_refusal_names_the_topic_and_what_is_wrong() -> None:
    guard = StreamGuard("camera/depth", frozen_frames=2)
    guard.check(NOW, NOW, b"a")
    assert "'camera/depth' gives a stamp 30.0 ms before its last one" in str(guard.check(NOW - 30 * MS, NOW, b"b"))
    assert "'camera/depth' gives the stamp of its last message again" in str(guard.check(NOW, NOW, b"a"))
    frozen = str(guard.check(NOW + MS, NOW, b"a"))
    assert "'camera/depth' has not changed by one bit in 2 messages" in frozen
    assert "restart the camera" in frozen


def test_stamps_that_go_far_back_begin_anew() -> None:
    assert kinds(StreamGuard("depth"), NOW, NOW - RESTART_NS - 1, NOW - RESTART_NS) == [None, None, None]


def test_one_stamp_of_the_future_does_not_condemn_those_that_follow() -> None:
    assert kinds(StreamGuard("depth"), NOW - 60 * MS, NOW + 900 * MS, NOW - 30 * MS, NOW) == [None] * 4


def test_a_clock_that_lags_the_sensors_a_little_still_orders_them() -> None:
    assert kinds(StreamGuard("depth"), NOW + 40 * MS, NOW + 10 * MS) == [None, "out_of_order"]


@pytest.mark.parametrize("kind", [bytes, lambda content: array("B", content)])
def test_an_image_under_new_stamps_is_frozen_until_it_changes(kind) -> None:
    guard = StreamGuard("depth", frozen_frames=3)
    contents = [b"one", b"one", b"one", b"one", b"two", b"two", b"one"]
    faults = [guard.check(NOW + step * MS, NOW, kind(content)) for step, content in enumerate(contents)]
    assert [fault.kind if fault else None for fault in faults] == [None, None, "frozen", "frozen", None, None, None]
    assert guard.counts["frozen"] == 2


def test_messages_that_come_twice_do_not_make_a_camera_frozen() -> None:
    guard = StreamGuard("depth", frozen_frames=2)
    faults = [guard.check(stamp, NOW, content) for stamp, content in ((1, b"a"), (1, b"a"), (2, b"b"), (2, b"b"))]
    assert [fault.kind if fault else None for fault in faults] == [None, "duplicate", None, "duplicate"]


def test_a_sensor_without_noise_may_stand_still() -> None:
    guard = StreamGuard("depth")
    assert [guard.check(step, NOW, b"same") for step in range(20)] == [None] * 20
