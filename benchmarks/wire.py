"""How fast messages travel: one way, message object to message object, between two processes of this machine.

    python benchmarks/wire.py [--seconds 10] [--only busy] [--results benchmarks/results/timing.jsonl]

It runs on whatever `import rclpy` finds, a real ROS 2 or the embedded runtime. Receivers take a message's latency on
entry to the callback; its header has the time just before it was published. The second part is what a node costs that
only waits. Lines are appended where `--results` names a file; the rest is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from ros_processes import joint_state, runtime, start
from sensor_msgs.msg import Image, PointCloud2, PointField

TOPIC = "measured"
QOS = QoSProfile(depth=10)
WARM_UP_S = 0.5
"""Messages sent before the measured ones: discovery is over then, and buffers have grown."""
ARRIVAL_S = 1.0
"""How long the last message may be under way before it counts as lost."""


@dataclass(frozen=True)
class Case:
    """What is sent and how often, and its goal: a median latency in ms, or the share that must arrive."""

    name: str
    variant: str
    make: Callable[[], Any]
    rate_hz: float
    goal_ms: float | None = None
    goal_delivered: float | None = None
    busy: bool = False  # a Python thread computes in the receiving process

    def goal(self, p50_ms: float, delivered: float) -> tuple[str, bool]:
        """The goal in words, and whether it is met."""
        if self.goal_ms is not None:
            return f"≤ {self.goal_ms:g} ms", p50_ms <= self.goal_ms
        assert self.goal_delivered is not None
        return f"≥ {self.goal_delivered:.1%}", delivered >= self.goal_delivered


@dataclass(frozen=True)
class Idle:
    """A node that has nothing to do, or a timer of 1 Hz; the goal is a share of one core in per cent."""

    variant: str
    timer: bool
    goal_percent: float = 1.0


def point_cloud(width: int, height: int, point_step: int) -> PointCloud2:
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]
    data = array("B", bytes(width * height * point_step))
    return PointCloud2(
        width=width, height=height, fields=fields, point_step=point_step, row_step=width * point_step, data=data,
        is_dense=True,
    )  # fmt: skip


def small_cloud() -> PointCloud2:
    return point_cloud(1024, 1, 12)


def camera_cloud() -> PointCloud2:
    """As a depth camera's driver sends it: coloured points, padded."""
    return point_cloud(640, 480, 32)


def depth_image() -> Image:
    return Image(width=640, height=480, encoding="16UC1", step=1280, data=array("B", bytes(640 * 480 * 2)))


CASES = {
    "joints": Case("JointState", "9 joints, 200 Hz", joint_state, 200, goal_ms=0.4),
    "cloud": Case("PointCloud2", "1024 points, 30 Hz", small_cloud, 30, goal_ms=0.6),
    "depth": Case("Image", "640×480 16UC1, 30 Hz", depth_image, 30, goal_ms=1.0),
    "large": Case("PointCloud2", "9.8 MB, 10 Hz", camera_cloud, 10, goal_ms=20.0),
    "fast": Case("JointState", "9 joints, 1 kHz", joint_state, 1000, goal_delivered=0.995),
    "busy": Case("JointState", "9 joints, 200 Hz, busy receiver", joint_state, 200, goal_ms=1.0, busy=True),
}
IDLE = {"idle": Idle("no timer", False), "timer": Idle("1 Hz timer", True)}


def send(key: str, domain_id: int, seconds: float, sent: Connection) -> None:
    """Publishes at the case's rate and tells how many messages counted."""
    case = CASES[key]
    start(domain_id)
    node = rclpy.create_node("sender")
    message = case.make()
    publisher = node.create_publisher(type(message), TOPIC, QOS)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    count = int(case.rate_hz * seconds)
    warm_up = max(3, int(case.rate_hz * WARM_UP_S))
    begin = time.monotonic()
    for number in range(-warm_up, count):
        message.header.frame_id = "counts" if number >= 0 else "warm-up"
        time.sleep(max(0.0, begin + (number + warm_up) / case.rate_hz - time.monotonic()))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 10**9)
        publisher.publish(message)
    sent.send(count)
    time.sleep(2 * ARRIVAL_S)  # a writer that goes takes what is not acknowledged with it
    rclpy.shutdown()


def receive(key: str, domain_id: int, over: Event, arrived: Connection) -> None:
    """Spins until `over`, then tells the latency in ms of each message that counted."""
    case = CASES[key]
    start(domain_id)
    node = rclpy.create_node("receiver")
    latencies: list[float] = []

    def take(message: Any) -> None:
        now = time.time_ns()
        if message.header.frame_id == "counts":
            latencies.append((now - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) / 1e6)

    node.create_subscription(type(case.make()), TOPIC, take, QOS)
    if case.busy:
        threading.Thread(target=compute, args=(over,), daemon=True).start()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not over.is_set():
        executor.spin_once(timeout_sec=0.2)
    arrived.send(latencies)
    rclpy.shutdown()


def compute(over: Event) -> None:
    """Holds the interpreter whenever it can."""
    while not over.is_set():
        sum(number * number for number in range(10_000))


def wait(key: str, domain_id: int, seconds: float, cost: Connection) -> None:
    """Tells which share of a core, in per cent, a node takes that spins for `seconds`, once its start is over."""
    start(domain_id)
    node = rclpy.create_node("waiting")
    if IDLE[key].timer:
        node.create_timer(1.0, lambda: None)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spin_for(executor, 3.0)
    cpu, wall = time.process_time(), time.monotonic()
    spin_for(executor, seconds)
    cost.send(100 * (time.process_time() - cpu) / (time.monotonic() - wall))
    rclpy.shutdown()


