"""Closed-loop evaluation: worker processes give what a rollout in this process gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.linear_policy import LinearPolicy
from helpers.training import demonstrations, small_policy
from rich.console import Console
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError, ContractError, TaskError
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.fork.task import fork_contract
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode
from sdm_training.evaluation.closed_loop import Outcome, World, evaluate
from sdm_training.export.run_exports import ExportSettings, export_run
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.runs.run_folder import RunFolder


def exported(path: Path, task: str) -> Checkpoint:
    """An untrained policy of a task with MetaWorld's observations."""
    contract = make_task("metaworld/reach").contract.model_copy(update={"task": task})
    data = demonstrations((30,), contract)
    sampling = SamplingSettings()
    policy = small_policy(data, points=256)
    run = RunFolder(path / "run")
    run.begin({"policy": policy.settings.plain(), "sampling": sampling.model_dump(mode="json")}, policy.contract)
    run.finish(policy.state_dict(), 1.0)
    metrics = {"method": "dp3", "network": "tiny"}
    return export_run(run, ExportSettings(), data, metrics, Console(quiet=True))[0]


def test_outcomes_of_workers_are_those_of_a_rollout_here(tmp_path):
    checkpoint, task = exported(tmp_path, "metaworld/reach"), make_task("metaworld/reach")
    seen: list[Outcome] = []
    outcomes = evaluate(checkpoint.path, [7, 8, 9], workers=2, on_outcome=seen.append, environments=2)
    here = run_episode(task, PolicyRuntime(checkpoint), 8)
    task.close()
    assert [outcome.seed for outcome in outcomes] == [7, 8, 9]
    assert seen == outcomes
    assert outcomes[1] == Outcome(8, here.success, here.steps)
    assert np.isfinite(here.actions).all()


@pytest.mark.parametrize("batched", [True, False])
def test_outcomes_of_environments_side_by_side_are_those_of_one(batched, tmp_path):
    policy = LinearPolicy(fork_contract(), gain=0.0, noise_gain=1.0, batched=batched)
    policy.bias[1::3] = 0.5
    checkpoint = policy.write(tmp_path / "noisy")
    seeds = [30001, 30000]
    alone = evaluate(checkpoint.path, seeds, repeats=2)
    seen: list[Outcome] = []
    outcomes = evaluate(checkpoint.path, seeds, on_outcome=seen.append, repeats=2, environments=3)
    assert [outcome.seed for outcome in outcomes] == [30001, 30001, 30000, 30000]
    assert outcomes == seen == alone
    assert len({(outcome.success, outcome.way) for outcome in outcomes}) > 1


def test_a_task_that_is_not_simulated_is_refused_before_any_worker_starts(tmp_path, capfd):
    checkpoint = exported(tmp_path, "lab/stack")
    with pytest.raises(TaskError, match="unknown task 'lab/stack'"):
        evaluate(checkpoint.path, [1], workers=1)
    assert "Traceback" not in capfd.readouterr().err


def test_longer_chunks_than_the_policy_s_are_refused_before_any_worker_starts(tmp_path, capfd):
    checkpoint = LinearPolicy(fork_contract()).write(tmp_path / "shipped")
    with pytest.raises(ContractError, match=r"replan_steps 99: choose from 1 to \d+, the actions"):
        evaluate(checkpoint.path, [1], world=World(replan_steps=99))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("backend", "message"),
    [("tensorrt", "backend 'tensorrt' is not installed"), ("torch", r"lacks weights\.safetensors; use the openvino")],
)
def test_a_backend_that_cannot_run_it_is_refused_before_any_worker_starts(backend, message, tmp_path, capfd):
    checkpoint = LinearPolicy(fork_contract()).write(tmp_path / "shipped")
    with pytest.raises(CheckpointError, match=message):
        evaluate(checkpoint.path, [1], backend=backend)
    assert "Traceback" not in capfd.readouterr().err


def test_a_worker_that_cannot_begin_ends_the_evaluation_with_one_error(tmp_path):
    checkpoint = exported(tmp_path, "metaworld/reach")
    (checkpoint.path / "model.onnx").write_bytes(b"")
    with pytest.raises(TaskError, match="a worker ended while it opened or ran the task"):
        evaluate(checkpoint.path, [1], workers=1)
