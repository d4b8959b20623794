"""A recording that is played goes by a clock, and where people wind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from helpers.waiting import wait_until
from sdm_cockpit.replay.player import Player
from sdm_cockpit.replay.preparation import Preparation, Series
from sdm_core.errors import ContractError

TIMES_S = np.linspace(0.0, 0.9, 10, dtype=np.float64)


class Clock:
    """Stands until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def player(clock: Clock) -> Player:
    return Player(TIMES_S, clock)


def test_it_rests_until_it_is_played(player: Player, clock: Clock) -> None:
    clock.now_s += 5
    assert (player.step, player.playing) == (0, False)
    player.toggle()
    clock.now_s += 0.35
    assert (player.step, player.playing) == (3, True)
    player.toggle()
    clock.now_s += 5
    assert (player.step, player.playing) == (3, False)


def test_each_step_comes_at_its_own_time(clock: Clock) -> None:
    player = Player(np.array([0.0, 0.1, 0.9, 1.0]), clock)
    player.toggle()
    seen = []
    for _ in range(11):
        seen.append(player.step)
        clock.now_s += 0.1
    assert seen == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3]


def test_another_speed_holds_from_now_on(player: Player, clock: Clock) -> None:
    player.toggle()
    clock.now_s += 0.2
    player.speed = 0.5
    clock.now_s += 0.2
    assert player.step == 3
    player.speed = 4.0
    clock.now_s += 0.1
    assert player.step == 7


def test_it_stops_at_the_end_and_begins_anew_from_there(player: Player, clock: Clock) -> None:
    player.toggle()
    clock.now_s += 60
    assert (player.step, player.playing) == (9, False)
    player.toggle()
    assert (player.step, player.playing) == (0, True)
    clock.now_s += 0.1
    assert player.step == 1


def test_whoever_winds_it_is_followed_and_it_plays_on(player: Player, clock: Clock) -> None:
    player.wind(6)
    assert (player.step, player.playing) == (6, False)
    player.toggle()
    player.wind(2)
    clock.now_s += 0.1
    assert (player.step, player.playing) == (3, True)


@pytest.mark.parametrize(("step", "found"), [(-3, 0), (9, 9), (400, 9)])
def test_beyond_either_end_is_the_end(player: Player, step: int, found: int) -> None:
    player.wind(step)
    assert player.step == found


def test_a_single_step_rests(player: Player, clock: Clock) -> None:
    player.toggle()
    clock.now_s += 0.25
    player.move(1)
    assert (player.step, player.playing) == (3, False)
    player.move(-2)
    assert player.step == 1
    player.move(-10)
    assert player.step == 0


def test_another_recording_begins_at_its_first_step_at_the_same_speed(player: Player, clock: Clock) -> None:
    player.speed = 2.0
    player.wind(5)
    player.toggle()
    player.open(TIMES_S[:4])
    assert (player.step, player.playing, player.speed) == (0, False, 2.0)


def test_a_recording_of_one_step_has_one(clock: Clock) -> None:
    player = Player(np.zeros(1), clock)
    player.toggle()
    clock.now_s += 1
    assert (player.step, player.playing) == (0, False)


# -- what is computed meanwhile ------------------------------------------------------------------------------------


def gated(gate: threading.Semaphore) -> Iterator[int]:
    """Counts, one at each opening."""
    for number in range(3):
        gate.acquire()
        yield number


def test_values_are_there_as_they_come_and_a_series_that_ends_holds_up_no_other() -> None:
    def broken() -> Iterator[int]:
        yield 7
        raise ContractError("no more of it")

    gate = threading.Semaphore(2)
    slow, failing = Series("slow", 3, gated(gate)), Series("failing", 3, broken())
    preparation = Preparation([failing, slow])
    try:
        wait_until(lambda: slow.ready == 2)
        assert [slow.at(step) for step in range(3)] == [0, 1, None]
        assert (failing.at(0), failing.ready, failing.problem) == (7, 1, "failing: no more of it")
        gate.release()
        wait_until(lambda: slow.ready == 3)
    finally:
        gate.release(3)
        preparation.close()
    assert slow.problem == ""


def test_what_nobody_waits_for_is_left_undone() -> None:
    gate = threading.Semaphore(1)
    series = Series("slow", 3, gated(gate))
    preparation = Preparation([series])
    wait_until(lambda: series.ready == 1)

    def release() -> None:
        preparation._stopped.wait()  # what it waits for comes when closing has begun
        gate.release(3)

    threading.Thread(target=release).start()
    preparation.close()
    assert series.ready == 2
