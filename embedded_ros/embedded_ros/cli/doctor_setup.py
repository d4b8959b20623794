"""The doctor's checks of what is installed and set on this machine; none joins the graph."""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from embedded_ros import import_hook
from embedded_ros.cli.finding import Finding, failure, warning

_PACKAGES = ("embedded_ros", "cyclonedds", "rosbags", "numpy")
_DISTRIBUTIONS = ("humble", "iron", "jazzy", "kilted", "lyrical")
_RECEIVE_BUFFER_LIMIT = Path("/proc/sys/net/core/rmem_max")
# What the transport asks for, so that large messages arrive whole while nobody reads.
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_REACH = {
    "LOCALHOST": "nodes of this machine",
    "SUBNET": "nodes of this machine and of its network",
    "SYSTEM_DEFAULT": "as CYCLONEDDS_URI says",
    "OFF": "nodes of this process alone",
}


def is_embedded() -> bool:
    """Whether rclpy is this runtime's."""
    return not import_hook.real_ros_is_importable()


def checks() -> Iterator[Finding]:
    yield Finding("python", f"{sys.version.split()[0]} ({sys.executable})")
    yield _packages()
    yield _ros()
    if not is_embedded():
        return
    yield _distribution()
    yield _transport()
    yield _domain()
    yield from _discovery()
    yield _receive_buffer()


def _packages() -> Finding:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return failure("packages", f"{', '.join(missing)} missing", f"pip install {' '.join(missing)}")
    return Finding("packages", ", ".join(found))


def _ros() -> Finding:
    try:
        importlib.import_module("rclpy")
    except Exception as error:
        return failure(
            "ros",
            f"rclpy cannot be imported: {error}",
            "start from a shell where no ROS 2 is sourced, or with the Python of that ROS 2",
        )
    if not is_embedded():
        return Finding("ros", f"{sys.modules['rclpy'].__file__} is used, a real ROS 2's; look at it with `ros2 doctor`")
    if sourced := os.environ.get("AMENT_PREFIX_PATH"):
        return Finding("ros", f"rclpy is this runtime's; packages are found below {sourced}, too")
    return Finding("ros", "rclpy is this runtime's: no ROS 2 is sourced")


def _distribution() -> Finding:
    given = os.environ.get("ROS_DISTRO", "")
    if not given:
        return Finding("distribution", "jazzy's messages (ROS_DISTRO is not set)")
    if given.lower() not in _DISTRIBUTIONS:
        known = ", ".join(_DISTRIBUTIONS)
        return warning("distribution", f"ROS_DISTRO={given} is unknown here: jazzy's messages are used", f"set {known}")
    return Finding("distribution", f"{given.lower()}'s messages (ROS_DISTRO)")


def _transport() -> Finding:
    from embedded_ros.transport.interface import TransportError

    try:
        importlib.import_module("embedded_ros.transport.cyclone")
    except TransportError as error:
        return failure("transport", str(error), "no node can start before this works")
    return Finding("transport", f"Cyclone DDS {metadata.version('cyclonedds')}")


def _domain() -> Finding:
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if not given:
        return Finding("domain", "0 (ROS_DOMAIN_ID is not set)")
    if not given.isdigit() or int(given) > 232:
        return failure(
            "domain", f"ROS_DOMAIN_ID={given} is no domain", "set a number from 0 to 232, 0 to 101 for all systems"
        )
    return Finding("domain", f"{given} (ROS_DOMAIN_ID)")


def _discovery() -> Iterator[Finding]:
    from embedded_ros.transport.cyclone_config import discovery_range, static_peers
    from embedded_ros.transport.interface import TransportError

    try:
        reach = discovery_range()
    except TransportError as error:
        yield failure("discovery", str(error), "set one of these, or nothing")
        return
    peers = static_peers()
    yield Finding("discovery", f"{reach}: {_REACH[reach]}" + (f", and {', '.join(peers)}" if peers else ""))
    uri = os.environ.get("CYCLONEDDS_URI", "")
    yield Finding("configuration", f"CYCLONEDDS_URI={uri}" if uri else "CYCLONEDDS_URI is not set")
    if uri:
        yield Finding("network", "as CYCLONEDDS_URI says")
    elif reach in ("LOCALHOST", "OFF") and not peers:
        yield Finding("network", "127.0.0.1")
    else:
        yield _network()


def _network() -> Finding:
    """The address that multicast leaves by, which is the interface that Cyclone DDS chooses on most machines."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("239.255.0.1", 7400))
            return Finding("network", probe.getsockname()[0])
        except OSError as error:
            return warning(
                "network",
                f"no interface that multicast could use: {error.strerror}",
                "connect the machine, or name an interface in CYCLONEDDS_URI",
            )


def _receive_buffer() -> Finding:
    if not _RECEIVE_BUFFER_LIMIT.exists():
        return Finding("buffers", "this system has no limit to look at")
    limit = int(_RECEIVE_BUFFER_LIMIT.read_text())
    if limit < _RECEIVE_BUFFER_BYTES:
        return warning(
            "buffers",
            f"the kernel allows sockets {limit} bytes of receive buffer: bursts of large clouds may be lost",
            f"sudo sysctl -w net.core.rmem_max={_RECEIVE_BUFFER_BYTES}",
        )
    return Finding("buffers", f"the kernel allows sockets {limit} bytes of receive buffer")
