"""What the embedded runtime announces of its nodes, and to whom: never gids of the wrong size to a real ROS 2.

The peers here are participants of their own that behave as a real context does: they read and write
`ros_discovery_info`, with the hash of its type in USER_DATA since Iron, without until Humble.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest
import rclpy
from embedded_ros.interfaces import cdr
from embedded_ros.transport import cyclone
from embedded_ros.transport import libddsc as dds
from embedded_ros.transport.cyclone import CycloneTransport
from embedded_ros.transport.interface import Endpoint, WireQos
from helpers.domain import own_domain
from helpers.waiting import wait_until
from rclpy import _graph, _graph_guard
from rclpy._graph_guard import MARK
from rclpy.context import Context
from rclpy.node import Node
from rmw_dds_common.msg import Gid, NodeEntitiesInfo, ParticipantEntitiesInfo

TYPE = "rmw_dds_common::msg::dds_::ParticipantEntitiesInfo_"
DOMAIN = own_domain()
JAZZY, HUMBLE = "typehash=RIHS01_0;", ""


class RealContext:
    """What a real ROS 2 context puts on the graph, and what it is told."""

    def __init__(self, user_data: str) -> None:
        self._transport = CycloneTransport(DOMAIN, "enclave=/;")
        qos = WireQos(depth=1, transient_local=True)
        self._writer = self._transport.create_writer("ros_discovery_info", TYPE, qos, user_data)
        self._reader = self._transport.create_reader("ros_discovery_info", TYPE, qos, user_data)
        self.told: list[bytes] = []

    def announce(self, node: str) -> None:
        gid = Gid(data=list(self._transport.gid))
        info = NodeEntitiesInfo(node_namespace="/", node_name=node)
        self._writer.write(cdr.serialize(ParticipantEntitiesInfo(gid=gid, node_entities_info_seq=[info])))

    def node_names(self) -> list[str]:
        """The nodes that the last announcement tells."""
        self.listen()
        infos = [cdr.deserialize(data, ParticipantEntitiesInfo) for data in self.told[-1:]]
        return [node.node_name for info in infos for node in info.node_entities_info_seq]

    def listen(self) -> None:
        while sample := self._reader.take():
            if sample.writer != self._writer.handle:
                self.told.append(bytes(sample.data))

    def sees(self, topic: str) -> bool:
        return any(endpoint.topic == topic for endpoint in self._transport.writers())

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
def make_peer() -> Iterator[Callable[[str], RealContext]]:
    peers: list[RealContext] = []

    def make(user_data: str) -> RealContext:
        peers.append(RealContext(user_data))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


@pytest.fixture
def node() -> Iterator[Node]:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=DOMAIN)
    yield rclpy.create_node("ours", context=context, start_parameter_services=False)
    rclpy.try_shutdown(context=context)


def test_among_themselves_contexts_leave_the_real_ones_topic_alone(node: Node) -> None:
    other = Context()
    rclpy.init(args=[], context=other, domain_id=DOMAIN)
    observer = CycloneTransport(DOMAIN, "enclave=/;")
    try:
        rclpy.create_node("theirs", context=other)
        wait_until(lambda: set(node.get_node_names()) == {"ours", "theirs"})
        wait_until(lambda: sum(endpoint.topic == "rt/rosout" for endpoint in observer.writers()) == 2)
        assert not any(endpoint.topic == "ros_discovery_info" for endpoint in observer.writers())
    finally:
        observer.close()
        rclpy.try_shutdown(context=other)


def test_a_real_peer_that_comes_later_is_told_though_nothing_spins(node: Node, make_peer) -> None:
    peer = make_peer(JAZZY)
    wait_until(lambda: peer.node_names() == ["ours"])
    peer.announce("driver")
    wait_until(lambda: set(node.get_node_names()) == {"ours", "driver"})
    node.destroy_node()
    wait_until(lambda: peer.node_names() == [])


def test_a_real_peer_from_before_is_told(make_peer) -> None:
    peer = make_peer(JAZZY)
    context = Context()
    rclpy.init(args=[], context=context, domain_id=DOMAIN)
    try:
        rclpy.create_node("late", context=context)
        wait_until(lambda: peer.node_names() == ["late"])
    finally:
        rclpy.try_shutdown(context=context)


def test_a_humble_peer_is_never_sent_an_announcement_and_named_in_one_line(node: Node, make_peer, capfd) -> None:
    peer = make_peer(HUMBLE)
    lines: list[str] = []
    wait_until(lambda: lines.extend(capfd.readouterr().err.splitlines()) or lines)
    for number in range(5):
        node.create_publisher(Gid, f"topic{number}", 1)
    wait_until(lambda: peer.sees("rt/topic4"))
    second = make_peer(HUMBLE)
    wait_until(lambda: second.sees("rt/topic4"))
    peer.listen()
    second.listen()
    assert peer.told == second.told == []
    lines += capfd.readouterr().err.splitlines()
    (line,) = lines
    assert line.startswith("[ERROR]")
    assert line.endswith("Set ROS_DISTRO=humble here.")


def test_a_humble_peer_silences_what_a_newer_one_was_told(node: Node, make_peer) -> None:
    newer = make_peer(JAZZY)
    wait_until(lambda: newer.node_names() == ["ours"])
    before = len(newer.told)
    make_peer(HUMBLE)
    wait_until(lambda: node.context._graph._official_writer is None)
    node.create_publisher(Gid, "more", 1)
    wait_until(lambda: newer.sees("rt/more"))
    newer.listen()
    assert len(newer.told) == before


def test_a_process_set_to_humble_sends_long_gids_to_humble_peers_and_none_to_newer_ones(make_peer) -> None:
    code = f"""
        import sys, rclpy
        rclpy.init(args=[], domain_id={DOMAIN})
        node = rclpy.create_node("ours", enable_rosout=False, start_parameter_services=False)
        node.create_publisher(__import__("std_msgs.msg").msg.String, "ready", 1)
        sys.stdin.read()
    """
    environment = {**os.environ, "ROS_DISTRO": "humble"}

    def run(peer: RealContext, until: Callable[[], object]) -> str:
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(until)
            _, err = process.communicate("")
        return err

    humble = make_peer(HUMBLE)

    def long_gids() -> bool:
        humble.listen()
        # Behind the encapsulation's 4 bytes: the participant's gid, then the number of nodes, 1.
        return any(data[4 + 24 : 4 + 28] == b"\1\0\0\0" and data[4 + 16 : 4 + 24] == bytes(8) for data in humble.told)

    assert run(humble, long_gids) == ""
    humble.close()
    newer = make_peer(JAZZY)
    line = run(newer, lambda: newer.sees("rt/ready"))
    newer.listen()
    assert newer.told == []
    assert line.strip().endswith("Set ROS_DISTRO here to theirs (jazzy, kilted, ...).")


def test_a_process_of_another_setting_is_named_in_one_line(node: Node, capfd) -> None:
    lines: list[str] = []
    other = CycloneTransport(DOMAIN, "enclave=/;")
    try:
        writer = other.create_writer(_graph._OWN_TOPIC, TYPE, _graph._WRITER_QOS, f"{MARK}=24;typehash=RIHS01_0;")
        writer.write(bytearray(b"\0\1\0\0" + bytes(28)))
        wait_until(lambda: lines.extend(capfd.readouterr().err.splitlines()) or lines)
        assert node.get_node_names() == ["ours"]
    finally:
        other.close()
    (line,) = lines
    assert line.startswith("[ERROR]")
    assert line.endswith("Set the same for all.")


@pytest.mark.parametrize(
    ("user_data", "size"),
    [({}, 24), ({"typehash": "RIHS01_0"}, 16), ({MARK: "24", "typehash": "RIHS01_0"}, 24), ({MARK: "?"}, 24)],
)
def test_a_peers_gid_size_is_told_by_its_user_data(user_data: dict[str, str], size: int) -> None:
    peer = Endpoint(bytes(16), bytes(16), "ros_discovery_info", TYPE, WireQos(), user_data)
    assert _graph_guard.gid_size(peer) == size


def test_peers_on_fast_dds_are_warned_of_in_one_line(node: Node, make_peer, monkeypatch, capfd) -> None:
    # A participant whose id begins as those of Fast DDS do.
    create = dds.lib.dds_create_participant_guid
    create.argtypes = [dds.c_uint32, dds.c_void_p, dds.c_void_p, dds.c_uint32, dds.c_void_p]

    def create_participant(domain: int, qos: int, listener: None) -> int:
        guid = dds.Guid((dds.ctypes.c_uint8 * 16)(*b"\x01\x0f", *os.urandom(10), *b"\0\0\1\xc1"))
        return create(domain, qos, listener, 0, dds.ctypes.byref(guid))

    monkeypatch.setattr(cyclone.lib, "dds_create_participant", create_participant)
    lines: list[str] = []
    for _ in range(2):
        peer = make_peer(JAZZY)
        wait_until(lambda peer=peer: peer.node_names() == ["ours"])
    wait_until(lambda: lines.extend(capfd.readouterr().err.splitlines()) or lines)
    (line,) = lines
    assert line.startswith("[WARN]")
    assert "use Fast DDS: topics work with them; services, parameters and actions do not" in line
    assert line.endswith("Set RMW_IMPLEMENTATION=rmw_cyclonedds_cpp where they start.")
