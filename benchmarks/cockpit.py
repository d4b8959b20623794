"""What the cockpit costs the control loop: the loop with and without it, in turns, in one run; a `cockpit` line.

    python benchmarks/cockpit.py [--pairs 10] [--seconds 15] [--checkpoint models/franka_pick-place_sdm]
        [--results benchmarks/results/cockpit.jsonl] [--domain 97]

The policy leads the simulated cell as in benchmarks/streaming.py. With the cockpit: cockpit_node beside it, and one
visitor that takes all that the page sends and draws nothing, as a browser on another machine does. Of each turn the
line has the 50th and 99th percentile of the answer (observation received to chunk sent, by policy_node's traces), of
the loop (observation received to first command, by command_node's traces) and of the time between two commands; the
ratios are of the turns' medians, their intervals from drawing the pairs anew. A chunk waits for the next control
period, whose phase differs from episode to episode: it moves the loop by up to 10 ms, and the answer not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import viser
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.qos import QoSProfile
from rclpy.time import Time
from reliability.catalogue import CELL
from reliability.node_process import NodeProcess
from reliability.system import System
from ros_processes import start
from sdm_core.provenance import origin
from sdm_core.results import append_result
from sdm_interfaces.msg import PolicyTrace
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

RESULTS = Path("benchmarks/results/cockpit.jsonl")
CHECKPOINT = Path("models/franka_pick-place_sdm")
ALLOWED = 1.05
"""The greatest ratio of the loop's 99th percentiles."""
WARM_UP_S = 3.0
"""After the cockpit has come or gone."""
DRAWS = 2000
PERCENTILES = (50, 99)
MEASURED = ("answer_ms", "loop_ms", "period_ms")


@dataclass
class Turn:
    """What was measured in one: ms of each answer and loop, and between two commands; the cockpit's share of a core."""

    answer_ms: list[float] = field(default_factory=list)
    loop_ms: list[float] = field(default_factory=list)
    period_ms: list[float] = field(default_factory=list)
    cpu: float = 0.0


class Watch:
    """Hears traces and commands; keeps them while a turn is measured."""

    def __init__(self, system: System) -> None:
        self._turn: Turn | None = None
        self._last_ns: int | None = None
        self._lock = threading.Lock()
        system.node.create_subscription(PolicyTrace, "policy_node/trace", self._on_answer, QoSProfile(depth=100))
        system.node.create_subscription(PolicyTrace, "command_node/trace", self._on_trace, QoSProfile(depth=100))
        system.node.create_subscription(PoseStamped, "target_pose", self._on_command, QoSProfile(depth=200))

    def measure(self, seconds: float) -> Turn:
        """All of the next seconds."""
        with self._lock:
            self._turn, self._last_ns = Turn(), None
        time.sleep(seconds)
        with self._lock:
            turn, self._turn = self._turn, None
        assert turn
        return turn

    def _on_answer(self, trace: PolicyTrace) -> None:
        with self._lock:
            if self._turn and trace.loop_ms:
                self._turn.answer_ms.append(trace.loop_ms)

    def _on_trace(self, trace: PolicyTrace) -> None:
        with self._lock:
            if self._turn and trace.loop_ms:
                self._turn.loop_ms.append(trace.loop_ms)

    def _on_command(self, message: PoseStamped) -> None:
        stamp_ns = Time.from_msg(message.header.stamp).nanoseconds
        with self._lock:
            if self._turn and self._last_ns:
                self._turn.period_ms.append((stamp_ns - self._last_ns) / 1e6)
            self._last_ns = stamp_ns


@contextmanager
def cockpit(system: System) -> Iterator[NodeProcess]:
    """cockpit_node, and a visitor of its page."""
    log = system.folder / f"cockpit_{time.monotonic_ns()}.log"
    parameters = {"checkpoint": system.checkpoint, "port": 0}
    node = NodeProcess("cockpit_node", log, domain=system.domain, parameters=parameters)
    try:
        address = re.compile(r"cockpit: http://(\S+)")
        if not system.wait(lambda: address.search(node.output) is not None, 120.0):
            raise SystemExit(f"cockpit: no page; {node.output}")
        found = address.search(node.output)
        assert found
        visitor = multiprocessing.get_context("spawn").Process(target=visit, args=(found[1],), daemon=True)
        visitor.start()
        try:
            yield node
        finally:
            visitor.terminate()
            visitor.join()
    finally:
        node.end()


