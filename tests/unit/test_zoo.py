"""The zoo: every policy by its hash, the command that rebuilds it, and archives that are equal for equal files."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.result_lines import success_line
from helpers.training import clouds_of, demonstrations, small_contract
from sdm_core.checkpoint import METRICS, NETWORK, TRAINING, Checkpoint
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.results import append_result, read_results
from sdm_training.benchmark.jobs.job import Places
from sdm_training.benchmark.plan import Selection, plan
from sdm_training.programs.benchmark import BenchmarkSettings
from sdm_training.programs.distill import DistillSettings, distill
from sdm_training.programs.train import TrainSettings, train_teacher
from sdm_training.programs.zoo import ZooSettings, keep_zoo
from sdm_training.report.zoo import page
from sdm_training.settings import SettingsError, composed, composed_values
from sdm_training.zoo.model_line import FILES, evaluation, model_line, sha256
from sdm_training.zoo.rebuild import rebuild_command
from sdm_training.zoo.release import archive, release
from sdm_training.zoo.scan import Model, merged, scan

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models"
SWEEP = SHIPPED / "metaworld_sweep_sdm"
TASK = "metaworld/sweep"


def trained(runs: Path, **changes: Any) -> Path:
    """A run of a suite's recipe, with the shipped student's contract; `changes` are of its metrics."""
    folder = runs / TASK / "sdm_small_seed0" / "export"
    shutil.copytree(SWEEP, folder)
    metrics = json.loads((folder / METRICS).read_text())
    (folder / METRICS).write_text(json.dumps({**metrics, "train_s": 99.0, **changes}))
    recipe = composed_values("distill", [f"task={TASK}"])
    (folder / TRAINING).write_text(yaml.safe_dump({"config": recipe}))
    with (folder / NETWORK).open("ab") as file:
        file.write(b"other weights")
    return folder


def evaluated(outcomes: str = "1" * 97 + "000", **others: Any) -> dict[str, Any]:
    """The result line of `trained`, in the campaign's file."""
    line = success_line(TASK, "sdm", 1, outcomes, teacher="dp3 seed 0", train_s=99.0)
    return {**line, "collection": "success", **others}


TEACHER = success_line(TASK, "dp3", 10, "1" * 98 + "00", collection="success")


def settings_of(folder: Path, **changes: str | None) -> ZooSettings:
    places = {name: str(folder / name) for name in ("runs", "results")}
    lines = {"models": str(SHIPPED), "zoo": str(folder / "results" / "zoo.jsonl"), "out": None}
    return ZooSettings.model_validate({**places, **lines, **changes})


def test_a_line_tells_a_checkpoint_s_hashes_and_its_contract_in_short() -> None:
    line = model_line(Checkpoint.open(SWEEP), SWEEP.name, shipped=True)
    assert line["sha256"][NETWORK] == hashlib.sha256((SWEEP / NETWORK).read_bytes()).hexdigest()
    assert line["bytes"].keys() == set(FILES)
    assert line["inputs"] == {"state": 10, "n_obs_steps": 2, "points": 256, "channels": 3}
    assert line["outputs"]["action"] == ["mocap.dx", "mocap.dy", "mocap.dz", "gripper"]
    assert (line["outputs"]["horizon"], line["outputs"]["n_action_steps"], line["control_hz"]) == (8, 4, 80.0)
    assert (line["task"], line["method"], line["teacher"], line["nfe"]) == (TASK, "sdm", "dp3 seed 0", 1)


