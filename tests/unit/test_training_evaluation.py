"""Closed-loop evaluation: worker processes give what a rollout in this process gives."""

from __future__ import annotations

import numpy as np
from helpers.training import demonstrations, small_policy
from rich.console import Console
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode
from sdm_training.evaluation import Outcome, evaluate
from sdm_training.exporting import ExportSettings, export_run
from sdm_training.run_folder import RunFolder
from sdm_training.sampling import SamplingSettings


def test_outcomes_of_workers_are_those_of_a_rollout_here(tmp_path):
    task = make_task("metaworld/reach")
    data = demonstrations((30,), task.contract)
    sampling = SamplingSettings()
    policy = small_policy(data, points=256)
    run = RunFolder(tmp_path / "run")
    run.begin({"policy": policy.settings.plain(), "sampling": sampling.model_dump(mode="json")}, policy.contract)
    run.finish(policy.state_dict(), 1.0)
    metrics = {"method": "dp3", "network": "tiny"}
    (checkpoint,) = export_run(run, ExportSettings(), data, metrics, Console(quiet=True))

    seen: list[Outcome] = []
    outcomes = evaluate(checkpoint.path, [7, 8, 9], workers=2, on_outcome=seen.append)
    here = run_episode(task, PolicyRuntime(checkpoint), 8)
    task.close()
    assert [outcome.seed for outcome in outcomes] == [7, 8, 9]
    assert seen == outcomes
    assert outcomes[1] == Outcome(8, here.success, here.steps)
    assert np.isfinite(here.actions).all()
