"""What sdm-benchmark finds missing, in which order, and with which command lines."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.contracts import small_contract
from helpers.jobs import places
from sdm_core.checkpoint import METRICS, Checkpoint
from sdm_core.contract import Bounds, NormaliserStatistics
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import SdmError
from sdm_core.results import append_result
from sdm_sim.registry import require_task
from sdm_training.benchmark.jobs.demonstrations import DemonstrationsJob
from sdm_training.benchmark.jobs.evaluation import EvaluationJob
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.plan import Plan, Selection, plan
from sdm_training.benchmark.suite import Suite
from sdm_training.programs.benchmark import BenchmarkSettings
from sdm_training.programs.distill import DistillSettings
from sdm_training.programs.evaluate import EvaluateSettings
from sdm_training.programs.train import TrainSettings
from sdm_training.runs.recipe_difference import recipe_difference
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import SettingsError, build, composed, composed_values

CONFIG = Path(__file__).parents[2] / "config"

SUITE: dict[str, Any] = {
    "network": "small",
    "episodes": 4,
    "eval_seed0": 100,
    "tasks": {
        "toy/near": {"demos": 2},
        "toy/far": {"demos": 3, "episodes": 6, "repeats": 3, "overrides": {"train": ["teacher.steps=7"]}},
    },
    "methods": {
        "dp3": {"program": "train", "overrides": ["teacher=fast"], "nfe": [1, 10], "seeds": [0, 1]},
        "sdm": {"teacher": "dp3", "seeds": [0, 1]},
        "sdm_scratch": {"teacher": "dp3", "overrides": ["distiller=sdm"], "method": "sdm", "variant": "scratch, led"},
        "regression": None,
    },
}


@pytest.fixture(autouse=True)
def shipped_configuration(monkeypatch):
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: CONFIG.parent)


def planned(root: Path, *, suite: dict[str, Any] = SUITE, **selection: Any) -> Plan:
    return plan(build(Suite, suite), Selection(**selection), places(root))


def names(made: Plan) -> list[str]:
    return [job.name for job in made.jobs]


def line(job: EvaluationJob, **changes: Any) -> dict[str, Any]:
    """What sdm-evaluate would write for the cell: entries that are as usual are left out."""
    cell = {"kind": "success", "mode": "direct", **vars(job.cell), "successes": 1, **changes}
    usual: dict[str, Any] = {"variant": None, "teacher": None, "repeats": 1, "snapshot": None, "replan_steps": None}
    if cell["teacher"] is not None:
        cell["teacher"] += f" seed {job.cell.seed}"
    return {key: value for key, value in cell.items() if key not in usual or value != usual[key]}


def export(root: Path, *folders: str) -> None:
    """Checkpoint folders as a finished training leaves them."""
    for folder in folders:
        (root / "runs" / folder).mkdir(parents=True)
        (root / "runs" / folder / METRICS).write_text("{}")


def evaluation(made: Plan, name: str) -> EvaluationJob:
    job = next(job for job in made.jobs if job.name == name)
    assert isinstance(job, EvaluationJob)
    return job


def test_from_nothing_each_stage_follows_what_it_needs(tmp_path):
    assert names(planned(tmp_path, tasks=("toy/near",), methods=("dp3", "sdm"), seeds=(0,))) == [
        "toy/near/demonstrations",
        "toy/near/dp3_small_seed0.training",
        "toy/near/dp3_small_seed0.nfe1",
        "toy/near/dp3_small_seed0.nfe10",
        "toy/near/sdm_small_seed0.training",
        "toy/near/sdm_small_seed0.nfe1",
    ]


def test_every_job_comes_after_its_needs_and_first_seeds_come_first(tmp_path):
    jobs = planned(tmp_path).jobs
    seen: set[str] = set()
    for job in jobs:
        assert seen.issuperset(job.needs), job.name
        seen.add(job.name)
    evaluations = [job.cell for job in jobs if isinstance(job, EvaluationJob)]
    assert [cell.seed for cell in evaluations] == sorted(cell.seed for cell in evaluations)
    assert len(evaluations) == 2 * (4 + 2 + 1 + 1)


def test_a_student_alone_brings_its_teacher_but_not_the_teacher_s_evaluations(tmp_path):
    assert names(planned(tmp_path, tasks=("toy/near",), methods=("sdm",), seeds=(1,))) == [
        "toy/near/demonstrations",
        "toy/near/dp3_small_seed1.training",
        "toy/near/sdm_small_seed1.training",
        "toy/near/sdm_small_seed1.nfe1",
    ]


def test_a_row_that_changes_a_setting_is_still_of_its_own_distiller():
    changed = {**SUITE["methods"], "onedp_s": {"teacher": "dp3", "overrides": ["distiller.steps=7"]}}
    suite = build(Suite, {**SUITE, "methods": changed})
    assert suite.methods["onedp_s"].overrides == ("distiller=onedp_s", "distiller.steps=7")
    assert suite.methods["sdm_scratch"].overrides == ("distiller=sdm",)


def test_a_seed_that_no_row_has_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="the suite has no seed '7', but 0, 1"):
        planned(tmp_path, seeds=(7,))


def test_what_is_there_is_not_planned_again(tmp_path):
    selection: dict[str, Any] = {"tasks": ("toy/near",), "methods": ("dp3", "sdm"), "seeds": (0,)}
    export(tmp_path, *(f"toy/near/dp3_small_seed0/export_nfe{nfe}" for nfe in (1, 10)))
    made = planned(tmp_path, **selection)
    assert names(made)[:3] == [
        "toy/near/dp3_small_seed0.nfe1",
        "toy/near/dp3_small_seed0.nfe10",
        "toy/near/demonstrations",
    ], "a finished teacher needs no demonstrations, its student does"
    for job in made.jobs:
        if isinstance(job, EvaluationJob):
            append_result(tmp_path / "results.jsonl", line(job))
    assert (names(planned(tmp_path, **selection)), planned(tmp_path, **selection).done) == ([], 3)


@pytest.mark.parametrize(
    "change",
    [
        *({key: 77} for key in ("seed", "nfe", "episodes", "eval_seed0", "demos", "repeats", "replan_steps")),
        *({key: "other"} for key in ("kind", "task", "method", "network", "protocol", "variant", "teacher", "mode")),
        {"teacher": None},
        {"protocol": "snapshot", "snapshot": 1},
        {"camera_noise": "d4xx"},
        {"backend": "torch"},
        {"noise_scale": 0.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_line_that_differs_anywhere_in_its_identity_is_another_cell_s(tmp_path, change):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    append_result(tmp_path / "results.jsonl", line(job, **change))
    assert not job.done()
    append_result(tmp_path / "results.jsonl", line(job, commit="any", machine="any", outcomes="1000"))
    assert job.done()


def test_a_variant_has_a_run_and_lines_of_its_own(tmp_path):
    made = planned(tmp_path)
    plain, scratch = (evaluation(made, f"toy/near/{name}_small_seed0.nfe1") for name in ("sdm", "sdm_scratch"))
    assert (scratch.cell.method, scratch.cell.variant) == ("sdm", "scratch, led")
    assert scratch.checkpoint != plain.checkpoint
    append_result(tmp_path / "results.jsonl", line(scratch))
    assert (plain.done(), scratch.done()) == (False, True)


def test_a_row_with_its_own_number_of_demonstrations_has_a_store_a_run_and_lines_of_its_own(tmp_path):
    more = {"program": "train", "overrides": ["teacher=fast"], "method": "dp3", "demos": 20}
    made = planned(tmp_path, suite={**SUITE, "methods": {**SUITE["methods"], "dp3_more": more}}, seeds=(0,))
    jobs = {job.name: job for job in made.jobs}
    assert {"toy/near/demonstrations", "toy/near/demonstrations_20"} <= set(jobs)
    assert jobs["toy/near/demonstrations_20"].overrides[1:] == ("episodes=20", "output=data/toy/near_20.zarr")
    assert "data=data/toy/near_20.zarr" in jobs["toy/near/dp3_more_small_seed0.training"].overrides
    evaluation_of_more = evaluation(made, "toy/near/dp3_more_small_seed0.nfe1")
    assert (evaluation_of_more.cell.method, evaluation_of_more.cell.demos) == ("dp3", 20)
    assert evaluation(made, "toy/near/dp3_small_seed0.nfe1").cell.demos == 2


def test_demonstrations_are_recorded_as_the_suite_says_and_then_as_the_task_does(tmp_path):
    tasks = {"toy/near": {"demos": 2}, "toy/far": {"demos": 2, "overrides": {"demos": ["max_failures=7"]}}}
    given = {**SUITE, "tasks": tasks, "demonstrations": ["colour=true", "max_failures=3"]}
    jobs = {job.name: job for job in planned(tmp_path, suite=given, tasks=("toy/near", "toy/far")).jobs}
    asked = {task: composed_values("demos", jobs[f"toy/{task}/demonstrations"].overrides) for task in ("near", "far")}
    assert {task: (one["colour"], one["max_failures"]) for task, one in asked.items()} == {
        "near": (True, 3),
        "far": (True, 7),
    }


@pytest.mark.parametrize(
    ("led", "store"),
    [
        ({"disturbed": True}, "near_disturbed"),
        ({"disturbed": True, "demos": 20}, "near_20_disturbed"),
        ({"disturbed": "half"}, "near_half_disturbed"),
    ],
)
def test_rows_of_disturbed_demonstrations_share_a_store_of_their_own(tmp_path, led, store):
    methods = {
        **SUITE["methods"],
        "dp3_led": {**SUITE["methods"]["dp3"], "variant": "led", **led},
        "sdm_led": {"teacher": "dp3_led", "method": "sdm", "variant": "led", "overrides": ["distiller=sdm"], **led},
    }
    made = planned(tmp_path, suite={**SUITE, "methods": methods}, seeds=(0,), tasks=("toy/near",))
    jobs = {job.name: job for job in made.jobs}
    recording = jobs[f"toy/near/demonstrations{store.removeprefix('near')}"]
    asked = composed_values("demos", recording.overrides)
    assert (asked["disturbed"], asked["episodes"], asked["output"]) == (
        led["disturbed"],
        led.get("demos", 2),
        f"data/toy/{store}.zarr",
    )
    assert composed_values("demos", jobs["toy/near/demonstrations"].overrides)["disturbed"] is False
    for row in ("dp3_led", "sdm_led"):
        training = jobs[f"toy/near/{row}_small_seed0.training"]
        assert recording.name in training.needs
        assert f"data=data/toy/{store}.zarr" in training.overrides
    assert "data=data/toy/near.zarr" in jobs["toy/near/dp3_small_seed0.training"].overrides


def test_the_command_lines_are_the_programs_own(tmp_path):
    jobs = {job.name: job for job in planned(tmp_path).jobs}
    teacher = composed("train", TrainSettings, jobs["toy/far/dp3_small_seed1.training"].overrides)
    assert (teacher.task, teacher.seed, teacher.export.nfe) == ("toy/far", 1, (1, 10))
    assert teacher.teacher.model_dump()["steps"] == 7, "what a task asks of its trainings"
    student = composed("distill", DistillSettings, jobs["toy/far/sdm_scratch_small_seed0.training"].overrides)
    assert (student.teacher_run, student.run) == (
        "runs/toy/far/dp3_small_seed0",
        "runs/toy/far/sdm_scratch_small_seed0",
    )
    labels = student.distiller.model_dump()
    assert (labels["method"], labels["variant"]) == ("sdm", "scratch, led")
    evaluation = composed("evaluate", EvaluateSettings, jobs["toy/far/dp3_small_seed1.nfe10"].overrides)
    assert (evaluation.checkpoint, evaluation.nfe) == ("runs/toy/far/dp3_small_seed1", 10)
    assert (evaluation.episodes, evaluation.repeats, evaluation.seed0) == (6, 3, 100)
    assert jobs["toy/near/demonstrations"].command == (
        "sdm-demos",
        "task=toy/near",
        "episodes=2",
        "output=data/toy/near.zarr",
    )


def test_curves_are_planned_where_asked_for_and_their_trainings_always_keep_snapshots(tmp_path):
    curve = {"tasks": ["toy/near"], "methods": ["sdm"], "snapshots": 3, "episodes": 2}
    for wanted in (False, True):
        made = planned(tmp_path, suite={**SUITE, "curve": curve}, curve=wanted)
        jobs = {job.name: job for job in made.jobs}
        points = [f"toy/near/sdm_small_seed0.snapshot{number}" for number in (1, 2, 3)]
        assert [name for name in jobs if "snapshot" in name] == (points if wanted else [])
        assert "loop.snapshots=3" in jobs["toy/near/sdm_small_seed0.training"].overrides
        assert "loop.snapshots=3" not in jobs["toy/near/dp3_small_seed0.training"].overrides
    point = composed("evaluate", EvaluateSettings, jobs[points[1]].overrides)
    assert (point.protocol, point.snapshot, point.episodes) == ("snapshot", 2, 2)


def test_a_task_whose_recorded_demonstrations_are_absent_is_left_out(tmp_path):
    suite = {**SUITE, "tasks": {"toy/shown": {"demos": 2, "source": "shown.zip"}, "toy/near": {"demos": 2}}}
    made = planned(tmp_path, suite=suite)
    assert made.left_out == ["toy/shown is left out: its demonstrations shown.zip are not there"]
    assert all(job.name.startswith("toy/near/") for job in made.jobs)
    (tmp_path / "shown.zip").touch()
    made = planned(tmp_path, suite=suite)
    assert "source=shown.zip" in made.jobs[0].overrides


def test_a_store_of_another_size_is_not_the_suite_s(tmp_path):
    job = planned(tmp_path, tasks=("toy/near",)).jobs[0]
    contract = small_contract(task="toy/near")
    store = EpisodeStore.create(tmp_path / "data/toy/near.zarr", contract)
    found = []
    for _ in range(3):
        state, action, cloud = (np.zeros((5, *shape), np.float32) for shape in ((4,), (3,), (32, 3)))
        store.append(Episode(state, action, cloud))
        found.append(job.done())
    assert found == [False, True, False]
    with pytest.raises(SdmError, match=r"near\.zarr holds 3 episodes, the suite wants 2: choose other folders"):
        job.check()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("camera_noise=d4xx", "camera_noise=none, the suite wants d4xx"),
        ("seed0=100", "seed0=0, the suite wants 100"),
        ("colour=true", "colour=False, the suite wants True"),
        ("images=true", "images=False, the suite wants True"),
        ("disturbed=true", "disturbed=False, the suite wants True"),
        ("disturbed=half", "disturbed=False, the suite wants half"),
    ],
)
def test_a_store_that_was_recorded_with_other_options_is_not_the_suite_s(tmp_path, option, told):
    store = EpisodeStore.create(tmp_path / "data/toy/near.zarr", small_contract(task="toy/near"))
    state, action, cloud = (np.zeros((5, *shape), np.float32) for shape in ((4,), (3,), (32, 3)))
    for seed in range(2):
        store.append(Episode(state, action, cloud), {"seed": seed})
    assert planned(tmp_path, tasks=("toy/near",)).jobs[0].name != "toy/near/demonstrations"
    tasks = {"toy/near": {"demos": 2, "overrides": {"demos": [option]}}}
    job = planned(tmp_path, suite={**SUITE, "tasks": tasks}).jobs[0]
    assert job.name == "toy/near/demonstrations"
    with pytest.raises(SdmError, match=rf"near\.zarr was recorded with {told}: choose other folders with data=… runs="):
        job.check()


def test_a_store_of_disturbed_demonstrations_is_of_the_rows_that_ask_for_them(tmp_path):
    state, action, cloud = (np.zeros((5, *shape), np.float32) for shape in ((4,), (3,), (32, 3)))
    for name in ("near", "near_disturbed"):
        store = EpisodeStore.create(tmp_path / f"data/toy/{name}.zarr", small_contract(task="toy/near"))
        for seed in range(2):
            store.append(Episode(state, action, cloud), {"seed": seed, "disturbed": True})
    methods = {"dp3": TEACHER, "dp3_disturbed": {**TEACHER, "disturbed": True}}
    made = planned(tmp_path, suite={**SUITE, "methods": methods}, tasks=("toy/near",))
    (job,) = (job for job in made.jobs if isinstance(job, DemonstrationsJob))
    assert job.name == "toy/near/demonstrations"
    with pytest.raises(SdmError, match=r"near\.zarr was recorded with disturbed=True, the suite wants False: choose"):
        job.check()


def test_a_store_begins_later_by_the_expert_s_failures_at_most(tmp_path):
    failures = composed_values("demos", ["task=toy/near", "output=x"])["max_failures"]
    state, action, cloud = (np.zeros((5, *shape), np.float32) for shape in ((4,), (3,), (32, 3)))
    for first in (failures, failures + 1):
        folder = tmp_path / str(first)
        job = planned(folder, tasks=("toy/near",)).jobs[0]
        store = EpisodeStore.create(folder / "data/toy/near.zarr", small_contract(task="toy/near"))
        for seed in (first, first + 1):
            store.append(Episode(state, action, cloud), {"seed": seed})
        assert job.done() == (first == failures)
    with pytest.raises(SdmError, match=rf"recorded with seed0={failures + 1}, the suite wants 0"):
        job.check()


def test_a_store_that_has_lost_a_file_fails_its_job_and_not_the_plan(tmp_path):
    store = EpisodeStore.create(tmp_path / "data/toy/near.zarr", small_contract(task="toy/near"))
    state, action, cloud = (np.zeros((5, *shape), np.float32) for shape in ((4,), (3,), (32, 3)))
    for seed in range(2):
        store.append(Episode(state, action, cloud), {"seed": seed})
    (tmp_path / "data/toy/near.zarr/data/state/0.0").unlink()
    job = planned(tmp_path, tasks=("toy/near",)).jobs[0]
    assert job.name == "toy/near/demonstrations"
    with pytest.raises(SdmError, match=r"near\.zarr"):
        job.check()


def trained(job: EvaluationJob, config: dict[str, Any], record: dict[str, Any] | None = None, **metrics: Any) -> None:
    """The checkpoint of a run with this configuration and these metrics, where the job looks for its own."""
    contract = small_contract(task="toy/near")
    bounds = (Bounds(low=(-1,) * count, high=(1,) * count) for count in (contract.state_dim, contract.action_dim))
    statistics = NormaliserStatistics(**dict(zip(("state", "action"), bounds, strict=True)))
    contract = contract.model_copy(update={"normaliser": statistics})
    Checkpoint.write(job.places.root / job.checkpoint, contract, b"", metrics, {"config": config, **(record or {})})


RIGHT = {"method": "sdm", "teacher": "dp3 seed 0", "network": "small", "seed": 0, "nfe": 1, "demos": 2}


@pytest.mark.parametrize(
    ("key", "wrong"), [("method", "best"), ("nfe", 2), ("demos", 10), ("variant", "scratch"), ("teacher", "edm")]
)
def test_a_checkpoint_of_something_else_is_refused_before_it_is_evaluated(tmp_path, key, wrong):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    trained(job, {}, **RIGHT)
    job.check()
    trained(job, {}, **{**RIGHT, key: wrong})
    with pytest.raises(SdmError, match=f"has {key} {wrong}, the suite wants"):
        job.check()


def test_a_record_of_before_a_setting_had_what_every_training_had_then():
    assert recipe_difference({"seed": 0}, {"seed": 0, "camera_noise": "d4xx"}, ()) == "camera_noise"
    assert recipe_difference({"seed": 0}, {"seed": 0, "camera_noise": None}, ()) is None


def test_a_run_of_another_recipe_is_refused_before_it_is_evaluated(tmp_path):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    settings = composed("distill", DistillSettings, (*job.training.overrides, "loop.snapshots=7", "compute.threads=3"))
    config = settings.model_dump(mode="json", serialize_as_any=True)
    config["distiller"]["since_gone"] = 1
    trained(job, config, **RIGHT)
    job.check()
    config["distiller"]["critic_optimiser"]["learning_rate"] = 1.0
    trained(job, config, **RIGHT)
    with pytest.raises(SdmError, match=r"another distiller\.critic_optimiser\.learning_rate: delete it"):
        job.check()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("+distiller.draws=4", "distiller.draws"),
        ("+distiller.generator_optimiser.cosine=false", "distiller.generator_optimiser.cosine"),
    ],
)
def test_a_setting_that_the_recipe_s_files_do_not_name_is_of_the_recipe_by_its_default(tmp_path, given, key):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    trained(job, composed("distill", DistillSettings, (*job.training.overrides, given)).recorded(), **RIGHT)
    with pytest.raises(SdmError, match=f"trained with another {re.escape(key)}: delete it"):
        job.check()


def test_a_record_of_before_a_setting_is_of_the_recipe_also_where_it_told_the_process_of_its_teacher(tmp_path):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    config = job.training.recipe()
    del config["distiller"]["draws"], config["camera_noise"], config["yaw_copies"]
    config["diffusion"] = {"kind": "discrete", "train_steps": 100, "prediction": "x0", "clip_sample": True}
    trained(job, config, **RIGHT)
    job.check()


def test_a_teacher_of_another_recipe_is_refused_before_it_is_distilled(tmp_path):
    student = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1").training
    assert student.teacher is not None
    teacher = tmp_path / student.teacher.run
    teacher.mkdir(parents=True)
    for changed, refused in ((), None), (("teacher.steps=8000",), r"dp3_small_seed0 .* another teacher\.steps: delete"):
        settings = composed("train", TrainSettings, (*student.teacher.overrides, *changed))
        record = {"config": settings.model_dump(mode="json", serialize_as_any=True)}
        (teacher / "training.yaml").write_text(yaml.safe_dump(record))
        with nullcontext() if refused is None else pytest.raises(SdmError, match=refused):
            student.check()


def test_a_student_of_other_weights_than_its_teacher_s_is_refused_before_it_is_evaluated(tmp_path):
    job = evaluation(planned(tmp_path), "toy/near/sdm_small_seed0.nfe1")
    teacher = RunFolder(tmp_path / "runs/toy/near/dp3_small_seed0")
    teacher.path.mkdir(parents=True)
    teacher.finish({"weight": torch.zeros(1)}, train_s=1.0)
    trained(job, {}, {"teacher_sha256": teacher.sha256()}, **RIGHT)
    job.check()
    teacher.finish({"weight": torch.zeros(1)}, train_s=2.0)
    job.check()
    teacher.finish({"weight": torch.ones(1)}, train_s=1.0)
    with pytest.raises(SdmError, match=r"distilled from other weights than .*dp3_small_seed0 has now: delete it"):
        job.check()


TEACHER = {"program": "train", "overrides": ["teacher=fast"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": {"sdm": {"teacher": "dp4"}}}, "method 'sdm' needs the teacher 'dp4', which is no row"),
        ({"curve": {"tasks": ["toy/nowhere"]}}, "the suite has no task 'toy/nowhere', but toy/near, toy/far"),
        ({"tasks": {"toy/near": {"demos": 0}}}, "greater than 0"),
        ({"tasks": {"toy/near": {"demos": 1, "overrides": {"smd": []}}}}, "no program or method 'smd', but demos"),
        ({"methods": {"sdm": {"nfes": [1]}}}, "Extra inputs are not permitted"),
        (
            {"methods": {"dp3": {"program": "train", "overrides": ["yaw_copies=8"]}}},
            r"method 'dp3' trains a teacher: say which, as overrides: \[teacher=fast\]",
        ),
        (
            {"methods": {"dp3": TEACHER, "sdm": {"teacher": "dp3", "demos": 5}}},
            "method 'sdm' and its teacher 'dp3' need the same demonstrations",
        ),
        (
            {"methods": {"dp3": TEACHER, "sdm": {"teacher": "dp3", "disturbed": True}}},
            "method 'sdm' and its teacher 'dp3' need the same demonstrations",
        ),
        (
            {
                "methods": {
                    **dict.fromkeys(("dp3", "edm"), TEACHER),
                    "sdm": {"teacher": "dp3"},
                    "sdm_edm": {"teacher": "edm", "method": "sdm", "network": "small", "overrides": []},
                }
            },
            "could not tell the rows 'sdm' and 'sdm_edm' apart: give one of them a variant",
        ),
        (
            {"methods": {"dp3": TEACHER, "sdm": {"teacher": "dp3"}, "mine": {"teacher": "dp3", "method": "sdm"}}},
            "could not tell the rows 'sdm' and 'mine' apart: give one of them a variant",
        ),
    ],
)
def test_a_suite_that_does_not_fit_together_is_one_line(changes, message):
    with pytest.raises(SettingsError, match=message):
        build(Suite, {**SUITE, **changes})


@pytest.mark.parametrize(
    ("row", "steps", "folder"),
    [({"nfe": [1]}, (1,), "export_nfe1"), ({"nfe": [3, 1]}, (3, 1), "export_nfe1"), ({}, (), "export")],
)
def test_the_step_counts_that_a_row_writes_are_those_that_its_training_exports(tmp_path, row, steps, folder):
    """Also where the distiller's own configuration exports others, as `consistency` does."""
    methods = {"edm": TEACHER, "consistency": {"teacher": "edm", **row}}
    made = planned(tmp_path, suite={**SUITE, "methods": methods}, methods=("consistency",), tasks=("toy/near",))
    training = next(job for job in made.jobs if job.name == "toy/near/consistency_small_seed0.training")
    assert composed("distill", DistillSettings, training.overrides).export.nfe == steps
    assert evaluation(made, "toy/near/consistency_small_seed0.nfe1").checkpoint.name == folder


