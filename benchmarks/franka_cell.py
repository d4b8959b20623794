"""A policy for the Franka cell, learned and run through the graph; the simulated twin stands in the cell's place.

    python benchmarks/franka_cell.py [--episodes 50]

The expert leads fifty demonstrations on the topics of arm and camera, recorder_node keeps them, a teacher is trained on
them and an SDM student distilled, both are evaluated offline, and `franka.launch.py sim:=true` runs them in real time:
on the task, and where the carton is pulled away from the hand (`franka/pick-moving`, which nobody demonstrated).
Resumable: what is there is not made again. Lines go to `benchmarks/results/franka.jsonl`, the student to `models/`.
Nothing else should run meanwhile: in real time a busy machine costs success.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import METRICS
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.provenance import origin
from sdm_core.results import append_result, read_results, wilson
from sdm_training.report.lines import PROTOCOL
from shipped_students import ship

TASK, MOVING = "franka/pick-place", "franka/pick-moving"
DEMONSTRATIONS = 50
# Ten demonstrations have enough of 5000; these are seven times as long together.
TEACHER_STEPS = 6000
RESULTS = Path("benchmarks/results/franka.jsonl")
DATA, CONTRACT = Path("data/franka/pick-place.zarr"), Path("data/franka/contract.yaml")
RUNS = Path("runs/franka/pick-place")
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Cell:
    """One policy that is evaluated."""

    method: str
    nfe: int
    checkpoint: Path


STUDENT = Cell("sdm", 1, RUNS / "sdm_small_seed0" / "export")
TEACHER = Cell("dp3", 10, RUNS / "dp3_small_seed0" / "export_nfe10")


def run(program: str, *arguments: str | Path) -> None:
    """Runs one of the project's programs; its output goes to this one's."""
    subprocess.run([PROGRAMS / program, *map(str, arguments)], check=True)


def launch(file: str, **arguments: Any) -> None:
    """Launches a file of `launch/`, with ROS 2 where it is installed."""
    ros2 = "ros2" if shutil.which("ros2") else PROGRAMS / "ros2-embedded"
    given = [f"{name}:={value}" for name, value in arguments.items()]
    subprocess.run([ros2, "launch", Path("launch", file), *given], check=True)


def record() -> None:
    """The expert's demonstrations, through the recorder."""
    recorded = len(EpisodeStore.view(DATA)) if DATA.exists() else 0
    if recorded >= DEMONSTRATIONS:
        return
    CONTRACT.parent.mkdir(parents=True, exist_ok=True)
    if not CONTRACT.exists():
        run("sdm-tasks", TASK, "--contract", CONTRACT)
    launch(
        "sim.launch.py",
        task=TASK,
        mode="expert",
        checkpoint=CONTRACT,
        record="true",
        output=DATA,
        episodes=DEMONSTRATIONS - recorded,
        seed0=recorded,
    )


def learn() -> None:
    """Teacher and student."""
    if not (TEACHER.checkpoint / METRICS).is_file():
        run("sdm-train", f"task={TASK}", f"teacher.steps={TEACHER_STEPS}")
    if not (STUDENT.checkpoint / METRICS).is_file():
        run("sdm-distill", f"task={TASK}")


def found(cell: Cell, **wanted: Any) -> dict[str, Any] | None:
    """The result line of a cell with noise as in training, where there is one."""
    wanted = {**wanted, "method": cell.method, "nfe": cell.nfe}
    lines = read_results(RESULTS) if RESULTS.exists() else []
    return next((line for line in lines if wanted.items() <= line.items() and "noise_scale" not in line), None)


def evaluate(cell: Cell) -> None:
    """Offline, by the protocol of every other result."""
    if found(cell, task=TASK, mode="direct"):
        return
    sizes = (f"episodes={PROTOCOL['episodes']}", f"seed0={PROTOCOL['eval_seed0']}")
    run("sdm-evaluate", f"checkpoint={cell.checkpoint}", *sizes, f"results={RESULTS}")


def drive(cell: Cell, task: str, episodes: int) -> None:
    """On the graph and in real time, as the arm would be driven."""
    if found(cell, task=task, mode="graph"):
        return
    offline, seed0 = found(cell, task=TASK, mode="direct"), PROTOCOL["eval_seed0"]
    assert offline is not None  # it has been evaluated
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "episodes.jsonl")
        checkpoint = cell.checkpoint.resolve()
        launch(
            "franka.launch.py",
            sim="true",
            task=task,
            checkpoint=checkpoint,
            episodes=episodes,
            seed0=seed0,
            results=told,
        )
        lines = read_results(told)
    outcomes = [bool(line["success"]) for line in lines]
    low, high = wilson(sum(outcomes), len(outcomes))
    append_result(
        RESULTS,
        {
            **{key: offline[key] for key in ("kind", "method", "network", "seed", "nfe", "demos", "train_s")},
            "task": task,
            "mode": "graph",
            "protocol": "final",
            "episodes": len(outcomes),
            "successes": sum(outcomes),
            "ci95": [round(low, 4), round(high, 4)],
            "eval_seed0": seed0,
            "outcomes": "".join(str(int(outcome)) for outcome in outcomes),
            "missed_steps": sum(line["misses"] for line in lines),
            "late_steps": sum(line["late_steps"] for line in lines),
            "steps": sum(line["steps"] for line in lines),
            "checkpoint": str(cell.checkpoint),
            **origin(),
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=50, help="in real time, of each policy on each task")
    options = parser.parse_args()
    record()
    learn()
    for cell in (STUDENT, TEACHER):
        evaluate(cell)
    ship(STUDENT.checkpoint, "franka_pick-place_sdm", found(STUDENT, task=TASK, mode="direct"))
    for task in (TASK, MOVING):
        for cell in (STUDENT, TEACHER):
            drive(cell, task, options.episodes)


if __name__ == "__main__":
    main()
