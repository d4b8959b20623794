"""One run of the graph: a checkpoint on a task, in lockstep or in real time, launched as a user would launch it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import SdmError
from sdm_core.results import read_results
from sdm_core.share import share_directory

from sdm_sim.demo.signs_of_life import SignsOfLife

_POLL_S = 0.1
# A run that writes nothing for this long hangs: twice a minute the bridge says how far a slow episode is.
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Run:
    """What to run; `video` and `record` name files to be made along the way."""

    checkpoint: Checkpoint
    mode: str
    episodes: int
    seed0: int
    record: bool = False

    @property
    def task(self) -> str:
        return self.checkpoint.contract.task

    @property
    def name(self) -> str:
        return f"{self.checkpoint.path.name}_{self.mode}"

    @property
    def label(self) -> str:
        """The policy as the table names it."""
        role = "teacher" if self.checkpoint.path.name.endswith("teacher") else "student"
        steps = "1 step" if self.checkpoint.nfe == 1 else f"{self.checkpoint.nfe} steps"
        return f"{role}, {steps}"


@dataclass(frozen=True)
class Measured:
    """What a run came to: a line per episode, a line per trace."""

    run: Run
    episodes: list[dict[str, Any]]
    traces: list[dict[str, Any]]


def launcher() -> list[str]:
    """`ros2 launch` where ROS 2 is sourced, else the stand-in of this environment."""
    if os.environ.get("ROS_DISTRO") and shutil.which("ros2"):
        return ["ros2", "launch"]
    return [str(Path(sys.executable).parent / "ros2-embedded"), "launch"]


def measure(run: Run, folder: Path, progress: Callable[[int, int], None]) -> Measured:
    """Launches the graph, reports (episodes done, successes) as they come, and reads what it wrote to `folder`.

    Raises SdmError with the end of the log where the launch fails, or shows no sign of life any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results, traces, log = (folder / f"{run.name}{suffix}" for suffix in (".jsonl", ".traces.jsonl", ".log"))
    for path in (results, traces):
        path.unlink(missing_ok=True)
    arguments = {
        "task": run.task,
        "checkpoint": run.checkpoint.path,
        "mode": run.mode,
        "episodes": run.episodes,
        "seed0": run.seed0,
        "results": results,
        "traces": traces,
        "video": folder / f"{run.name}.mp4",
    }
    if run.record:
        recording = folder / f"{run.name}.zarr"
        shutil.rmtree(recording, ignore_errors=True)
        arguments |= {"record": "true", "output": recording}
    command = [*launcher(), str(share_directory("sdm_bringup") / "launch" / "sim.launch.py")]
    command += [f"{key}:={value}" for key, value in arguments.items()]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            lived = _follow(process, results, SignsOfLife((results, traces, log), _PATIENCE_S), progress)
        finally:
            _end(process)
    episodes = read_results(results)
    if process.returncode != 0 or len(episodes) < run.episodes:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        ending = f"the launch ended with {process.returncode}"
        if not lived:
            ending = f"nothing was written for {_PATIENCE_S:g} s, and the launch was ended"
        raise SdmError(f"{run.name}: {ending}; the end of {log}:\n{tail}")
    return Measured(run, episodes, read_results(traces))


def _follow(process: subprocess.Popen, results: Path, signs: SignsOfLife, progress: Callable[[int, int], None]) -> bool:
    """Waits for the end of the process; False, before that, where there are no signs of life any more."""
    while process.poll() is None:
        time.sleep(_POLL_S)
        now = time.monotonic()
        if signs.grown(now):
            episodes = read_results(results)
            progress(len(episodes), sum(line["success"] for line in episodes))
        if signs.missing(now):
            return False
    return True


def _end(process: subprocess.Popen) -> None:
    """Ends the launch as Ctrl-C would, and waits for it; it ends its children."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
