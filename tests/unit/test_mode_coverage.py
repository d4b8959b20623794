"""From a task's ways to the result line: repeats of one start, and what a line says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.linear_policy import LinearPolicy
from sdm_core.checkpoint import Checkpoint
from sdm_core.results import mode_entropy, pairwise_disagreements
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.fork.task import ForkTask, fork_contract
from sdm_sim.rollout import run_episode
from sdm_training.evaluation.closed_loop import Outcome, evaluate
from sdm_training.evaluation.protocols import final
from sdm_training.programs.evaluate import EvaluateSettings
from sdm_training.settings import SettingsError, composed

METRICS = {"seed": 0, "demos": 20}


def forwards(path: Path, noise_gain: float) -> Checkpoint:
    """A policy that pushes on towards the obstacle, and is thrown to either side by its noise."""
    policy = LinearPolicy(fork_contract(), gain=0.0, noise_gain=noise_gain)
    policy.bias[1::3] = 0.5
    return policy.write(path, METRICS)


def test_repeats_of_a_start_differ_in_the_policy_s_noise_alone(tmp_path: Path) -> None:
    checkpoint = forwards(tmp_path / "noisy", noise_gain=1.0)
    once = evaluate(checkpoint.path, [30000, 30002])
    outcomes = evaluate(checkpoint.path, [30000, 30002], repeats=5)
    assert [outcome.seed for outcome in outcomes] == [30000] * 5 + [30002] * 5
    assert [outcomes[0], outcomes[5]] == once
    assert {outcome.way for outcome in outcomes[:5]} > {outcomes[0].way}


def test_without_noise_all_repeats_are_alike(tmp_path: Path) -> None:
    runtime, task = PolicyRuntime(forwards(tmp_path / "still", noise_gain=0.0)), ForkTask()
    first, second = (run_episode(task, runtime, 30000, noise_seed) for noise_seed in (1, 2))
    task.close()
    assert first.actions.tobytes() == second.actions.tobytes()


def test_the_start_is_the_seed_s_and_the_noise_the_noise_seed_s(tmp_path: Path) -> None:
    runtime, task = PolicyRuntime(forwards(tmp_path / "noisy", noise_gain=1.0)), ForkTask()
    own, same, other = (run_episode(task, runtime, 30000, noise_seed) for noise_seed in (None, 30000, 30001))
    task.close()
    assert own.actions.tobytes() == same.actions.tobytes()
    assert own.actions.tobytes() != other.actions.tobytes()
    assert {own.seed, other.seed} == {30000}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return forwards(tmp_path / "policy", noise_gain=0.0)


def test_a_line_carries_the_way_of_each_episode_and_the_repeats(checkpoint: Checkpoint) -> None:
    ways = ["L", "R", None, "R"]
    outcomes = [Outcome(7 + index // 2, way is not None, 40, way) for index, way in enumerate(ways)]
    line = final(checkpoint, 4, lambda path, episodes: outcomes)
    assert (line["ways"], line["outcomes"], line["repeats"]) == ("LR-R", "1101", 2)
    assert (line["episodes"], line["eval_seed0"]) == (4, 7)
    assert "score" not in line
    assert mode_entropy(line["ways"], line["outcomes"]) == pytest.approx(0.9182958340544896)  # of 1/3 and 2/3
    assert pairwise_disagreements(line["ways"], line["outcomes"], line["repeats"]) == [2.0]  # one start failed once


def test_a_line_carries_the_mean_score_of_a_graded_task(checkpoint: Checkpoint) -> None:
    outcomes = [Outcome(7, True, 40, score=1.0), Outcome(8, False, 300, score=0.25)]
    line = final(checkpoint, 2, lambda path, episodes: outcomes)
    assert line["score"] == 0.625
    assert not {"ways", "repeats"} & set(line)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("episodes=25", "repeats=10"), "25 episodes are not 10 of each start"),
        (("repeats=0",), "greater than 0"),
        (("repeats=10", "protocol=best5"), "repeats belong to protocol final, not to best5"),
    ],
)
def test_repeats_that_do_not_fit_are_refused(overrides: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        composed("evaluate", EvaluateSettings, ("checkpoint=somewhere", *overrides))
