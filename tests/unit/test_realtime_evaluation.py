"""Rollouts in which the world does not wait: what latency does, step by step, and that it can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.linear_policy import LinearPolicy
from helpers.toy_task import ToyTask
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import held_command
from sdm_core.errors import ObservationError
from sdm_core.results import read_results
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import Answer, PolicyRuntime, Question
from sdm_sim.late_policy import Latency
from sdm_sim.registry import make_task
from sdm_sim.rollout import EpisodeResult, run_episode
from sdm_training.evaluation.closed_loop import Outcome, World, evaluate
from sdm_training.programs.evaluate import EvaluateSettings, evaluate_checkpoint
from sdm_training.settings import SettingsError, composed

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

    stamps: list[int]

    def infer_batch(self, questions: Sequence[Question]) -> list[Answer]:
        answers = super().infer_batch(questions)
        for question, chunk in zip(questions, answers, strict=True):
            assert isinstance(chunk, ActionChunk)
            self.stamps = [*(self.stamps if question.sequence else []), question.observation.stamp_ns]
            entries = np.arange(len(chunk.targets))
            chunk.targets[:] = np.stack([np.full(len(entries), len(self.stamps)), entries, 0 * entries], axis=1) / 100
        return answers


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
    infer_batch = counting.infer_batch

    def unsure_once(questions: Sequence[Question]) -> list[Answer]:
        if [question.observation.stamp_ns for question in questions] == [2 * 12_500_000]:
            return [ObservationError("no")]
        return infer_batch(questions)

    monkeypatch.setattr(counting, "infer_batch", unsure_once)
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
    infer_batch = runtime.infer_batch

    def watched(questions: Sequence[Question]) -> list[Answer]:
        shown.extend(question.observation for question in questions)
        return infer_batch(questions)

    monkeypatch.setattr(runtime, "infer_batch", watched)
    run_episode(task, runtime, 2)
    prompt = shown.copy()
    shown.clear()
    run_episode(task, runtime, 2, latency=Latency(way_ms=3 * PERIOD_MS))
    assert len(shown) == len(prompt) - 1  # the last one comes after the end
    for late, timely in zip(shown, prompt, strict=False):
        assert late.stamp_ns == timely.stamp_ns
        np.testing.assert_array_equal(late.cloud, timely.cloud)
        np.testing.assert_array_equal(late.state, timely.state)


class Evaluated:
    """sdm-evaluate of a checkpoint for the toy, in this process."""

    def __init__(self, checkpoint: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checkpoint, self.results = checkpoint, results
        self.worlds: list[World] = []

        def evaluate(checkpoint: Path, seeds: Sequence[int], *options: Any, environments: int) -> list[Outcome]:
            self.worlds.append(options[-1])
            runtime, latency = PolicyRuntime(checkpoint), self.worlds[-1].latency
            found = [run_episode(toy(), runtime, seed, latency=latency) for seed in seeds]
            return [Outcome(one.seed, one.success, one.steps, held=one.held) for one in found]

        monkeypatch.setattr("sdm_training.programs.evaluate.evaluate", evaluate)
        monkeypatch.setattr("sdm_training.evaluation.real_time.make_task", lambda name: toy())

    def run(self, *overrides: str) -> list[dict[str, Any]]:
        """The lines that the program has appended to its file by the end."""
        overrides = (f"checkpoint={self.checkpoint}", f"results={self.results}", "episodes=3", *overrides)
        evaluate_checkpoint(composed("evaluate", EvaluateSettings, overrides))
        return read_results(self.results)


@pytest.fixture
def evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluated:
    policy = LinearPolicy(toy().contract, gain=2.0, noise_gain=0.3).write(tmp_path / "policy")
    return Evaluated(policy.path, tmp_path / "lines.jsonl", monkeypatch)


def test_each_latency_has_a_line_that_names_what_was_run(evaluated: Evaluated) -> None:
    first, late = evaluated.run("mode=realtime", "latency_ms=[0,30]")
    assert [world.latency for world in evaluated.worlds] == [Latency(0.0), Latency(30.0)]
    for line, latency_ms in ((first, 0.0), (late, 30.0)):
        assert (line["kind"], line["protocol"], line["mode"]) == ("success", "final", "realtime")
        assert (line["latency"], line["latency_ms"], line["answer_ms"]) == ("injected", latency_ms, 0.0)
        assert (line["task"], line["episodes"], line["eval_seed0"]) == ("test/toy", 3, 30000)
        assert line["chunk_ms"] == 50.0
        assert line["model_sha256"] == sha256((evaluated.checkpoint / "model.onnx").read_bytes()).hexdigest()
    assert "held" not in first
    assert 0 < late["held"] < 1


def test_a_latency_that_the_file_holds_is_not_run_again(evaluated: Evaluated) -> None:
    evaluated.run("mode=realtime", "latency_ms=[0]")
    lines = evaluated.run("mode=realtime", "latency_ms=[0,30]")
    assert [line["latency_ms"] for line in lines] == [0.0, 30.0]
    assert len(evaluated.run("mode=realtime", "latency_ms=[0,30]", "episodes=4")) == 4
    assert len(evaluated.run("mode=realtime", "latency_ms=[0]", "task=test/other")) == 5
    assert len(evaluated.run("mode=realtime", "latency_ms=[0]", "camera_noise=d4xx")) == 6
    assert len(evaluated.run("mode=realtime", "latency_ms=[0]", "backend=onnxruntime")) == 7
    assert len(evaluated.worlds) == 7


def test_lines_of_another_protocol_do_not_stand_for_a_latency(evaluated: Evaluated) -> None:
    evaluated.run("mode=realtime", "latency_ms=[0]", "camera_noise=d4xx")
    noisy, plain = evaluated.run("mode=realtime", "latency_ms=[0]")
    assert (noisy["camera_noise"], "camera_noise" in plain) == ("d4xx", False)


def test_a_measured_latency_comes_on_top(evaluated: Evaluated) -> None:
    (line,) = evaluated.run("mode=realtime", "latency_ms=[20]", "latency=measured")
    (world,) = evaluated.worlds
    assert world.latency == Latency(20.0, line["answer_ms"])
    assert 0 < line["answer_ms"] < 1000
    assert len(evaluated.run("mode=realtime", "latency_ms=[20]")) == 2, "an injected latency is another one"


def test_a_latency_measured_on_another_machine_is_another_one(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine, lines in (("a laptop", 1), ("a laptop", 1), ("a workstation", 2)):
        monkeypatch.setattr("sdm_training.programs.evaluate.machine", lambda machine=machine: machine)
        assert len(evaluated.run("mode=realtime", "latency=measured")) == lines


def test_another_task_is_named_in_the_line_of_a_waiting_world_too(evaluated: Evaluated) -> None:
    (line,) = evaluated.run("task=test/other")
    assert (line["task"], line["mode"], "environments" in line) == ("test/other", "direct", False)
    assert evaluated.worlds == [World("test/other", "none", None)]


def test_a_line_names_the_environments_that_shared_a_batch(evaluated: Evaluated) -> None:
    (line,) = evaluated.run("environments=8")
    assert (line["environments"], "backend" in line) == (8, False)


def test_a_line_names_a_backend_that_is_not_the_usual_one(evaluated: Evaluated) -> None:
    (line,) = evaluated.run("backend=onnxruntime")
    assert line["backend"] == "onnxruntime"


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("latency_ms=[25]",), "no meaning where the world waits; set mode=realtime"),
        (("latency=measured",), "no meaning where the world waits; set mode=realtime"),
        (("mode=realtime", "latency_ms=[-1]"), "greater than or equal to 0"),
        (("mode=realtime", "latency_ms=[]"), "at least 1"),
        (("mode=realtime", "protocol=best5"), "mode realtime belongs to protocol final"),
        (("mode=realtime", "environments=2"), "each observation is answered alone; set environments=1"),
        (("environments=0",), "greater than 0"),
        (("task=a/b", "protocol=best5"), "another task belongs to protocol final"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(overrides: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        composed("evaluate", EvaluateSettings, ("checkpoint=somewhere", *overrides))


def test_workers_run_the_world_that_they_are_told(tmp_path: Path) -> None:
    task = make_task("fork/reach")
    checkpoint = LinearPolicy(task.contract, seed=1, gain=1.0, noise_gain=0.2).write(tmp_path / "policy")
    late = Latency(way_ms=60.0, answer_ms=5.0)
    (found,) = evaluate(checkpoint.path, [30001], world=World(latency=late))
    here = run_episode(task, PolicyRuntime(checkpoint), 30001, latency=late)
    task.close()
    assert (found.success, found.steps, found.held) == (here.success, here.steps, here.held)
    assert found.held == 2