def spin_for(executor: SingleThreadedExecutor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


class Benchmark:
    """Runs cases in processes of their own, prints a row for each and keeps its line."""

    def __init__(self, awake: bool) -> None:
        self.lines: list[dict[str, Any]] = []
        self._awake = awake
        self._processes = multiprocessing.get_context("spawn")
        # A domain of its own, so that no other graph of this machine takes part; 1 to 99 are safe everywhere.
        self._domain_id = 1 + os.getpid() % 99

    def latency(self, key: str, seconds: float) -> None:
        load = os.getloadavg()[0]
        over = self._processes.Event()
        arrived = self._start(receive, key, self._domain_id, over)
        sent = self._start(send, key, self._domain_id, seconds)
        count = answer(sent)
        time.sleep(ARRIVAL_S)
        over.set()
        latencies: list[float] = answer(arrived)
        self._join()
        self._latency_line(CASES[key], latencies, count, load)

    def idle(self, seconds: float, keys: list[str]) -> None:
        """Each node alone on its domain, all at the same time."""
        load = os.getloadavg()[0]
        costs = {
            key: self._start(wait, key, 1 + (self._domain_id + number) % 99, seconds) for number, key in enumerate(keys)
        }
        for key, cost in costs.items():
            self._idle_line(IDLE[key], answer(cost), seconds, load)
        self._join()

    def _start(self, function: Callable[..., None], *arguments: Any) -> Connection:
        """Runs a function in a process of its own; its answer comes through the connection."""
        here, there = self._processes.Pipe(duplex=False)
        self._processes.Process(target=function, args=(*arguments, there), daemon=True).start()
        there.close()  # so that the end of the process ends the wait for its answer
        return here

    def _join(self) -> None:
        for process in multiprocessing.active_children():
            process.join()

    def _latency_line(self, case: Case, latencies: list[float], count: int, load: float) -> None:
        if len(latencies) < 2:
            sys.exit(f"wire: of {count} messages of {case.name} ({case.variant}) {len(latencies)} arrived")
        p50, p99 = (statistics.quantiles(latencies, n=100)[percent - 1] for percent in (50, 99))
        delivered = len(latencies) / count
        measured = f"p50 {p50:7.3f} ms   p99 {p99:8.3f} ms   delivered {delivered:8.3%}"
        self._print(case.name, case.variant, measured, *case.goal(p50, delivered))
        self.lines.append(
            {
                "kind": "timing",
                "what": f"wire/{case.name}",
                "variant": case.variant,
                "device": "cpu",
                "threads": 1,
                "backend": runtime(),
                "p50_ms": round(p50, 4),
                "p99_ms": round(p99, 4),
                "n": len(latencies),
                "delivered": round(delivered, 5),
                "goal_ms": case.goal_ms,
                "goal_delivered": case.goal_delivered,
                "load": round(load, 2),
                "awake": self._awake,
            }
        )

    def _idle_line(self, idle: Idle, percent: float, seconds: float, load: float) -> None:
        measured = f"{percent:.2f} % of a core over {seconds:g} s"
        self._print("idle node", idle.variant, measured, f"≤ {idle.goal_percent:g} %", percent <= idle.goal_percent)
        self.lines.append(
            {
                "kind": "idle",
                "what": "node",
                "variant": idle.variant,
                "backend": runtime(),
                "cpu_percent": round(percent, 3),
                "goal_percent": idle.goal_percent,
                "seconds": seconds,
                "load": round(load, 2),
            }
        )

    def _print(self, name: str, variant: str, measured: str, goal: str, met: bool) -> None:
        print(f"{name:12} {variant:32} {measured:60} goal {goal:8} {'met' if met else 'MISSED'}", flush=True)


@contextmanager
def kept_awake() -> Iterator[None]:
    """A process on every core that gives way to all others: a core that sleeps takes its time to wake for a message."""
    code = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def answer(connection: Connection) -> Any:
    try:
        return connection.recv()
    except EOFError:
        sys.exit("wire: a process ended before it had measured; its output says why")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each message's measurement")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="of the idle nodes' measurement")
    parser.add_argument("--only", nargs="+", choices=[*CASES, *IDLE], help="measure these alone")
    parser.add_argument("--awake", action="store_true", help="keep the cores awake, as a real-time set-up does")
    parser.add_argument("--results", type=Path, help="append lines to this file")
    options = parser.parse_args()
    # What is measured is this machine, on a real ROS 2 as well.
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    chosen = options.only or [*CASES, *IDLE]
    benchmark = Benchmark(options.awake)
    print(f"{runtime()}, load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with kept_awake() if options.awake else nullcontext():
        for key in (key for key in CASES if key in chosen):
            benchmark.latency(key, options.seconds)
    if idle := [key for key in IDLE if key in chosen]:
        benchmark.idle(options.idle_seconds, idle)
    if options.results:
        # Only lines need the project; all else runs on any ROS 2 alone.
        from sdm_core.provenance import origin
        from sdm_core.results import append_result

        for line in benchmark.lines:
            append_result(options.results, {**line, **origin()})


if __name__ == "__main__":
    main()