def test_one_training_is_evaluated_with_other_numbers_of_executed_actions_too(tmp_path):
    methods = {"dp3": {**TEACHER, "nfe": [1, 10], "replan_steps": [1, 8]}}
    made = planned(tmp_path, suite={**SUITE, "methods": methods}, tasks=("toy/near",))
    run = "toy/near/dp3_small_seed0"
    assert names(made)[1:] == [
        f"{run}.{what}" for what in ("training", "nfe1", "nfe10", "nfe10_replan1", "nfe10_replan8")
    ]
    usual, often = evaluation(made, f"{run}.nfe10"), evaluation(made, f"{run}.nfe10_replan1")
    assert often.checkpoint == usual.checkpoint
    asked = [composed("evaluate", EvaluateSettings, job.overrides) for job in (usual, often)]
    assert [(one.nfe, one.replan_steps) for one in asked] == [(10, None), (10, 1)]
    append_result(tmp_path / "results.jsonl", line(often))
    assert (usual.done(), often.done()) == (False, True)


def test_a_selection_of_what_is_not_there_names_what_is(tmp_path):
    with pytest.raises(SettingsError, match="the suite has no method 'smd', but dp3, sdm"):
        planned(tmp_path, methods=("smd",))


def test_evaluations_step_as_many_environments_as_the_suite_says(tmp_path):
    for number in (1, 8):
        made = planned(tmp_path, suite={**SUITE, "environments": number}, methods=("regression",))
        settings = composed("evaluate", EvaluateSettings, made.jobs[-1].overrides)
        assert settings.environments == number