def test_what_no_result_line_reports_is_left_out_and_said(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    found = scan(SHIPPED, tmp_path, [evaluated(train_s=98.0)])
    assert all(model.line["shipped"] for model in found.models)
    assert found.left_out == [f"{folder} is left out: no line of success reports it"]
    # The one that was evaluated is told by its line alone.
    assert [(line["task"], line["train_s"], "sha256" in line) for line in found.without_checkpoint] == [
        (TASK, 98.0, False)
    ]
    reported = scan(SHIPPED, tmp_path, [evaluated()])
    assert [model.path for model in reported.models if not model.line["shipped"]] == [folder]
    assert not reported.left_out
    assert not reported.without_checkpoint


def test_a_copy_of_a_shipped_policy_and_a_folder_half_written_are_no_policies_of_their_own(tmp_path: Path) -> None:
    shutil.copytree(SWEEP, tmp_path / TASK / "sdm_small_seed0" / "export")
    trained(tmp_path / TASK / ".export.half")
    found = scan(SHIPPED, tmp_path, [evaluated()])
    assert [model for model in found.models if not model.line["shipped"]] == []
    assert not found.left_out


def test_a_checkpoint_that_has_gone_stays_described(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    lines = merged([], scan(SHIPPED, tmp_path, [evaluated()]).lines)
    shutil.rmtree(folder)
    assert merged(lines, scan(SHIPPED, tmp_path, [evaluated()]).lines) == lines
    # A suite that it named then may have another recipe now.
    own = [line for line in lines if not line["shipped"]]
    assert merged([{**line, "rebuild": line["rebuild"] and "of then"} for line in own], []) == own
    # What was told by its result line alone is replaced by its checkpoint.
    without = merged([], scan(SHIPPED, tmp_path, [evaluated()]).lines)
    assert len(without) == len(lines)
    assert without != lines
    trained(tmp_path)
    assert merged(without, scan(SHIPPED, tmp_path, [evaluated()]).lines) == lines


def test_the_command_plans_exactly_the_jobs_that_make_the_student(tmp_path: Path) -> None:
    trained(tmp_path)
    student = next(model.line for model in scan(SHIPPED, tmp_path, [evaluated()]).models if not model.line["shipped"])
    program, *overrides = shlex.split(student["rebuild"])
    assert program == "sdm-benchmark"
    settings = composed("benchmark", BenchmarkSettings, overrides)
    results = tmp_path / settings.results
    places = Places(tmp_path, Path(settings.data), Path(settings.runs), results, results.with_name("jobs.jsonl"))
    planned = plan(settings.suite, Selection(settings.tasks, settings.methods, settings.seeds), places)
    assert [job.name for job in planned.jobs] == [
        f"{TASK}/demonstrations",
        f"{TASK}/dp3_small_seed0.training",
        f"{TASK}/sdm_small_seed0.training",
        f"{TASK}/sdm_small_seed0.nfe1",
    ]
    assert Path(settings.results) != Path("benchmarks/results/success.jsonl"), "its line there would count as done"


def test_a_policy_of_another_recipe_has_no_command(tmp_path: Path) -> None:
    recipe = yaml.safe_load((trained(tmp_path) / TRAINING).read_text())["config"]
    line = evaluated()
    command = rebuild_command(line, recipe)
    assert command is not None
    folder = f"outputs/rebuilt/{command.split()[1].removeprefix('suite=')}"
    assert command.endswith(f" data={folder}/data runs={folder}/runs results={folder}/success.jsonl")
    assert "suite=metaworld50" in command
    assert rebuild_command(line, {**recipe, "data": "elsewhere", "loop": {"log_every": 1}}) == command
    assert rebuild_command(line, {**recipe, "distiller": {**recipe["distiller"], "steps": 1}}) is None
    assert rebuild_command(line, {**recipe, "yaw_copies": 8}) is None
    before_there_were_any = {key: value for key, value in recipe.items() if key != "yaw_copies"}
    assert rebuild_command(line, before_there_were_any) == command
    assert rebuild_command({**line, "seed": 77}) is None
    scratch = rebuild_command({**line, "variant": "scratch"})
    assert scratch is not None
    assert "methods=[sdm_scratch]" in scratch


def test_archives_of_equal_files_are_equal_and_pass_their_sums(tmp_path: Path) -> None:
    first, again = (Model(trained(tmp_path / name), evaluated()) for name in ("first", "again"))
    os.utime(again.path / NETWORK, (1, 1))
    (again.path / TRAINING).chmod(0o600)
    assert archive(first) == archive(again)
    (written,) = release([first], tmp_path / "dist")
    assert written.name == "metaworld_sweep_sdm_small_seed0_nfe1.tar.gz"
    digest, name = (tmp_path / "dist" / "SHA256SUMS").read_text().split()
    assert (digest, name) == (hashlib.sha256(written.read_bytes()).hexdigest(), written.name)
    with tarfile.open(written) as packed:
        packed.extractall(tmp_path / "out", filter="data")
    unpacked = Checkpoint.open(tmp_path / "out" / first.name)
    assert unpacked.network.read_bytes() == (first.path / NETWORK).read_bytes()
    assert unpacked.metrics["train_s"] == 99.0


def test_the_program_replaces_lines_and_packs_students_but_no_teachers(tmp_path: Path, capsys) -> None:
    trained(tmp_path / "runs")
    for line in (evaluated(), TEACHER):
        append_result(tmp_path / "results" / "success.jsonl", line)
    settings = settings_of(tmp_path, out=str(tmp_path / "dist"))
    keep_zoo(settings)
    lines = read_results(settings.zoo)
    assert sum(line["shipped"] for line in lines) == len([path for path in SHIPPED.iterdir() if path.is_dir()])
    assert [line["folder"] for line in lines if not line["shipped"]] == [f"{TASK}/sdm_small_seed0/export"]
    assert str(tmp_path) not in json.dumps(lines)
    assert "1 archives" in capsys.readouterr().out
    keep_zoo(settings)
    assert read_results(settings.zoo) == lines
    with pytest.raises(SettingsError, match="neither a file nor a folder"):
        keep_zoo(settings_of(tmp_path, results="nothing"))


def test_the_page_shows_student_teacher_hash_and_command(tmp_path: Path) -> None:
    trained(tmp_path)
    results = [evaluated(), TEACHER, evaluated(method="onedp_s", train_s=50.0)]
    text = page([*results, *scan(SHIPPED, tmp_path, results).lines])
    rows = {tuple(row.split(" | ")[:2]): row for row in text.splitlines() if row.startswith("| `")}
    student, lost = rows[(f"| `{TASK}`", "SDM @ 1")], rows[(f"| `{TASK}`", "OneDP-S @ 1")]
    digest = hashlib.sha256((tmp_path / TASK / "sdm_small_seed0/export" / NETWORK).read_bytes()).hexdigest()
    assert "| 97 [92, 99] (100) | DP3 @ 10: 98 [93, 99] (100) | 1.71 | 3.5 | 10 + 256×3 → 8×4, 4 at 80 Hz |" in student
    assert f"`{digest[:12]}` | `sdm-benchmark suite=metaworld50_small " in student
    assert "| not kept | `sdm-benchmark suite=core " in lost
    assert "## metaworld, medium" in text
    assert "[metaworld_sweep_sdm](metaworld_sweep_sdm)" in text
    assert text.index("## Shipped") < text.index("## metaworld, medium")


def test_a_policy_of_disturbed_demonstrations_stands_beside_its_own_teacher(tmp_path: Path) -> None:
    fourth = {"network": "coloured", "disturbed": "half"}
    teachers = [{**TEACHER, **fourth, "successes": 71}, {**TEACHER, "network": "coloured"}]
    results = [evaluated(**fourth), *teachers]
    (line,) = (one for one in scan(SHIPPED, tmp_path, results).lines if not one["shipped"])
    assert "suite=metaworld50 " in line["rebuild"]
    (row,) = (row for row in page([*results, line]).splitlines() if "coloured" in row and row.startswith("| `"))
    assert row.startswith(f"| `{TASK}` | SDM @ 1, coloured network, half disturbed | 0 | 10 | 97 ")
    assert "| DP3 @ 10: 71 [" in row
    names = {Model(tmp_path, {**line, "disturbed": disturbed}).name for disturbed in (None, True, "half")}
    assert len(names) == 3


def test_a_policy_that_acted_in_another_task_is_none_of_that_task_s(tmp_path: Path) -> None:
    trained(tmp_path)
    moving = evaluated(task=f"{TASK}+moving")
    assert scan(SHIPPED, tmp_path, [evaluated(), moving]).without_checkpoint == []


def test_tasks_that_are_not_registered_come_last() -> None:
    lines = [
        {"kind": "model", "shipped": False, "task": task, "method": "sdm", "network": "small", "seed": 0, "nfe": 1,
         "demos": 10, "rebuild": None}
        for task in ("mine/stack", "adroit/pen", "metaworld/sweep+goal", "metaworld/door-open")
    ]  # fmt: skip
    headings = [line for line in page(lines).splitlines() if line.startswith("## ")]
    assert headings == ["## Shipped", "## metaworld, easy", "## metaworld, medium", "## adroit, hard", "## mine"]


def test_a_model_is_reported_by_the_line_of_its_own_training_alone() -> None:
    model = model_line(Checkpoint.open(SWEEP), SWEEP.name, shipped=True)
    other = evaluated(train_s=model["train_s"] + 0.1)
    own = evaluated(train_s=model["train_s"])
    assert evaluation([other, own, {**own, "eval_seed0": 40000}, {**own, "mode": "realtime"}], model) == own
    assert evaluation([other], model) is None


def test_training_twice_gives_the_same_hash(tmp_path: Path, monkeypatch) -> None:
    contract = small_contract(256)
    data = demonstrations((9, 11), contract)
    small = ("task=test/reach", "network.points=64", "network.denoiser.width=32")
    digests = set()
    for name in ("first", "again"):
        room = tmp_path / name
        room.mkdir()
        monkeypatch.chdir(room)
        store = EpisodeStore.create(Path("data/test/reach.zarr"), contract)
        for rows in (slice(0, 9), slice(9, 20)):
            store.append(Episode(data.state[rows], data.action[rows], clouds_of(data)[rows]))
        teacher, student = f"{name}/teacher", f"{name}/student"
        train = (*small, f"run={teacher}", "teacher.steps=20", "export.nfe=[1]")
        train_teacher(composed("train", TrainSettings, train))
        steps = ("distiller.steps=20", f"run={student}", f"teacher_run={teacher}")
        distill(composed("distill", DistillSettings, (*small, *steps)))
        exported = [room / teacher / "export_nfe1", room / student / "export"]
        digests.add(tuple(sha256(folder / NETWORK) for folder in exported))
    assert len(digests) == 1
