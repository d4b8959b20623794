"""The shipped students, from nothing: demonstrations, teacher, SDM student, regression baseline, evaluation, models/.

    python benchmarks/shipped_students.py [--workers 2] [--tasks push-wall,sweep]

Runs the public programs, one thread each, `--workers` tasks side by side. Resumable: what is there is not made again,
and killed trainings continue. Success lines go to `benchmarks/results/shipped.jsonl`, checkpoints to `models/`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import CONTRACT, METRICS, NETWORK, TRAINING
from sdm_core.results import read_results
from sdm_training.report.lines import PROTOCOL, newest
from sdm_training.report.shipped_students import TASKS

# Teachers are shipped of these two, for comparison in the demo.
TEACHERS = ("push-wall", "shelf-place")
RESULTS = Path("benchmarks/results/shipped.jsonl")
PROGRAMS = Path(sys.executable).parent


def run(program: str, *arguments: str) -> None:
    """Runs one of the project's programs; its output goes to this one's."""
    subprocess.run([PROGRAMS / program, *arguments], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def success_line(task: str, method: str, nfe: int) -> dict[str, Any] | None:
    """The reported result line of an evaluation, where there is one."""
    return newest(read_results(RESULTS), **PROTOCOL, task=task, method=method, nfe=nfe)


def evaluate(task: str, checkpoint: Path, method: str, nfe: int) -> None:
    """Evaluates a checkpoint once; a line that is there already stands."""
    if success_line(f"metaworld/{task}", method, nfe):
        return
    episodes, seed0 = f"episodes={PROTOCOL['episodes']}", f"seed0={PROTOCOL['eval_seed0']}"
    run("sdm-evaluate", f"checkpoint={checkpoint}", episodes, seed0, "workers=1", f"results={RESULTS}")


def ship(checkpoint: Path, name: str, line: dict[str, Any] | None) -> None:
    """Copies what a node needs of a checkpoint to `models/`, and adds its measured success, a result line, to the
    metrics."""
    assert line is not None  # it has been evaluated
    target = Path("models") / name
    target.mkdir(parents=True, exist_ok=True)
    for file in (CONTRACT, NETWORK, TRAINING):
        shutil.copyfile(checkpoint / file, target / file)
    metrics = json.loads((checkpoint / METRICS).read_text())
    metrics["success"] = {key: line[key] for key in ("episodes", "successes", "ci95", "eval_seed0", "commit", "date")}
    (target / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")


def student(task: str) -> None:
    """All steps of one task."""
    name, runs = f"metaworld/{task}", Path("runs/metaworld") / task
    teacher, sdm, regression = (runs / f"{method}_small_seed0" for method in ("dp3", "sdm", "regression"))
    run("sdm-demos", f"task={name}", f"episodes={PROTOCOL['demos']}")
    for folder, export, command in (
        (teacher, "export_nfe10", ("sdm-train", f"task={name}")),
        (sdm, "export", ("sdm-distill", f"task={name}", "distiller=sdm")),
        (regression, "export", ("sdm-distill", f"task={name}", "distiller=regression")),
    ):
        if not (folder / export / METRICS).is_file():
            run(*command)
    evaluate(task, sdm / "export", "sdm", 1)
    for nfe in (10, 1, 2):
        evaluate(task, teacher / f"export_nfe{nfe}", "dp3", nfe)
    evaluate(task, regression / "export", "regression", 1)
    ship(sdm / "export", f"metaworld_{task}_sdm", success_line(name, "sdm", 1))
    if task in TEACHERS:
        ship(teacher / "export_nfe10", f"metaworld_{task}_teacher", success_line(name, "dp3", 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tasks", default=",".join(task.removeprefix("metaworld/") for task in TASKS))
    options = parser.parse_args()
    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(student, options.tasks.split(",")))


if __name__ == "__main__":
    main()