def visit(address: str) -> None:
    """Takes whatever the page sends."""
    protocol = Subprotocol(f"viser-v{viser.__version__}")
    with suppress(ConnectionClosed), connect(f"ws://{address}", subprotocols=[protocol], max_size=None) as page:
        for _ in page:
            pass


def cpu_s(pid: int) -> float:
    """Seconds that a process has computed so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured_with_cockpit(system: System, watch: Watch, seconds: float) -> Turn:
    with cockpit(system) as node:
        time.sleep(WARM_UP_S)
        before = cpu_s(node.pid)
        turn = watch.measure(seconds)
        turn.cpu = (cpu_s(node.pid) - before) / seconds
    return turn


def measured_alone(watch: Watch, seconds: float) -> Turn:
    time.sleep(WARM_UP_S)
    return watch.measure(seconds)


def summary(alone: Sequence[Turn], beside: Sequence[Turn]) -> dict[str, Any]:
    """Percentiles without and with the cockpit, and their ratios with 95 % intervals."""
    line: dict[str, Any] = {}
    for what in MEASURED:
        for percentile in PERCENTILES:
            without, with_it = (
                np.array([np.percentile(getattr(turn, what), percentile) for turn in turns])
                for turns in (alone, beside)
            )
            name = f"{what.removesuffix('_ms')}_p{percentile}"
            line[f"{name}_ms"] = [round(float(np.median(values)), 4) for values in (without, with_it)]
            line[f"{name}_turns_ms"] = [[round(float(value), 3) for value in values] for values in (without, with_it)]
            line[f"{name}_ratio"] = round(float(np.median(with_it) / np.median(without)), 4)
            line[f"{name}_ci95"] = [round(value, 4) for value in ratio_interval(without, with_it)]
    return line


def ratio_interval(without: NDArray[np.float64], with_it: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the ratio of the medians, over pairs drawn with replacement."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(without), (DRAWS, len(without)))
    low, high = np.percentile(np.median(with_it[drawn], axis=1) / np.median(without[drawn], axis=1), (2.5, 97.5))
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each turn")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--domain", type=int, default=97, help="DDS domain that nobody else uses")
    options = parser.parse_args()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    start(options.domain)
    system = System(options.checkpoint, CELL, options.domain)
    alone: list[Turn] = []
    beside: list[Turn] = []
    try:
        if not system.wait(system.streams):
            raise SystemExit(f"cockpit: the policy does not stream; {system.outputs()}")
        watch = Watch(system)
        for pair in range(options.pairs):
            system.log.forget()
            turns = [lambda: alone.append(measured_alone(watch, options.seconds))]
            turns.append(lambda: beside.append(measured_with_cockpit(system, watch, options.seconds)))
            for turn in turns if pair % 2 == 0 else reversed(turns):
                turn()
        line = {
            "kind": "cockpit",
            "task": system.contract.task,
            "pairs": options.pairs,
            "seconds": options.seconds,
            "loops": sum(len(turn.answer_ms) for turn in (*alone, *beside)),
            "allowed_ratio": ALLOWED,
            **summary(alone, beside),
            "cockpit_cpu": round(float(np.mean([turn.cpu for turn in beside])), 4),
            "load": round(os.getloadavg()[0], 1),
            **origin(),
        }
    finally:
        system.close()
        rclpy.try_shutdown()
    append_result(options.results, line)
    for name in (f"{what.removesuffix('_ms')}_p{percentile}" for what in MEASURED for percentile in PERCENTILES):
        without, with_it = line[f"{name}_ms"]
        low, high = line[f"{name}_ci95"]
        print(f"{name:11} {without:8.2f} ms alone, {with_it:8.2f} ms beside the cockpit: {low:.3f} … {high:.3f} times")
    print(f"the cockpit takes {line['cockpit_cpu']:.1%} of a core")


if __name__ == "__main__":
    main()
