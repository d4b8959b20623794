"""The batched runner: seeds trained as one stack are runs like any other, and what fails or is held is alone in it."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from helpers.jobs import places
from rich.console import Console
from sdm_core.checkpoint import METRICS, WEIGHTS
from sdm_core.results import read_results
from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.job import Places
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.plan import Plan, Selection, plan
from sdm_training.benchmark.run_job import Finished, run_job
from sdm_training.benchmark.runners.batched import BatchedRunner, BatchedSettings, _whole_kinds
from sdm_training.benchmark.suite import Suite
from sdm_training.benchmark.train_stack import train_stack
from sdm_training.programs.benchmark import BenchmarkError, work
from sdm_training.runs.lock import lock
from sdm_training.settings import build

TINY = ("network.points=64", "network.denoiser.width=32", "compute.device=cpu")
SUITE: dict[str, Any] = {
    "network": "small",
    "episodes": 1,
    "eval_seed0": 30000,
    "tasks": {
        "fork/reach": {
            "demos": 2,
            "overrides": {
                "train": ["teacher.steps=6", *TINY],
                "distill": ["distiller.steps=6", *TINY],
                "diverging": ["distiller.generator_optimiser.learning_rate=1e30"],
                "nowhere": ["compute.device=nowhere"],
            },
        }
    },
    "methods": {
        "dp3": {"program": "train", "overrides": ["teacher=fast"], "nfe": [1], "seeds": [0, 1]},
        "sdm": {"teacher": "dp3", "seeds": [0, 1]},
        "regression": {"seeds": [0, 1]},
        "diverging": {"teacher": "dp3", "overrides": ["distiller=sdm"]},
        "nowhere": {"overrides": ["distiller=regression"]},
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the suite's demonstrations."""
    folder = tmp_path_factory.mktemp("batched") / "data"
    made = planned(Places(folder.parent, folder, Path("runs"), Path("results.jsonl"), Path("jobs.jsonl")))
    assert run_job(made.jobs[0]).outcome == "done"
    return folder


@pytest.fixture
def beside(data: Path, tmp_path: Path) -> Places:
    """A folder of its own for each test, and the one set of demonstrations."""
    return Places(tmp_path, data, Path("runs"), Path("results.jsonl"), Path("jobs.jsonl"))


def planned(at: Places, *methods: str, suite: dict[str, Any] = SUITE) -> Plan:
    return plan(build(Suite, suite), Selection(methods=methods), at)


def trainings(made: Plan, method: str) -> list[TrainingJob]:
    return [job for job in made.jobs if isinstance(job, TrainingJob) and f"/{method}_" in job.name]


def trained_stacks(at: Places) -> str:
    """What the process that trains has printed."""
    return (at.root / at.runs / "jobs/stacks.log").read_text()


def outcomes(finished: list[Finished]) -> dict[str, str]:
    return {each.name: each.outcome for each in finished}


def test_seeds_are_trained_together_and_exported_each_alone(beside):
    made = planned(beside, "dp3", "sdm")
    weights = set()
    for method in ("dp3", "sdm"):
        jobs = trainings(made, method)
        assert [job.trained for job in jobs] == [False, False]
        assert train_stack(jobs) == []
        for job in jobs:
            assert job.trained
            assert not job.done(), "its exports are left to do"
            weights.add((beside.root / job.run / WEIGHTS).read_bytes())
            assert run_job(job).outcome == "done"
            assert shlex.join(job.command) in trained_stacks(beside)
            (export,) = job.checkpoints
            metrics = json.loads((beside.root / export / METRICS).read_text())
            assert (metrics["method"], metrics["stacked"], metrics["steps"]) == (method, 2, 6)
    assert len(weights) == 4, "each run has weights of its own"
    costs = read_results(beside.root / beside.costs)
    stacks = [line for line in costs if "stacked" in line]
    assert [(line["stage"], line["stacked"], line["outcome"]) for line in stacks] == [("training", 2, "done")] * 2
    assert len(costs) == 2 + 4, "each export has a line of its own"


def test_a_run_that_another_process_is_at_is_left_to_it(beside):
    held, free = trainings(planned(beside, "regression"), "regression")
    with lock(held.lock):
        (busy,) = train_stack([held, free])
    assert (busy.name, busy.outcome) == (held.name, "busy")
    assert "held by process" in busy.note
    assert free.trained
    assert not (beside.root / held.run).exists()


