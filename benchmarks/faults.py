"""The Franka cell broken on purpose: how soon the arm stops, and whether a command ever leaves its limits.

    python benchmarks/faults.py [--trials 100] [--only camera_silent policy_sigkill]
        [--checkpoint models/franka_pick-place_sdm] [--results benchmarks/results/faults.jsonl] [--domain 97]

policy_node and command_node run as franka.launch.py starts them, with the parameters of config/robot/fr3.yaml, against
the simulated twin's sensors: depth of 160×120 at 30 Hz with a stereo camera's noise, joint states, the tool's pose and
tf at 100 Hz. The arm follows `target_pose`. A trial breaks one thing while the policy leads the arm, watches the
commands for 0.4 s, repairs it and waits until the motion goes on.

One `fault` line each: the time (ms) from the fault to the last command that was no hold (`p50_ms`, `max_ms`), and to
the last one that led elsewhere than the one before, braking included (`rest_max_ms`); a time as long as the window
means that the motion went on. `limit_violations` counts commands that left the workspace, or differ from those before
by more than the limits of velocity, acceleration and jerk, as the runner computes them from the messages alone. Faults
with a line of as many trials are not run again, unless named in `--only`. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import rclpy
from reliability.catalogue import FAULTS, WORLDS, Fault
from reliability.system import System, World
from reliability.trials import FaultTrials
from ros_processes import start
from sdm_core.results import append_result, read_results

RESULTS = Path("benchmarks/results/faults.jsonl")
CHECKPOINT = Path("models/franka_pick-place_sdm")


def wanted(options: argparse.Namespace) -> list[Fault]:
    """The faults to be run: those that are named, else those without a line of as many trials."""
    names = {fault.name for fault in FAULTS}
    if unknown := set(options.only) - names:
        sys.exit(f"faults: no fault {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    if options.only:
        return [fault for fault in FAULTS if fault.name in options.only]
    done = {(line["fault"], line["trials"]) for line in read_results(options.results)}
    return [
        fault
        for fault in FAULTS
        if not any(name == fault.name and trials >= trials_of(fault, options) for name, trials in done)
    ]


def trials_of(fault: Fault, options: argparse.Namespace) -> int:
    """How often a fault is to be tried."""
    return min(options.trials, options.restart_trials) if fault.restarts else options.trials


def run(world: World, faults: list[Fault], options: argparse.Namespace) -> None:
    """All faults of one world; on one system, as long as it can be repaired."""
    waiting = list(faults)
    while waiting:
        system = System(options.checkpoint, world, options.domain)
        try:
            while waiting:
                measure(system, waiting.pop(0), options)
        except TimeoutError as error:
            print(f"not measured: {error}", file=sys.stderr, flush=True)
        finally:
            system.close()


def measure(system: System, fault: Fault, options: argparse.Namespace) -> None:
    """One fault's line. Raises TimeoutError where the system does not come back."""
    begun = time.monotonic()
    line = FaultTrials(system, fault).run(trials_of(fault, options))
    append_result(options.results, line)
    bar = "" if line["bar_ms"] is None else f", bar {line['bar_ms']:g}"
    print(
        f"{fault.name:24} p50 {line['p50_ms']:6.1f} ms, max {line['max_ms']:6.1f} ms{bar}; "
        f"{line['limit_violations']} beyond limits; {line['outcome']} ({time.monotonic() - begun:.0f} s)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument(
        "--restart-trials", type=int, default=100, help="of faults whose every trial starts the policy's process anew"
    )
    parser.add_argument("--only", nargs="*", default=[], help="names of faults")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--domain", type=int, default=97, help="DDS domain that nobody else uses")
    options = parser.parse_args()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    faults = wanted(options)
    start(options.domain)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: sys.exit("faults: ended by a signal"))
    for world in WORLDS:
        run(world, [fault for fault in faults if fault.world is world], options)
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
