"""Rollouts in which the world does not wait: what latency does, step by step, and that it can be repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.linear_policy import LinearPolicy
from helpers.toy_task import ToyTask
from sdm_core.action_chunk import ActionChunk
from sdm_core.command_space import held_command
from sdm_core.errors import ObservationError
from sdm_core.observation_window import PolicyInput
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.late_policy import Latency
from sdm_sim.registry import make_task
from sdm_sim.rollout import EpisodeResult, run_episode

# Of chunks of four actions two are run.
PERIOD_MS = 12.5


def toy() -> ToyTask:
    """At 80 Hz, so that chunks end long before observations are too old."""
    task = ToyTask()
    task.contract = small_contract(task=task.name, control_hz=1000 / PERIOD_MS)
    return task


def assert_equal(first: EpisodeResult, second: EpisodeResult) -> None:
    """Bit for bit."""
    assert first.actions.tobytes() == second.actions.tobytes()
    assert (first.success, first.steps, first.gate_counts) == (second.success, second.steps, second.gate_counts)
    assert (first.refused, first.held) == (second.refused, second.held)


@pytest.fixture
def lively(tmp_path: Path) -> PolicyRuntime:
    """A policy whose commands differ from step to step and often meet their bounds."""
    return PolicyRuntime(LinearPolicy(toy().contract, gain=3.0, noise_gain=0.8).write(tmp_path / "lively"))


class Counting(PolicyRuntime):
    """Its n-th chunk moves by n hundredths along x, and by its entries' numbers in hundredths along y."""

    def start_episode(self, seed: int) -> None:
        super().start_episode(seed)
        self.stamps: list[int] = []

    def infer(self, observation: PolicyInput) -> ActionChunk:
        chunk = super().infer(observation)
        self.stamps.append(observation.stamp_ns)
        entries = np.arange(len(chunk.targets))
        chunk.targets[:] = np.stack([np.full(len(entries), len(self.stamps)), entries, 0 * entries], axis=1) / 100
        return chunk


@pytest.fixture
def counting(tmp_path: Path) -> Counting:
    return Counting(LinearPolicy(toy().contract).write(tmp_path / "counting"))


def entries(result: EpisodeResult) -> list[tuple[int, int]]:
    """(number of the chunk, entry of it) of each step of a counting policy; (0, 0) where it was held."""
    return [(round(100 * x), round(100 * y)) for x, y, _ in result.actions]


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_without_latency_it_is_the_direct_run(seed: int, lively: PolicyRuntime) -> None:
    direct = run_episode(toy(), lively, seed)
    assert direct.steps > 4
    assert_equal(run_episode(toy(), lively, seed, latency=Latency()), direct)


@pytest.mark.parametrize("task", ["metaworld/push-wall", "franka/pick-place"])
def test_without_latency_it_is_the_direct_run_in_tasks_of_every_kind_of_command(task: str, tmp_path: Path) -> None:
    world = make_task(task)
    world.step_limit = 24
    runtime = PolicyRuntime(LinearPolicy(world.contract, seed=2, gain=2.0, noise_gain=0.3).write(tmp_path / "policy"))
    try:
        direct = run_episode(world, runtime, 3)
        assert_equal(run_episode(world, runtime, 3, latency=Latency()), direct)
    finally:
        world.close()
    assert len(np.unique(direct.actions, axis=0)) > 10


def test_a_seed_and_a_latency_are_one_episode(lively: PolicyRuntime) -> None:
    late = Latency(way_ms=15.0, answer_ms=20.0)
    first = run_episode(toy(), lively, 5, latency=late)
    other = run_episode(toy(), lively, 5, latency=Latency(way_ms=15.0))
    assert_equal(run_episode(toy(), lively, 5, latency=late), first)
    assert not np.array_equal(other.actions, first.actions)


def test_a_chunk_that_is_a_period_late_begins_at_its_second_entry(counting: Counting) -> None:
    result = run_episode(toy(), counting, 0, latency=Latency(way_ms=PERIOD_MS))
    assert entries(result)[:6] == [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]
    assert result.held == 1