def test_a_method_that_diverges_fails_alone(beside):
    made = planned(beside, "diverging", "regression")
    assert train_stack(trainings(made, "dp3")) == []
    diverging, regression = trainings(made, "diverging"), trainings(made, "regression")
    untrained = train_stack([*diverging, *regression])
    assert outcomes(untrained) == {job.name: "failed" for job in diverging}
    assert all("is not finite: the training diverged, lower its learning rate" in each.note for each in untrained)
    assert not any(job.trained for job in diverging)
    assert all(job.trained for job in regression)
    assert "Traceback" in trained_stacks(beside)


def test_a_student_of_a_teacher_of_another_recipe_is_not_trained(beside):
    made = planned(beside, "dp3", "sdm")
    (teacher, _), (student, _) = (trainings(made, method) for method in ("dp3", "sdm"))
    assert train_stack([teacher]) == []
    record = beside.root / teacher.run / "training.yaml"
    record.write_text(record.read_text().replace(" steps: 6\n", " steps: 7\n"))
    (refused,) = train_stack([student])
    assert (refused.outcome, student.trained) == ("failed", False)
    assert "was trained with another teacher.steps: delete it" in refused.note


def test_what_cannot_be_prepared_fails_alone(beside):
    made = planned(beside, "dp3", "sdm", "nowhere")
    teachers, (student, _), (nowhere,) = (trainings(made, method) for method in ("dp3", "sdm", "nowhere"))
    no_teacher, no_device = train_stack([student, nowhere, *teachers])
    assert (no_teacher.name, no_teacher.outcome) == (student.name, "failed")
    assert "holds no training run" in no_teacher.note
    assert (no_device.name, no_device.outcome) == (nowhere.name, "failed")
    assert no_device.note.startswith("compute.device=nowhere: torch finds no such device here")
    assert "Traceback" in trained_stacks(beside)
    assert all(job.trained for job in teachers)


FAMILIES: dict[str, Any] = {
    "network": "small",
    "episodes": 1,
    "eval_seed0": 0,
    "tasks": {"toy/near": {"demos": 2}, "toy/far": {"demos": 2}, "other/task": {"demos": 2}},
    "methods": {"dp3": SUITE["methods"]["dp3"], "regression": {"seeds": [0]}},
}


class Desk:
    """A queue, and the trainings that the runner holds of it."""

    def __init__(self, root: Path) -> None:
        jobs = planned(places(root), suite=FAMILIES).jobs
        self.queue = JobQueue(jobs, lambda job: None, lambda job, finished: None)
        self.held: list[TrainingJob] = []

    def end(self, task: str, outcome: Any) -> None:
        """The task's demonstrations have come to an end."""
        self.queue.settle(Finished(f"{task}/demonstrations", outcome, ""))

    def ready(self) -> set[str]:
        """The stacks that would begin now, as task and method."""
        self.held += [job for job in self.queue.take() if isinstance(job, TrainingJob)]
        return {job.name.removesuffix(".training") for job in _whole_kinds(self.held, self.queue.waiting)}


NEAR, FAR, OTHER = (
    {f"{task}/{run}" for run in ("dp3_small_seed0", "dp3_small_seed1", "regression_small_seed0")}
    for task in ("toy/near", "toy/far", "other/task")
)


def test_a_kind_waits_for_its_blocked_jobs_and_for_no_other_kind(tmp_path):
    desk = Desk(tmp_path)
    assert desk.ready() == set(), "all demonstrations are missing"
    desk.end("toy/near", "done")
    assert desk.ready() == set(), "those of its family's other task are missing"
    assert len(desk.held) == len(NEAR)
    desk.end("other/task", "done")
    assert desk.ready() == OTHER
    desk.end("toy/far", "done")
    assert desk.ready() == NEAR | FAR | OTHER


def test_a_kind_does_not_wait_for_what_can_never_begin(tmp_path):
    desk = Desk(tmp_path)
    assert desk.ready() == set()
    desk.end("toy/near", "done")
    desk.end("toy/far", "failed")
    assert desk.ready() == NEAR


def test_the_runner_makes_what_a_line_needs_and_ends_what_fails(beside):
    """Every stage in the process that it has in earnest."""
    methods = {name: {**row, "seeds": [0]} for name, row in SUITE["methods"].items()}
    made = planned(beside, "sdm", "diverging", suite={**SUITE, "methods": methods})
    screen = io.StringIO()
    with pytest.raises(BenchmarkError, match="1 of 5 jobs failed, 1 that need them were not begun"):
        work(made, BatchedRunner(BatchedSettings(workers=2)), Console(file=screen, width=300))
    assert "the training diverged, lower its learning rate" in screen.getvalue()
    (line,) = read_results(beside.root / beside.results)
    assert (line["method"], line["teacher"], line["episodes"]) == ("sdm", "dp3 seed 0", 1)
    assert line["stacked"] == 2, "the one that failed was trained beside it"
