"""Discovery between two machines, which are network namespaces joined by a cable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

# Holds two namespaces, "hosts", until its standard input ends; says the processes by which to enter them.
HOSTS = """
    set -e
    unshare --net sleep 1000 & a=$!
    unshare --net sleep 1000 & b=$!
    trap "kill $a $b" EXIT
    while [ "$(readlink /proc/$a/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    while [ "$(readlink /proc/$b/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add name cable0 type veth peer name cable1
    ip link set cable0 netns $a
    ip link set cable1 netns $b
    for host in "$a cable0 10.99.0.1" "$b cable1 10.99.0.2"; do
        set -- $host
        enter="nsenter --target $1 --net"
        $enter ip link set lo up
        $enter ip addr add $3/24 dev $2
        $enter ip link set $2 up
        $enter ip route add default dev $2
    done
    echo $a $b
    read end || true
"""

# A participant with one writer, that tells which ones it sees within a time.
PARTICIPANT = """
    import sys, time
    from embedded_ros.transport.choice import open_transport
    from embedded_ros.transport.interface import WireQos
    transport = open_transport(1, "enclave=/;")
    transport.create_writer(sys.argv[1], "Type", WireQos(), "")
    deadline = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < deadline and len(transport.writers()) < 2:
        time.sleep(0.02)
    print(*sorted(writer.topic for writer in transport.writers()), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[list[str]]:
    """The processes by which to enter them."""
    if not (shutil.which("unshare") and shutil.which("ip") and shutil.which("nsenter")):
        pytest.skip("needs unshare, nsenter and ip")
    holder = subprocess.Popen(
        ["unshare", "--net", "--user", "--map-root-user", "bash", "-c", textwrap.dedent(HOSTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    inner = holder.stdout.readline().split()
    if not inner:
        holder.communicate()
        pytest.skip("no network namespaces may be made here")
    yield inner
    holder.communicate("")


def seen_on(hosts: list[str], patience: float, **environment: str) -> list[str]:
    """The writers that `alpha` on one host and `beta` on the other see within some seconds, each."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ROS_", "CYCLONEDDS_"))}
    enter = ["--user", "--preserve-credentials", "--net", sys.executable, "-c", textwrap.dedent(PARTICIPANT)]
    processes = [
        subprocess.Popen(
            ["nsenter", "--target", host, *enter, name, str(patience)],
            env={**clean, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for host, name in zip(hosts, ("alpha", "beta"), strict=True)
    ]
    try:
        return [process.stdout.readline().strip() for process in processes if process.stdout]
    finally:
        for process in processes:
            process.communicate("")


@pytest.mark.parametrize(
    "environment",
    [{"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, {"ROS_STATIC_PEERS": "10.99.0.1;10.99.0.2"}],
    ids=str,
)
def test_two_machines_meet_where_that_is_asked_for(hosts, environment) -> None:
    assert seen_on(hosts, 60.0, **environment) == ["alpha beta", "alpha beta"]


@pytest.mark.parametrize(
    "environment", [{}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_LOCALHOST_ONLY": "1"}], ids=str
)
def test_two_machines_do_not_meet_otherwise(hosts, environment) -> None:
    assert seen_on(hosts, 1.0, **environment) == ["alpha", "beta"]