@pytest.mark.parametrize("runner", ["local", "batched"])
def test_every_shipped_runner_of_one_machine_takes_the_number_of_workers(runner):
    settings = composed("benchmark", BenchmarkSettings, [f"runner={runner}", "workers=3"])
    assert settings.runner.model_dump()["workers"] == 3


@pytest.mark.parametrize(("runner", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_runner_whose_package_is_not_installed_says_how_to_install_it(monkeypatch, runner, package):
    monkeypatch.delitem(sys.modules, f"sdm_training.benchmark.runners.{runner}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingsError, match=f"needs the package {package}: install it with pip install"):
        composed("benchmark", BenchmarkSettings, [f"runner={runner}"])


@pytest.mark.parametrize("name", [path.stem for path in (CONFIG / "suite").glob("*.yaml")])
def test_every_row_of_every_shipped_suite_is_a_valid_configuration(tmp_path, name):
    suite = composed("benchmark", BenchmarkSettings, [f"suite={name}"]).suite
    for task in suite.tasks:
        require_task(task)
    jobs = plan(suite, Selection(curve=True, seeds=(0,)), places(tmp_path)).jobs
    first = next(task for task in suite.tasks if any(job.name.startswith(task) for job in jobs))
    for job in jobs:
        if isinstance(job, TrainingJob) and job.name.startswith(first):
            settings = composed(
                job.program, TrainSettings if job.program == "train" else DistillSettings, job.overrides
            )
            assert settings.run == str(job.run)
