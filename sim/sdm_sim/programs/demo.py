"""`make demo`: the shipped students on the ROS graph, in lockstep and in real time, beside their teachers.

Ends with a table, a latency plot and videos in `outputs/demo`; `summary.jsonl` there has the table's figures.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sdm_core.atomic import atomic_write
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import SdmError
from sdm_core.provenance import origin
from sdm_core.share import share_directory

from sdm_sim.demo.runs import Measured, Run, launcher, measure
from sdm_sim.demo.summary import latency_plot, summary_line, table

# Unseen in training (demonstrations have seeds below 1000) and in the reported evaluation (from 30000).
SEED0 = 20000


def plan(models: Path, lockstep_episodes: int, realtime_episodes: int) -> list[Run]:
    """All students in lockstep, the first one recorded; then teachers and their students, in both modes."""
    students = [Checkpoint.open(path) for path in sorted(models.glob("*_sdm"))]
    teachers = [Checkpoint.open(path) for path in sorted(models.glob("*_teacher"))]
    if not students:
        raise SdmError(f"{models}: holds no shipped students; restore the folder from the repository")
    compared = {teacher.contract.task for teacher in teachers}
    pairs = sorted(
        [*teachers, *(student for student in students if student.contract.task in compared)],
        key=lambda checkpoint: (checkpoint.contract.task, checkpoint.nfe),
    )
    others = [student for student in students if student.contract.task not in compared]
    return [
        *(
            Run(student, "lockstep", lockstep_episodes, SEED0, record=index == 0)
            for index, student in enumerate(others)
        ),
        *(Run(policy, "lockstep", lockstep_episodes, SEED0) for policy in pairs),
        *(Run(policy, "realtime", realtime_episodes, SEED0) for policy in pairs),
    ]


def demo(folder: Path, models: Path, lockstep_episodes: int, realtime_episodes: int, console: Console) -> None:
    """Runs the plan with a live progress line, then shows and saves what came out."""
    runs = plan(models, lockstep_episodes, realtime_episodes)
    console.print(f"{len(runs)} runs of the graph by '{' '.join(launcher())}'; logs, traces and videos go to {folder}")
    measured: list[Measured] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("starting", total=sum(run.episodes for run in runs), state="")
        done = 0
        for index, run in enumerate(runs, start=1):

            def show(episodes: int, successes: int, run: Run = run, index: int = index, before: int = done) -> None:
                progress.update(
                    bar,
                    description=f"run {index}/{len(runs)}: {run.task}, {run.label}, {run.mode}",
                    completed=before + episodes,
                    state=f"{successes}/{run.episodes} succeeded" if episodes else "starting the graph",
                )

            show(0, 0)
            measured.append(measure(run, folder, show))
            done += run.episodes
    made = origin()
    lines = [{**summary_line(one), **made} for one in measured]
    plot, summary = folder / "latency.png", folder / "summary.jsonl"
    latency_plot(lines, plot)
    atomic_write(summary, "".join(json.dumps(line) + "\n" for line in lines).encode())
    console.print(table(lines))
    videos = sorted(path.name for path in folder.glob("*.mp4"))
    console.print(f"latency plot: {plot}")
    console.print(
        f"videos: {folder}/ {', '.join(videos)}" if videos else "no videos: rendering needs libegl1 and libgl1"
    )
    for run in runs:
        if run.record:
            console.print(f"recorded episodes (zarr, with contract): {folder / f'{run.name}.zarr'}")


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("outputs/demo"))
    parser.add_argument("--models", type=Path, default=None, help="default: the shipped ones")
    parser.add_argument("--lockstep-episodes", type=int, default=5)
    parser.add_argument("--realtime-episodes", type=int, default=5)
    options = parser.parse_args()
    for mode, episodes in (("lockstep", options.lockstep_episodes), ("realtime", options.realtime_episodes)):
        if episodes < 1:
            parser.error(f"--{mode}-episodes {episodes}: one at least")
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 180)
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the graph must not outlive the demo
    try:
        models = options.models or share_directory("sdm_bringup") / "models"
        demo(options.folder, models, options.lockstep_episodes, options.realtime_episodes, console)
    except SdmError as error:
        sys.exit(f"sdm-demo: {error}")
    except KeyboardInterrupt:
        sys.exit("sdm-demo: interrupted; the graph is down")
    console.print(f"took {time.monotonic() - begin:.0f} s")
