"""command_node at 100 Hz for as long as one likes: missed deadlines, memory, threads; a `streaming` line.

    python benchmarks/streaming.py [--minutes 30] [--checkpoint models/franka_pick-place_sdm]
        [--results benchmarks/results/streaming.jsonl] [--domain 97]

The policy leads the simulated twin as in benchmarks/faults.py, with nothing broken. How many periods of command_node's
timer were missed it says itself on /diagnostics, by a steady clock; a bare loop at the same rate runs beside it, so
that the machine's own unevenness is known. The line has histograms of both: of the times between two commands'
publication, and between two turns of the loop.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile
from rclpy.time import Time
from reliability.catalogue import CELL
from reliability.system import RATE_HZ, System
from ros_processes import start
from sdm_core.provenance import origin
from sdm_core.results import append_result
from sdm_policy_node.commands.tick_meter import TickMeter
from soak import resident_mib

RESULTS = Path("benchmarks/results/streaming.jsonl")
CHECKPOINT = Path("models/franka_pick-place_sdm")
ALLOWED_SHARE = 0.001
"""Of missed deadlines, more than the bare loop's."""
SAMPLES = 60
WARM_UP = 0.1
"""The share of the run after which nothing must grow."""
EDGES_MS = (0, 2, 5, 8, 9, 9.5, 9.8, 10.2, 10.5, 11, 12, 15, 20, 30, 50, 100, 1000)


class BareLoop:
    """Nothing but a loop at the same rate, in a process of its own."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_loop, args=(other,), daemon=True)
        self._process.start()

    def end(self) -> tuple[float, float, list[int]]:
        """The share of missed deadlines, the longest period (ms) and the histogram."""
        self._line.send("end")
        result = self._line.recv()
        self._process.join()
        return result


def _loop(line: Connection) -> None:
    meter, due, turns = TickMeter(1 / RATE_HZ), time.monotonic(), []
    while not line.poll():
        due += 1 / RATE_HZ
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        due = max(due, now - 1 / RATE_HZ)
        meter.tick(now)
        turns.append(now)
    line.send((meter.missed / max(meter.ticks, 1), 1e3 * meter.worst_s, histogram(turns)))


def histogram(seconds: list[float]) -> list[int]:
    """How many differences of successive times lie between each two of EDGES_MS."""
    return np.histogram(1e3 * np.diff(seconds), EDGES_MS)[0].tolist()


class Watch:
    """What the observer's node hears of command_node, and what the processes take."""

    def __init__(self, system: System) -> None:
        self._processes = {"command_node": system.command.pid, "policy_node": system.policy.pid if system.policy else 0}
        self.published: list[float] = []
        self.values: dict[str, float] = {}
        self.first: dict[str, float] = {}
        self.samples: list[dict[str, tuple[float, int]]] = []
        system.node.create_subscription(PoseStamped, "target_pose", self._on_command, QoSProfile(depth=200))
        system.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def _on_command(self, message: PoseStamped) -> None:
        self.published.append(Time.from_msg(message.header.stamp).nanoseconds * 1e-9)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if "deadlines missed" in values:
                wanted = ("deadlines missed", "longest period (ms)")
                self.values = {key: float(values[key]) for key in wanted} | {"heard": time.monotonic()}
                self.first = self.first or self.values

    def sample(self) -> None:
        """Memory (MiB) and threads of both nodes, now."""
        self.samples.append(
            {name: (resident_mib(pid), len(os.listdir(f"/proc/{pid}/task"))) for name, pid in self._processes.items()}
        )

    def line(self) -> dict[str, Any]:
        """All of it, for the result line."""
        ticks = (self.values["heard"] - self.first["heard"]) * RATE_HZ
        missed = self.values["deadlines missed"] - self.first["deadlines missed"]
        warm, last = self.samples[int(len(self.samples) * WARM_UP)], self.samples[-1]
        return {
            "missed_share": round(missed / ticks, 6),
            "longest_ms": self.values["longest period (ms)"],
            "histogram": histogram(self.published),
            "rss_mib": {name: round(last[name][0], 1) for name in last},
            "growth_mib": {name: round(last[name][0] - warm[name][0], 2) for name in last},
            "threads": {name: last[name][1] for name in last},
            "threads_grown": {name: last[name][1] - warm[name][1] for name in last},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.2)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--domain", type=int, default=97, help="DDS domain that nobody else uses")
    options = parser.parse_args()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    start(options.domain)
    system = System(options.checkpoint, CELL, options.domain)
    try:
        if not system.wait(system.streams):
            raise SystemExit(f"streaming: the policy does not stream; {system.outputs()}")
        watch, bare = Watch(system), BareLoop()
        begun = time.monotonic()
        for sample in range(SAMPLES):
            time.sleep(max(0.0, begun + sample / SAMPLES * 60 * options.minutes - time.monotonic()))
            watch.sample()
            system.log.forget()
        system.wait(lambda: watch.values != watch.first)
        bare_share, bare_longest, bare_histogram = bare.end()
        line = {
            "kind": "streaming",
            "minutes": round((time.monotonic() - begun) / 60, 2),
            "rate_hz": RATE_HZ,
            "allowed_share": ALLOWED_SHARE,
            **watch.line(),
            "bare_missed_share": round(bare_share, 6),
            "bare_longest_ms": round(bare_longest, 1),
            "histogram_edges_ms": EDGES_MS,
            "bare_histogram": bare_histogram,
            "load": round(os.getloadavg()[0], 1),
            **origin(),
        }
    finally:
        system.close()
        rclpy.try_shutdown()
    append_result(options.results, line)
    print(
        f"{line['minutes']:g} min: {line['missed_share']:.3%} of the periods missed, bare loop {bare_share:.3%}; "
        f"longest {line['longest_ms']:.1f} ms, {bare_longest:.1f} ms; grown {line['growth_mib']} MiB"
    )


if __name__ == "__main__":
    main()
