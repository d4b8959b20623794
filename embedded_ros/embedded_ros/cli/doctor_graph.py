"""The doctor's checks on the graph: messages and services to another process and back, and who else is there."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import rclpy
from rclpy._graph_guard import MARK
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import String
from std_srvs.srv import Trigger

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.finding import Finding, failure, warning
from embedded_ros.cli.graph import DISCOVERY_SECONDS, command_node, node_names
from embedded_ros.transport.cyclone_config import discovery_range
from embedded_ros.transport.interface import Endpoint, TransportError
from embedded_ros.transport.sample_route import sample_route
from embedded_ros.transport.wheel_samples import WheelSamples

_TRIPS = 20
_PATIENCE_SECONDS = 10.0
# A DDS participant's id begins with its vendor's.
_VENDORS = {b"\x01\x10": "rmw_cyclonedds", b"\x01\x0f": "rmw_fastrtps", b"\x01\x01": "rmw_connextdds"}
_NO_ANSWER = "does a firewall, a container or a network interface of CYCLONEDDS_URI keep local processes apart?"


def checks() -> Iterator[Finding]:
    if discovery_range() == "OFF":
        yield Finding("graph", "not looked at: ROS_AUTOMATIC_DISCOVERY_RANGE=OFF keeps processes apart")
        return
    options = argparse.Namespace(use_sim_time=False)
    prefix = f"/_doctor_{os.getpid()}"
    try:
        with command_node(options) as node, _EchoProcess(prefix):
            yield _route()
            yield from _round_trips(node, prefix)
            time.sleep(DISCOVERY_SECONDS)
            yield from _peers(node, prefix)
    except (TransportError, CommandError) as error:
        yield failure("graph", str(error), "no node can start before this works")


def _route() -> Finding:
    # The process's first participant has found it out: no other is asked.
    if isinstance(sample_route(participant=0), WheelSamples):
        return warning(
            "route",
            "messages take the slower way, through the cyclonedds package; topics may not match Fast DDS peers'",
            "pip install cyclonedds==11.0.1",
        )
    return Finding("route", "messages take the fast way, by Cyclone's C library")


class _EchoProcess:
    """A process that answers on the prefix's topics and service (`doctor_echo`)."""

    def __init__(self, prefix: str) -> None:
        self._command = [sys.executable, "-m", "embedded_ros.cli.doctor_echo", prefix]

    def __enter__(self) -> None:
        # Out of reach of the terminal's Ctrl-C, which is this process's to answer.
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)

    def __exit__(self, *error: object) -> None:
        # The end of its standard input is its end, whatever becomes of this process.
        self._process.communicate()


def _round_trips(node: Node, prefix: str) -> Iterator[Finding]:
    answers: list[str] = []
    node.create_subscription(String, f"{prefix}/pong", lambda message: answers.append(message.data), 10)
    publisher = node.create_publisher(String, f"{prefix}/ping", 10)
    if _spin_until(node, lambda: _ping(node, publisher, answers, 0.1) is not None):
        trips = [_ping(node, publisher, answers, _PATIENCE_SECONDS) for _ in range(_TRIPS)]
        yield _timed("message", trips)
    else:
        yield failure("message", f"none came back from another process in {_PATIENCE_SECONDS:g} s", _NO_ANSWER)
        return
    client = node.create_client(Trigger, f"{prefix}/trigger")
    if not client.wait_for_service(timeout_sec=_PATIENCE_SECONDS):
        yield failure("service", f"none of another process appeared in {_PATIENCE_SECONDS:g} s", _NO_ANSWER)
        return
    trips = []
    for _ in range(_TRIPS):
        began = time.perf_counter()
        future = client.call_async(Trigger.Request())
        rclpy.spin_until_future_complete(node, future, timeout_sec=_PATIENCE_SECONDS)
        trips.append(time.perf_counter() - began if future.done() else None)
    yield _timed("service", trips)


def _ping(node: Node, publisher: Publisher, answers: list[str], patience: float) -> float | None:
    """Seconds until the answer to a message of this moment; None when it does not come."""
    began = time.perf_counter()
    text = str(began)
    publisher.publish(String(data=text))
    return time.perf_counter() - began if _spin_until(node, lambda: text in answers, patience) else None


def _spin_until(node: Node, condition: Callable[[], bool], patience: float = _PATIENCE_SECONDS) -> bool:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        rclpy.spin_once(node, timeout_sec=0.05)
    return True


def _timed(what: str, trips: list[float | None]) -> Finding:
    came = [trip for trip in trips if trip is not None]
    if len(came) < len(trips):
        return failure(what, f"{len(trips) - len(came)} of {len(trips)} did not come back", _NO_ANSWER)
    return Finding(
        what, f"to another process and back in {1000.0 * statistics.median(came):.2f} ms (median of {len(came)})"
    )


def _peers(node: Node, prefix: str) -> Iterator[Finding]:
    endpoints = [*node._graph.endpoints(True), *node._graph.endpoints(False)]
    own = {endpoint.participant for endpoint in endpoints if prefix in endpoint.topic}
    others = {endpoint.participant for endpoint in endpoints} - own
    kinds = {other: _kind_of([each for each in endpoints if each.participant == other]) for other in others}
    if not kinds:
        yield Finding("peers", "nobody else is on this domain within reach")
        return
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(kinds.values()).items()))
    yield Finding("peers", f"{counts}, with the nodes {', '.join(node_names(node)) or 'none'}")
    if any("fastrtps" in kind or "connext" in kind for kind in kinds.values()):
        yield warning(
            "peers",
            "of another DDS: topics work with them; services, parameters and actions do not",
            "set RMW_IMPLEMENTATION=rmw_cyclonedds_cpp where they start",
        )
    speaks_humble = os.environ.get("ROS_DISTRO", "").lower() == "humble"
    if any("Humble" in kind and not speaks_humble for kind in kinds.values()):
        yield warning("peers", "of ROS 2 Humble do not see this process's nodes", "set ROS_DISTRO=humble here")
    if speaks_humble and any("Iron" in kind for kind in kinds.values()):
        yield warning("peers", "of ROS 2 Iron or newer do not see this process's nodes", "set ROS_DISTRO to theirs")


def _kind_of(endpoints: list[Endpoint]) -> str:
    """What a participant runs on, by its endpoints: only since Iron these carry their type's hash."""
    known = {name for endpoint in endpoints for name in endpoint.user_data}
    if MARK in known:
        return MARK
    age = "Iron or newer" if "typehash" in known else "Humble or older"
    return f"{_VENDORS.get(endpoints[0].participant[:2], 'unknown DDS')} of {age}"
