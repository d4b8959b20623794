"""The policy node's inference thread, without middleware: what it waits for, what it overtakes, what it survives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.waiting import wait_until
from sdm_core.action_chunk import ActionChunk
from sdm_core.errors import ObservationError
from sdm_core.runtime.observation_window import ObservationWindow, PolicyInput
from sdm_policy_node.policy.policy_loop import Answer, PolicyLoop
from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.sources.perception import Seen

CONTRACT = small_contract()
DT = CONTRACT.dt_ns


class Runtime:
    """Answers with zeros; a test may make it slow or broken."""

    def __init__(self) -> None:
        self.contract = CONTRACT
        self.seeds: list[int] = []
        self.inputs: list[PolicyInput] = []
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def start_episode(self, seed: int) -> None:
        self.seeds.append(seed)

    def infer(self, observation: PolicyInput) -> ActionChunk:
        self.gate.wait(10)
        if self.failure:
            raise self.failure
        self.inputs.append(observation)
        return ActionChunk(observation.stamp_ns, DT, np.zeros((CONTRACT.horizon, 3)), len(self.inputs) - 1)


class Bench:
    """A loop over a fake runtime and source, on a clock that the test sets."""

    def __init__(self, timeout_s: float = 0.2) -> None:
        self.runtime = Runtime()
        self.answers: list[Answer] = []
        self.set_back: list[int] = []
        self.now_ns = 10**12
        self.companions_ns = 2 * self.now_ns  # up to where everything that a frame needs besides itself has come
        source: Any = SimpleNamespace(
            ready=lambda frame: frame.stamp_ns <= self.companions_ns,
            observe=lambda frame: Seen(np.zeros((32, 3), np.float32)),
        )
        self.loop = PolicyLoop(
            self.runtime,  # type: ignore[arg-type]
            source,
            window=ObservationWindow(CONTRACT, 0.2),
            max_age_s=0.2,
            replan_steps=CONTRACT.n_action_steps,
            timeout_s=timeout_s,
            now_ns=lambda: self.now_ns,
            simulated_clock=True,
            answer=self.answers.append,
            episode_started=lambda: None,
            clock_set_back=lambda: self.set_back.append(self.now_ns),
        )
        self.loop.start(seed=5)

    def state(self, stamp_ns: int) -> None:
        self.loop.add_state(stamp_ns, np.full(4, stamp_ns / DT))

    def frame(self, stamp_ns: int) -> None:
        self.loop.add_frame(Frame(message=None, stamp_ns=stamp_ns))

    def await_answers(self, count: int) -> list[Answer]:
        wait_until(lambda: len(self.answers) >= count)
        assert len(self.answers) == count
        return self.answers


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.runtime.gate.set()
    made.loop.stop()


def test_a_frame_waits_for_the_state_of_its_stamp(bench):
    bench.state(bench.now_ns - DT)
    bench.frame(bench.now_ns)
    time.sleep(0.05)
    assert bench.answers == []
    bench.state(bench.now_ns)
    assert bench.await_answers(1)[0].refusal == ""
    assert bench.runtime.inputs[0].state[:, 0].tolist() == [bench.now_ns / DT - 1, bench.now_ns / DT]


def test_a_frame_waits_for_the_clock_and_for_its_source(bench):
    stamp = bench.now_ns + DT
    bench.companions_ns = stamp - 1
    bench.state(stamp)
    bench.frame(stamp)
    time.sleep(0.05)
    bench.now_ns = stamp
    time.sleep(0.05)
    assert bench.answers == []
    bench.companions_ns = stamp
    assert bench.await_answers(1)[0].plan


def test_the_wait_is_bounded(bench):
    bench.frame(bench.now_ns)
    assert "no state has come yet" in bench.await_answers(1)[0].refusal


def test_the_wait_is_bounded_although_frames_keep_coming(bench):
    begun, step = time.monotonic(), 0
    while not bench.answers:  # every frame is followed by the next one long before its wait is over
        assert time.monotonic() - begun < 10
        bench.frame(bench.now_ns + step)
        step += 1
        time.sleep(0.02)
    assert "no state has come yet" in bench.answers[0].refusal


def test_a_fast_camera_does_not_starve_what_its_frames_wait_for():
    bench = Bench(timeout_s=1000.0)
    stamps = [bench.now_ns + step * DT for step in range(4)]
    bench.now_ns, bench.companions_ns = stamps[-1], stamps[0] - 1
    for stamp in stamps:
        bench.state(stamp)
        bench.frame(stamp)
    time.sleep(0.05)
    assert bench.answers == []
    bench.companions_ns = stamps[2]
    assert bench.await_answers(1)[0].frame.stamp_ns == stamps[2]
    assert bench.answers[0].plan
    assert bench.loop.overtaken == 2
    bench.companions_ns = stamps[3]
    assert bench.await_answers(2)[1].frame.stamp_ns == stamps[3]
    bench.loop.stop()


def test_a_stamp_of_the_future_is_refused(bench):
    stamp = bench.now_ns + 10**9
    bench.state(stamp)
    bench.frame(stamp)
    assert "1000 ms in the future" in bench.await_answers(1)[0].refusal


def test_a_known_refusal_of_the_state_is_not_waited_for():
    bench = Bench(timeout_s=1000.0)
    bench.loop.refuse_state(bench.now_ns, "gap is not finite")
    bench.frame(bench.now_ns)
    assert bench.await_answers(1)[0].refusal == "gap is not finite"
    bench.loop.stop()


def test_the_newest_frame_wins_while_inference_is_busy(bench):
    bench.runtime.gate.clear()
    stamps = [bench.now_ns + step * CONTRACT.n_action_steps * DT for step in range(4)]
    bench.now_ns = stamps[0]
    bench.state(stamps[0])
    bench.frame(stamps[0])
    wait_until(lambda: bench.loop.stalled_s() > 0)  # the first one is being answered
    bench.now_ns = stamps[-1]
    for stamp in stamps[1:]:
        bench.state(stamp - DT)
        bench.state(stamp)
        bench.frame(stamp)
    bench.runtime.gate.set()
    answers = bench.await_answers(2)
    assert [answer.frame.stamp_ns for answer in answers] == [stamps[0], stamps[-1]]
    assert bench.loop.overtaken == 2


def test_frames_between_replans_are_answered_without_inference(bench):
    for step in range(CONTRACT.n_action_steps + 1):
        bench.state(bench.now_ns)
        bench.frame(bench.now_ns)
        bench.await_answers(step + 1)
        bench.now_ns += DT
    plans = [answer.plan is not None for answer in bench.answers]
    assert plans == [True, False, True]
    assert all(answer.refusal == "" for answer in bench.answers)


@pytest.mark.parametrize("failure", [ObservationError("NaN actions"), RuntimeError("device lost")])
def test_a_failing_inference_ends_in_a_refusal_and_the_next_frame_is_answered(bench, failure):
    bench.runtime.failure = failure
    bench.state(bench.now_ns)
    bench.frame(bench.now_ns)
    assert str(failure) in bench.await_answers(1)[0].refusal
    bench.runtime.failure = None
    bench.now_ns += DT
    bench.state(bench.now_ns)
    bench.frame(bench.now_ns)
    assert bench.await_answers(2)[1].plan


def test_a_hanging_inference_shows_as_a_stall(bench):
    bench.runtime.gate.clear()
    assert bench.loop.stalled_s() == 0
    bench.state(bench.now_ns)
    bench.frame(bench.now_ns)
    wait_until(lambda: bench.loop.stalled_s() > 0.05)
    bench.runtime.gate.set()
    wait_until(lambda: bench.loop.stalled_s() == 0)
    assert bench.answers[0].refusal == ""


def test_a_stopped_loop_counts_as_stalled_for_ever():
    bench = Bench()
    bench.loop.stop()
    assert bench.loop.stalled_s() == float("inf")


def test_states_must_not_go_backwards(bench):
    bench.state(bench.now_ns)
    with pytest.raises(ObservationError, match=r"100\.0 ms before the last one"):
        bench.state(bench.now_ns - DT)


def test_a_clock_that_is_set_back_is_followed_and_stays_there(bench):
    bench.loop.refuse_state(bench.now_ns, "gap is not finite")  # of the old clock
    begun = bench.now_ns
    for _ in range(2):
        for _ in range(2 * CONTRACT.n_action_steps):
            bench.now_ns += DT
            bench.state(bench.now_ns)
            bench.frame(bench.now_ns)
            bench.await_answers(len(bench.answers) + 1)
        bench.now_ns -= 400 * 10**9
    assert [answer.refusal for answer in bench.answers] == [""] * len(bench.answers)
    assert [answer.plan is not None for answer in bench.answers] == [True, False] * 4
    first = bench.answers[2 * CONTRACT.n_action_steps].frame.stamp_ns / DT
    assert bench.runtime.inputs[2].state[:, 0].tolist() == [first, first]  # nothing of the old clock
    assert len(bench.set_back) == 1  # told once, with the first state
    assert bench.set_back[0] < begun


def test_states_alone_do_not_wake_the_thread(bench, monkeypatch):
    woken: list[int] = []
    notify = bench.loop._inbox.notify
    monkeypatch.setattr(bench.loop._inbox, "notify", lambda: (woken.append(1), notify()))
    for step in range(100):
        bench.state(bench.now_ns - (100 - step) * 10**6)
    assert woken == []
    bench.state(bench.now_ns)
    bench.frame(bench.now_ns)
    assert bench.await_answers(1)[0].plan
    assert woken


def test_what_was_seen_before_an_episode_is_no_part_of_it(bench):
    bench.state(bench.now_ns - 10**11)  # a straggler of the last episode, in the new one's window if it were kept
    bench.loop.start_episode(9)
    assert bench.runtime.seeds == [5, 9]
    bench.state(bench.now_ns - 10**11 + DT)  # another, which arrives only now
    bench.state(bench.now_ns)
    bench.frame(bench.now_ns)
    assert bench.await_answers(1)[0].refusal == ""
    first = bench.now_ns / DT
    assert bench.runtime.inputs[0].state[:, 0].tolist() == [first, first]  # the episode's first state, repeated
