"""Memory over very many messages: hours of the demo in minutes, between two processes, as a `soak` line.

    python benchmarks/soak.py [--minutes 10] [--hours 8] [--results benchmarks/results/soak.jsonl]

A robot's node sends joint states and depth images, a policy's node answers each image with a command; once a second of
the demo's time the robot calls a service of the policy's node and sets a parameter there. Nothing waits for a clock: as
much as fits. It ends after `--hours` of the demo's time, or after `--minutes`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future
from ros_processes import joint_state, runtime, start
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool

CONTROL_HZ = 80
"""Of the demo's tasks."""
MESSAGES_A_STEP = 3
UNDER_WAY = 8
"""Steps sent and not answered: fewer than the queues hold, so that nothing may be lost."""
TIMER_PERIOD_S = 1e-4
SAMPLES = 60
PATIENCE_S = 20.0
WARM_UP = 0.1
"""The share of the run after which memory must not grow."""
ALLOWED_GROWTH_KIB = 1024


class Robot(Node):
    """Counts what it sends and is answered."""

    def __init__(self, steps: int) -> None:
        super().__init__("robot")
        self.sent = self.answered = self.timer_calls = self.service_calls = self.parameter_sets = 0
        self.over = Future()
        self._steps = steps
        self._joints = joint_state()
        self._depth = Image(width=128, height=128, encoding="16UC1", step=256, data=array("B", bytes(128 * 256)))
        self._joint_publisher = self.create_publisher(JointState, "joint_states", 10)
        self._depth_publisher = self.create_publisher(Image, "depth", 10)
        self.create_subscription(Float64MultiArray, "command", self._take_answer, 10)
        self._reset = self.create_client(SetBool, "reset")
        self._set_parameters = self.create_client(SetParameters, "policy/set_parameters")

    def begin(self) -> None:
        """Starts once the other node is there."""
        ready = (self._reset.wait_for_service, self._set_parameters.wait_for_service)
        if not all(wait(timeout_sec=30.0) for wait in ready):
            sys.exit("soak: the policy's node did not come up within 30 s")
        while not self._joint_publisher.get_subscription_count() or not self._depth_publisher.get_subscription_count():
            time.sleep(0.01)
        self.create_timer(TIMER_PERIOD_S, self._step)

    def _step(self) -> None:
        self.timer_calls += 1
        if self.sent - self.answered >= UNDER_WAY or self.sent == self._steps:
            return
        self.sent += 1
        self._joint_publisher.publish(self._joints)
        self._depth_publisher.publish(self._depth)
        if self.sent % CONTROL_HZ == 0:
            self._reset.call_async(SetBool.Request(data=True)).add_done_callback(self._count_call)
            value = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=self.sent)
            request = SetParameters.Request(parameters=[Parameter(name="step", value=value)])
            self._set_parameters.call_async(request).add_done_callback(self._count_set)

    def _take_answer(self, _: Float64MultiArray) -> None:
        self.answered += 1
        if self.answered == self._steps:
            self.over.set_result(True)

    def _count_call(self, future: Future) -> None:
        self.service_calls += future.result() is not None

    def _count_set(self, future: Future) -> None:
        response: Any = future.result()
        self.parameter_sets += response is not None and response.results[0].successful


class Policy(Node):
    """Answers each image with a command."""

    def __init__(self) -> None:
        super().__init__("policy")
        self.declare_parameter("step", 0)
        command = Float64MultiArray(data=[0.0] * 8)
        publisher = self.create_publisher(Float64MultiArray, "command", 10)
        self.create_subscription(JointState, "joint_states", lambda message: None, 10)
        self.create_subscription(Image, "depth", lambda message: publisher.publish(command), 10)
        self.create_service(SetBool, "reset", lambda request, response: response)


def run_policy(domain_id: int) -> None:
    start(domain_id)
    try:
        rclpy.spin(Policy())
    except (KeyboardInterrupt, ExternalShutdownException):
        rclpy.try_shutdown()


class Watch:
    """Samples the resident memory of the two processes, over the messages sent so far."""

    def __init__(self, robot: Robot, processes: dict[str, int], period_s: float) -> None:
        self._robot = robot
        self._processes = processes
        self._progress = 0, time.monotonic()  # messages, and when there were more than before
        self.rss_mib: dict[str, list[list[float]]] = {name: [] for name in processes}
        robot.create_timer(period_s, self.sample)

    def sample(self) -> None:
        messages, now = MESSAGES_A_STEP * self._robot.answered, time.monotonic()
        if messages > self._progress[0]:
            self._progress = messages, now
        elif now - self._progress[1] > PATIENCE_S:
            sys.exit(f"soak: no message for {PATIENCE_S:g} s, after {messages}")
        for name, pid in self._processes.items():
            self.rss_mib[name].append([messages, round(resident_mib(pid), 3)])

    def growth_kib(self) -> dict[str, int]:
        """From the end of the warm-up to the end."""
        return {
            name: round(1024 * (samples[-1][1] - samples[int(len(samples) * WARM_UP)][1]))
            for name, samples in self.rss_mib.items()
        }


def resident_mib(pid: int) -> float:
    """Memory that a process occupies (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of wall-clock time, at most")
    parser.add_argument("--hours", type=float, default=8.0, help="of the demo's time, at most")
    parser.add_argument("--results", type=Path, help="append the line to this file")
    options = parser.parse_args()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    domain_id = 1 + os.getpid() % 99
    policy = multiprocessing.get_context("spawn").Process(target=run_policy, args=(domain_id,), daemon=True)
    policy.start()
    assert policy.pid is not None
    start(domain_id)
    robot = Robot(round(options.hours * 3600 * CONTROL_HZ))
    robot.begin()
    watch = Watch(robot, {"robot": os.getpid(), "policy": policy.pid}, 60 * options.minutes / SAMPLES)
    begin = time.monotonic()
    rclpy.spin_until_future_complete(robot, robot.over, timeout_sec=60 * options.minutes)
    watch.sample()
    line = {
        "kind": "soak",
        "backend": runtime(),
        "minutes": round((time.monotonic() - begin) / 60, 2),
        "demo_hours": round(robot.answered / CONTROL_HZ / 3600, 3),
        "messages": MESSAGES_A_STEP * robot.answered,
        "timer_calls": robot.timer_calls,
        "service_calls": robot.service_calls,
        "parameter_sets": robot.parameter_sets,
        "growth_kib": watch.growth_kib(),
        "rss_mib": watch.rss_mib,
    }
    os.kill(policy.pid, signal.SIGTERM)
    policy.join()
    rclpy.shutdown()
    report(line)
    if options.results:
        # Only the line needs the project; all else runs on any ROS 2 alone.
        from sdm_core.provenance import origin
        from sdm_core.results import append_result

        append_result(options.results, {**line, **origin()})


def report(line: dict[str, Any]) -> None:
    print(f"{line['backend']}: {line['minutes']:g} min, {line['demo_hours']:g} h of the demo's time")
    for what in ("messages", "timer_calls", "service_calls", "parameter_sets"):
        print(f"{what.replace('_', ' '):16} {line[what]:10,}")
    for name, growth in line["growth_kib"].items():
        now, verdict = line["rss_mib"][name][-1][1], "flat" if growth <= ALLOWED_GROWTH_KIB else "GROWING"
        print(f"memory of {name:7} {now:9.1f} MiB, {growth:+} KiB after the warm-up: {verdict}")


if __name__ == "__main__":
    main()
