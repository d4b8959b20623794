"""The one command that trains a policy again, from nothing."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import Any

from sdm_training.benchmark.cell import reported
from sdm_training.benchmark.jobs.job import Places
from sdm_training.benchmark.jobs.training import INDIFFERENT
from sdm_training.benchmark.plan import Selection, trials
from sdm_training.benchmark.suite import Suite
from sdm_training.benchmark.trial import Trial
from sdm_training.report.lines import Line
from sdm_training.report.shipped_students import TASKS
from sdm_training.runs.recipe_difference import recipe_difference
from sdm_training.settings import build, composed_values, config_folder
from sdm_training.zoo.model_line import IDENTITY

# Beside what is there, so that nothing counts as done and nothing is replaced; each suite by itself, for they differ in
# what they record of a task.
REBUILT = Path("outputs/rebuilt")
# Where files lie is no part of a recipe.
_ELSEWHERE = (*INDIFFERENT, "data", "teacher_run")

# Asked first, for other suites repeat some of their rows.
_FIRST = ("metaworld50", "metaworld50_keypoint", "metaworld50_small", "adroit3", "adroit3_small", "core")


def rebuild_command(model: Line, recipe: dict[str, Any] | None = None) -> str | None:
    """The command line that records demonstrations, trains its teacher and itself, and evaluates it.

    None where no suite of `config/suite` trains it. recipe: the training's recorded configuration, which the suite's
    must agree with.
    """
    names = sorted(file.stem for file in (config_folder() / "suite").glob("*.yaml"))
    for name in dict.fromkeys((*_FIRST, *names)):
        suite = _suite(name)
        if model["task"] in suite.tasks:
            for trial in trials(suite, Selection(tasks=(model["task"],)), _places(name)):
                if _trains(trial, model) and (recipe is None or _same_recipe(trial, recipe)):
                    return _command(name, trial)
    return None


def shipping_command(task: str) -> str:
    """What makes a shipped policy, and puts it into `models/` again."""
    if task in TASKS:
        return f"python benchmarks/shipped_students.py --tasks {task.partition('/')[2]}"
    return "python benchmarks/franka_cell.py"


def _places(suite: str) -> Places:
    folder = REBUILT / suite
    return Places(Path(), folder / "data", folder / "runs", folder / "success.jsonl", folder / "jobs.jsonl")


@cache
def _suite(name: str) -> Suite:
    return build(Suite, composed_values("benchmark", [f"suite={name}"])["suite"], name)


def _command(suite: str, trial: Trial) -> str:
    rows = (f"tasks=[{trial.task.name}]", f"methods=[{trial.method.name}]", f"seeds=[{trial.seed}]")
    own = trial.places
    places = (f"data={own.data}", f"runs={own.runs}", f"results={own.results}")
    return shlex.join(["sdm-benchmark", f"suite={suite}", *rows, *places])


def _trains(trial: Trial, model: Line) -> bool:
    return any(
        all(getattr(evaluation.cell, key) == reported(model, key) for key in IDENTITY)
        for evaluation in trial.evaluations()
    )


def _same_recipe(trial: Trial, recorded: dict[str, Any]) -> bool:
    return recipe_difference(recorded, trial.training().recipe(), _ELSEWHERE) is None
