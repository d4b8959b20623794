"""What the fault runner makes of a recorded stream of commands."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DT = 0.01


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def limits():
    from reliability.motion_check import Limits  # pyright: ignore[reportMissingImports]

    return Limits((0.2, -0.4, 0.0), (0.7, 0.4, 0.6), (0.5, 2.5, 50.0), (1.5, 6.0, 120.0))


def path(x: np.ndarray) -> np.ndarray:
    """Poses along x, pointing down."""
    poses = np.tile([0.0, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0], (len(x), 1))
    poses[:, 0] = x
    return poses


def broken(poses: np.ndarray, times: np.ndarray | None = None, measured: np.ndarray | None = None) -> dict[str, int]:
    from reliability.motion_check import violations  # pyright: ignore[reportMissingImports]

    times = DT * np.arange(len(poses)) if times is None else times
    measured = np.full((len(poses), 7), np.nan) if measured is None else measured
    counts = violations(list(poses), list(times), list(measured), DT, limits())
    return {name: count for name, count in counts.items() if count}


def test_a_smooth_motion_breaks_no_limit() -> None:
    t = DT * np.arange(200)
    assert broken(path(0.45 - 0.1 * np.cos(t * 2))) == {}


def test_each_limit_is_seen_to_be_broken() -> None:
    steady = path(np.full(20, 0.4))
    assert broken(path(0.4 + 0.006 * np.arange(20))) == {"velocity": 19}
    assert set(broken(path(0.4 + np.repeat([0.0, 0.003], 10)))) == {"acceleration", "jerk"}
    wild = steady.copy()
    wild[5, 1] = np.nan
    wild[6, 3] = 0.5  # no unit quaternion
    assert broken(wild) == {"finite": 2}
    assert broken(path(np.full(3, 0.1))) == {"workspace": 3}
    turned = steady.copy()
    turned[10:, 3:] = [np.cos(0.05), np.sin(0.05), 0.0, 0.0]  # 0.1 rad at once
    assert {"velocity", "acceleration", "jerk"} <= set(broken(turned))


def test_a_motion_begins_at_rest_and_where_the_last_one_ended_or_the_arm_stands() -> None:
    ended = path(0.4 + 0.004 * np.arange(5))
    times = DT * np.arange(10)
    there, elsewhere = (np.concatenate([ended, path(np.full(5, x))]) for x in (ended[-1, 0], 0.45))
    assert broken(there, times)  # it stopped at once
    times[5:] += 0.5
    assert broken(there, times) == {}
    assert broken(elsewhere, times) == {"velocity": 1}
    assert broken(elsewhere, times, measured=elsewhere) == {}


def test_after_a_stop_a_motion_may_begin_where_the_arm_stands_and_before_it_must_not() -> None:
    stood = np.concatenate([path(np.full(40, 0.4)), path(np.full(5, 0.43))])
    assert broken(stood)
    assert broken(stood, measured=stood) == {}
    assert broken(stood[20:], measured=stood[20:])


def test_a_motion_that_goes_on_at_full_speed_after_a_silence_does_not_begin_at_rest() -> None:
    times, silent_from = DT * np.arange(40), 20
    fast = path(0.3 + 0.004 * np.arange(40))
    rising = 4e-5 * np.minimum(np.arange(1, 21), 4)  # the changes of each period's step, after rest
    from_rest = path(np.concatenate([fast[:silent_from, 0], fast[silent_from - 1, 0] + rising.cumsum().cumsum()]))
    assert broken(fast, times) == {}
    assert "acceleration" in broken(from_rest, times)
    times[silent_from:] += 0.5
    for measured in (None, np.repeat(fast[silent_from - 1 : silent_from], 40, axis=0)):
        assert broken(fast, times, measured) == {"acceleration": 1, "jerk": 2}
    assert broken(from_rest, times) == {}
    times[silent_from:] -= 0.45  # too short a silence to tell
    assert broken(fast, times) == {}
    assert broken(from_rest, times) == {}


def test_commands_that_arrive_late_and_all_at_once_were_no_silence() -> None:
    from reliability.command_log import Command, times_given  # pyright: ignore[reportMissingImports]

    def given(arrivals: list[float], stamps_ms: list[int]) -> list[float]:
        pose = np.zeros(7)
        told = zip(arrivals, stamps_ms, strict=True)
        return times_given([Command(at, pose, pose, (), False, 10**6 * stamp) for at, stamp in told], DT).tolist()

    assert given([5.0, 5.3, 5.3], [70, 80, 90]) == pytest.approx([0.0, 0.01, 0.01])  # the listener was late
    assert given([5.0, 5.3, 5.6], [70, 370, 670]) == pytest.approx([0.0, 0.3, 0.6])
    assert given([5.0, 5.3, 5.31], [70, 70, 80]) == pytest.approx([0.0, 0.01, 0.02])  # the publisher's world stood
    assert given([5.0, 5.3, 5.31], [70, 60, 70]) == pytest.approx([0.0, 0.3, 0.31])  # its clock was set back
    assert given([], []) == []


def commands(held: list[bool], x: list[float]):
    from reliability.command_log import Command  # pyright: ignore[reportMissingImports]

    return [
        Command(1.0 + DT * index, pose, pose, ("policy_refuses",) if hold else (), hold)
        for index, (hold, pose) in enumerate(zip(held, path(np.array(x)), strict=True))
    ]


@pytest.mark.parametrize("next_one", [0.04, 0.0312])
def test_a_hold_is_told_by_its_trace_though_the_clock_stands(monkeypatch: pytest.MonkeyPatch, next_one: float) -> None:
    from geometry_msgs.msg import PoseStamped
    from reliability.command_log import CommandLog  # pyright: ignore[reportMissingImports]
    from sdm_interfaces.msg import PolicyTrace

    arrivals = iter([0.0, 0.01, 0.02, 0.03, 0.031, next_one])
    monkeypatch.setattr("time.monotonic", lambda: next(arrivals))
    heard = {}
    node = SimpleNamespace(create_subscription=lambda kind, topic, callback, qos: heard.update({topic: callback}))
    log = CommandLog(node)
    for _ in range(3):
        heard["target_pose"](PoseStamped())
    trace = PolicyTrace(interventions=["policy_refuses"])
    heard["target_pose"](PoseStamped())
    heard["command_node/trace"](trace)
    heard["target_pose"](PoseStamped())
    assert [command.held for command in log.commands()] == [False, False, False, True, True]


def test_a_reaction_is_timed_to_the_last_motion_and_to_rest() -> None:
    from reliability.command_log import reaction  # pyright: ignore[reportMissingImports]

    moved = [0.40, 0.41, 0.42, 0.43, 0.44, 0.445, 0.446, *[0.446] * 33]
    seen = reaction(commands([False] * 4 + [True] * 36, moved), fault=1.005, end=1.4)
    assert seen.motion_s == pytest.approx(0.025)
    assert seen.rest_s == pytest.approx(0.055)
    assert not seen.goes_on
    assert not seen.silent
    assert set(seen.reasons) == {"policy_refuses"}
    assert seen.motion_share == pytest.approx(3 / 39)


def test_motion_up_to_the_window_s_end_is_no_reaction() -> None:
    from reliability.command_log import reaction  # pyright: ignore[reportMissingImports]

    seen = reaction(commands([False] * 40, list(np.linspace(0.4, 0.5, 40))), fault=1.0, end=1.4)
    assert seen.goes_on
    assert seen.motion_share == 1.0


def test_nothing_after_a_fault_is_silence_at_once() -> None:
    from reliability.command_log import reaction  # pyright: ignore[reportMissingImports]

    seen = reaction(commands([False] * 3, [0.4, 0.4, 0.4]), fault=1.5, end=1.9)
    assert (seen.motion_s, seen.rest_s, seen.silent, seen.goes_on) == (0.0, 0.0, True, False)