def test_less_than_a_period_late_is_a_period_late(counting: Counting) -> None:
    a_little = run_episode(toy(), counting, 0, latency=Latency(answer_ms=0.1))
    assert_equal(a_little, run_episode(toy(), counting, 0, latency=Latency(way_ms=PERIOD_MS)))


def test_where_chunks_end_before_the_next_arrives_the_robot_is_held_between_them(counting: Counting) -> None:
    result = run_episode(toy(), counting, 0, latency=Latency(way_ms=3 * PERIOD_MS))
    assert entries(result)[:8] == [(0, 0), (0, 0), (0, 0), (1, 3), (0, 0), (2, 3), (0, 0), (3, 3)]
    assert result.held == 3 + 13
    assert result.gate_counts["no_target"] == 13


@pytest.mark.parametrize("latency", [Latency(way_ms=4 * PERIOD_MS), Latency(way_ms=150.0), Latency(answer_ms=60.0)])
def test_a_chunk_that_has_ended_when_it_arrives_moves_nothing(lively: PolicyRuntime, latency: Latency) -> None:
    task = toy()
    result = run_episode(task, lively, 0, latency=latency)
    assert result.held == result.steps == task.step_limit
    np.testing.assert_array_equal(result.actions, np.tile(held_command(task.contract.action, np.zeros(3)), (30, 1)))


def test_a_busy_policy_answers_the_newest_that_has_come_and_skips_the_others(counting: Counting) -> None:
    run_episode(toy(), counting, 0, latency=Latency(answer_ms=4.4 * PERIOD_MS))
    periods = [round(stamp / 12_500_000) for stamp in counting.stamps]
    assert periods[:5] == [0, 4, 8, 12, 16]  # every second observation


def test_those_under_way_do_not_hinder_each_other(counting: Counting) -> None:
    run_episode(toy(), counting, 0, latency=Latency(way_ms=5 * PERIOD_MS))
    periods = [round(stamp / 12_500_000) for stamp in counting.stamps]
    assert periods == [*range(0, 25, 2)]  # those of the last five periods are still under way at the end


def test_an_observation_too_old_for_the_policy_is_refused_as_the_node_does(lively: PolicyRuntime) -> None:
    result = run_episode(toy(), lively, 0, latency=Latency(way_ms=213.0))
    assert result.refused == 6  # of the fifteen made, those that arrived in time to be refused
    assert result.held == 30


def test_after_a_refused_observation_the_last_chunk_is_followed_to_its_end(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = counting.infer

    def unsure_once(observation: PolicyInput) -> ActionChunk:
        if observation.stamp_ns == 2 * 12_500_000:
            raise ObservationError("no")
        return infer(observation)

    monkeypatch.setattr(counting, "infer", unsure_once)
    result = run_episode(toy(), counting, 0, latency=Latency())
    assert entries(result)[:6] == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]
    assert (result.refused, result.held) == (1, 0)


@pytest.mark.parametrize("cloud_steps", [1, 2])
def test_a_late_policy_is_shown_what_it_would_have_been_shown_in_time(
    cloud_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = toy()
    task.contract = contract = small_contract(
        task=task.name, control_hz=80.0, n_action_steps=3, cloud={"steps": cloud_steps}
    )
    runtime = PolicyRuntime(LinearPolicy(contract, gain=0.0, noise_gain=0.0).write(tmp_path / "still"))
    shown: list[PolicyInput] = []
    infer = runtime.infer

    def watched(observation: PolicyInput) -> ActionChunk:
        shown.append(observation)
        return infer(observation)

    monkeypatch.setattr(runtime, "infer", watched)
    run_episode(task, runtime, 2)
    prompt = shown.copy()
    shown.clear()
    run_episode(task, runtime, 2, latency=Latency(way_ms=3 * PERIOD_MS))
    assert len(shown) == len(prompt) - 1  # the last one comes after the end
    for late, timely in zip(shown, prompt, strict=False):
        assert late.stamp_ns == timely.stamp_ns
        np.testing.assert_array_equal(late.cloud, timely.cloud)
        np.testing.assert_array_equal(late.state, timely.state)
