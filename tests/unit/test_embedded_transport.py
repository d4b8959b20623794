"""The transport by itself: serialized samples between participants over DDS."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from embedded_ros.cli.main import main
from embedded_ros.transport import cyclone, libddsc, sample_route
from embedded_ros.transport.cyclone import CycloneReader, CycloneTransport, CycloneWriter
from embedded_ros.transport.cyclone_config import MOST_PROCESSES, configuration
from embedded_ros.transport.events import EventKind, MatchChange, UnsupportedEventError
from embedded_ros.transport.interface import Sample, TransportError, WireQos
from embedded_ros.transport.library_samples import LibrarySamples
from embedded_ros.transport.sample_route import SampleRoute
from embedded_ros.transport.wheel_samples import WheelSamples
from helpers.domain import own_domain
from helpers.waiting import wait_until

DOMAIN = own_domain()
TYPE = "std_msgs::msg::dds_::String_"


def opened(route: type[SampleRoute], monkeypatch: pytest.MonkeyPatch) -> CycloneTransport:
    with monkeypatch.context() as patch:
        patch.setattr(cyclone, "sample_route", lambda participant: route())
        return CycloneTransport(DOMAIN, "enclave=/;")


@pytest.fixture(
    params=[(LibrarySamples, LibrarySamples), (WheelSamples, WheelSamples), (LibrarySamples, WheelSamples)],
    ids=["library", "wheel", "library to wheel"],
)
def transports(request, monkeypatch) -> Iterator[tuple[CycloneTransport, CycloneTransport]]:
    """Two participants, whose samples go by the same route or by both."""
    sender, receiver = (opened(route, monkeypatch) for route in request.param)
    yield sender, receiver
    sender.close()
    receiver.close()


def connect(
    transports: tuple[CycloneTransport, CycloneTransport], offered: WireQos, wanted: WireQos
) -> tuple[CycloneWriter, CycloneReader]:
    writer = transports[0].create_writer("rt/x", TYPE, offered, "typehash=h;")
    reader = transports[1].create_reader("rt/x", TYPE, wanted, "")
    return writer, reader


def sample(number: int, size: int = 4) -> bytearray:
    return bytearray(b"\0\1\0\0") + number.to_bytes(size, "little")


def take_one(reader: CycloneReader) -> Sample:
    taken: list[Sample] = []
    wait_until(lambda: taken.extend(filter(None, [reader.take()])) or taken)
    return taken[0]


def take_all(reader: CycloneReader) -> list[int]:
    found = []
    while got := reader.take():
        found.append(int.from_bytes(got.data[4:], "little"))
    return found


def test_samples_arrive_whole_with_their_time_and_writer(transports) -> None:
    writer, reader = connect(transports, WireQos(), WireQos())
    wait_until(writer.matched)
    before = time.time_ns()
    for size in (1, 2, 3, 5, 70_000, 9_800_000):  # odd sizes, several fragments, a large cloud
        data = sample(200, size)
        writer.write(data)
        got = take_one(reader)
        assert got.data == data
        assert got.writer == writer.handle
        assert before <= got.source_timestamp_ns <= time.time_ns()


def test_a_reader_keeps_the_last_samples_up_to_its_depth(transports) -> None:
    writer, reader = connect(transports, WireQos(depth=1), WireQos(depth=3))
    wait_until(writer.matched)
    for number in range(9):
        writer.write(sample(number))
    assert take_all(reader) == [6, 7, 8]


def test_depth_zero_keeps_all(transports) -> None:
    writer, reader = connect(transports, WireQos(depth=0), WireQos(depth=0))
    wait_until(writer.matched)
    for number in range(500):
        writer.write(sample(number))
    assert take_all(reader) == list(range(500))


def test_transient_local_reaches_late_readers_up_to_the_writers_depth(transports) -> None:
    offered = WireQos(depth=2, transient_local=True)
    writer = transports[0].create_writer("rt/x", TYPE, offered, "")
    for number in range(5):
        writer.write(sample(number))
    late = transports[1].create_reader("rt/x", TYPE, WireQos(depth=9, transient_local=True), "")
    volatile = transports[1].create_reader("rt/x", TYPE, WireQos(depth=9), "")
    found: list[int] = []
    wait_until(lambda: found.extend(take_all(late)) or len(found) >= 2)
    assert found == [3, 4]
    assert take_all(volatile) == []


@pytest.mark.parametrize(
    ("offered", "wanted", "matches"),
    [
        (WireQos(), WireQos(reliable=False), True),
        (WireQos(reliable=False), WireQos(), False),
        (WireQos(transient_local=True), WireQos(), True),
        (WireQos(), WireQos(transient_local=True), False),
        (WireQos(deadline_ns=10**8), WireQos(deadline_ns=10**9), True),
        (WireQos(deadline_ns=10**9), WireQos(deadline_ns=10**8), False),
        (WireQos(), WireQos(liveliness_manual=True), False),
    ],
)
def test_endpoints_match_where_the_offer_meets_the_request(transports, offered, wanted, matches) -> None:
    writer, reader = connect(transports, offered, wanted)
    sure = transports[1].create_reader("rt/x", TYPE, WireQos(reliable=False), "")
    wait_until(sure.matched)
    assert bool(reader.matched()) == matches
    assert len(writer.matched()) == 1 + matches


def test_endpoints_of_two_types_do_not_match(transports) -> None:
    writer = transports[0].create_writer("rt/x", TYPE, WireQos(), "")
    other = transports[1].create_reader("rt/x", TYPE.replace("String", "Int32"), WireQos(), "")
    same = transports[1].create_reader("rt/x", TYPE, WireQos(), "")
    wait_until(same.matched)
    assert other.matched() == []
    assert len(writer.matched()) == 1


def test_a_waiter_tells_of_new_data_once_and_of_a_wake(transports) -> None:
    writer, reader = connect(transports, WireQos(), WireQos())
    waiter = transports[1].create_waiter()
    waiter.attach(reader, "reader")
    wait_until(writer.matched)
    writer.write(sample(1))
    assert waiter.wait(5.0) == ["reader"]
    assert waiter.wait(0.0) == []  # nothing new, although the sample still waits
    assert take_all(reader) == [1]
    writer.write(sample(2))
    assert waiter.wait(5.0) == ["reader"]
    waiter.wake()
    assert waiter.wait(None) == []
    waiter.detach("reader")
    writer.write(sample(3))
    assert waiter.wait(0.05) == []
    waiter.close()


def test_a_waiter_tells_events_apart_from_data(transports) -> None:
    writer, reader = connect(transports, WireQos(), WireQos())
    waiter = transports[1].create_waiter()
    matched = reader.events(EventKind.MATCHED)
    waiter.attach(reader, "data")
    waiter.attach(matched, "matched")
    wait_until(matched.take)
    waiter.wait(0.0)
    writer.write(sample(1))
    assert waiter.wait(5.0) == ["data"]
    other = transports[0].create_writer("rt/x", TYPE, WireQos(), "")
    assert waiter.wait(5.0) == ["matched"]
    assert matched.take() == MatchChange(2, 1, 2, 1)
    assert matched.take() is None
    waiter.detach("matched")
    other.close()
    wait_until(lambda: len(reader.matched()) == 1)
    assert waiter.wait(0.0) == []
    writer.write(sample(2))
    assert waiter.wait(5.0) == ["data"]
    waiter.close()


def test_events_that_an_endpoint_never_has_are_refused(transports) -> None:
    writer, _ = connect(transports, WireQos(), WireQos())
    with pytest.raises(UnsupportedEventError, match="message lost"):
        writer.events(EventKind.MESSAGE_LOST)


def test_discovery_tells_topic_type_qos_and_user_data(transports) -> None:
    offered = WireQos(depth=7, transient_local=True, deadline_ns=10**9, lifespan_ns=2 * 10**9)
    writer = transports[0].create_writer("rt/seen", TYPE, offered, "clientid=1.2;typehash=RIHS01_a;")

    def seen() -> list:
        return transports[1].writers("rt/seen")

    wait_until(seen)
    (found,) = seen()
    assert (found.gid, found.participant, found.type_name) == (writer.gid, transports[0].gid, TYPE)
    assert found.user_data == {"clientid": "1.2", "typehash": "RIHS01_a"}
    assert found.qos == offered
    writer.close()
    wait_until(lambda: not seen())


def test_discovery_tells_every_endpoint_of_a_large_graph(transports) -> None:
    names = {f"rt/topic{i}" for i in range(200)}
    for name in names:
        transports[0].create_writer(name, TYPE, WireQos(), "")
    wait_until(lambda: names <= {endpoint.topic for endpoint in transports[1].writers()})


def test_domains_are_apart(transports) -> None:
    writer = transports[0].create_writer("rt/x", TYPE, WireQos(), "")
    other = CycloneTransport(DOMAIN + 1, "enclave=/;")
    try:
        other.create_reader("rt/x", TYPE, WireQos(), "")
        near = transports[1].create_reader("rt/x", TYPE, WireQos(), "")
        wait_until(near.matched)
        assert len(writer.matched()) == 1
        assert not other.writers("rt/x")
    finally:
        other.close()


def test_entities_come_and_go_without_leaving_anything(transports) -> None:
    def endpoints() -> int:
        return len(transports[0].writers()) + len(transports[0].readers())

    before = endpoints()
    for _ in range(200):
        writer, reader = connect(transports, WireQos(), WireQos())
        writer.close()
        reader.close()
    wait_until(lambda: endpoints() == before)


def test_the_librarys_own_way_is_taken_where_it_works(transports) -> None:
    assert isinstance(sample_route.sample_route(transports[0]._participant), LibrarySamples)


def test_a_missing_function_is_named_in_one_line_and_the_wheels_way_taken(transports, monkeypatch, caplog) -> None:
    monkeypatch.setattr(sample_route, "_route", None)
    monkeypatch.setattr(libddsc, "missing", ["dds_takecdr"])
    for _ in range(2):
        assert isinstance(sample_route.sample_route(transports[0]._participant), WheelSamples)
    (record,) = caplog.records
    assert record.getMessage().startswith("the DDS library has no dds_takecdr: messages take the slower way")


def test_a_function_that_does_something_else_is_noticed(transports, monkeypatch) -> None:
    def swap(serialized: int, offset: int, size: int, target: int) -> None:
        pass

    monkeypatch.setattr(libddsc.quick, "ddsi_serdata_to_ser", swap)
    with pytest.raises(TransportError, match="changes serialized samples"):
        LibrarySamples().check(transports[0]._participant)


def test_a_wrong_version_of_the_library_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libddsc.metadata, "version", lambda name: "0.10.5")
    with pytest.raises(TransportError, match=r"cyclonedds 0\.10\.5 is installed, 11\.0\.\* is needed"):
        libddsc._load()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the variables that discovery goes by; the others of them are unset."""

    def set_only(**variables: str) -> None:
        for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY", "CYCLONEDDS_URI"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_only


def test_the_machine_is_the_limit_unless_told_otherwise(environment) -> None:
    environment()
    assert "127.0.0.1" in configuration()
    assert "<AllowMulticast>false" in configuration()
    assert '<Peers><Peer address="localhost"/></Peers>' in configuration()
    assert "<SPDPInterval>1s" in configuration()
    environment(ROS_AUTOMATIC_DISCOVERY_RANGE="subnet")
    assert "SPDPInterval" not in configuration()
    assert "127.0.0.1" not in configuration()
    assert "AllowMulticast" not in configuration()
    assert "Peer " not in configuration()
    environment(ROS_AUTOMATIC_DISCOVERY_RANGE="galaxy")
    with pytest.raises(TransportError, match="GALAXY is not one of LOCALHOST, SUBNET"):
        configuration()


def test_static_peers_widen_a_range_but_not_off_and_system_default(environment) -> None:
    peers = '<Peer address="robot"/><Peer address="10.0.0.7"/>'
    for reach, expected in (("LOCALHOST", True), ("SUBNET", True), ("OFF", False), ("SYSTEM_DEFAULT", False)):
        environment(ROS_AUTOMATIC_DISCOVERY_RANGE=reach, ROS_STATIC_PEERS="robot;10.0.0.7")
        assert (peers in configuration()) == expected
    environment(ROS_STATIC_PEERS='a"/><b')
    assert "<Peer address='a\"/&gt;&lt;b'/>" in configuration()


def test_humbles_variable_keeps_to_the_machine_whatever_else_is_set(environment) -> None:
    environment(ROS_LOCALHOST_ONLY="1", ROS_AUTOMATIC_DISCOVERY_RANGE="SUBNET", ROS_STATIC_PEERS="robot")
    assert "127.0.0.1" in configuration()
    assert "robot" not in configuration()
    environment(ROS_LOCALHOST_ONLY="0", ROS_AUTOMATIC_DISCOVERY_RANGE="SUBNET")
    assert "127.0.0.1" not in configuration()


def test_a_cyclonedds_uri_is_used_as_it_is_or_after_what_the_range_asks(environment) -> None:
    environment(CYCLONEDDS_URI="file:///etc/cyclone.xml")
    assert configuration().endswith(",file:///etc/cyclone.xml")
    assert "AllowMulticast" not in configuration()
    assert "ParticipantIndex" not in configuration()
    environment(CYCLONEDDS_URI="file:///etc/cyclone.xml", ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    assert "<AllowMulticast>false" in configuration()
    assert "NetworkInterface" not in configuration()  # the URI may name one
    assert configuration().endswith(",file:///etc/cyclone.xml")


def test_switched_off_discovery_finds_nobody_of_another_process(environment) -> None:
    environment()
    seen = f"""
        import time
        from embedded_ros.transport.cyclone import CycloneTransport
        from embedded_ros.transport.interface import WireQos
        transport = CycloneTransport({DOMAIN}, "enclave=/;")
        transport.create_writer("rt/x", {TYPE!r}, WireQos(), "")
        print("ready", flush=True)
        time.sleep(1000)
    """
    off = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}
    processes = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(seen)], env=made, stdout=subprocess.PIPE)
        for made in (off, dict(os.environ))
    ]
    try:
        for process in processes:
            assert process.stdout
            process.stdout.readline()
        transport = CycloneTransport(DOMAIN, "enclave=/;")
        wait_until(transport.writers)
        time.sleep(0.2)  # a tenth of it is enough for the one that is found
        assert len(transport.writers()) == 1
        transport.close()
    finally:
        for process in processes:
            process.kill()
            process.wait(10)


def test_a_full_domain_is_refused_in_one_line(monkeypatch, capfd) -> None:
    held = []
    try:
        for index in range(MOST_PROCESSES):
            held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):  # taken by somebody else: as good
                held[-1].bind(("", 7400 + 250 * DOMAIN + 10 + 2 * index))
        with pytest.raises(TransportError, match=rf"domain {DOMAIN}: 32 processes .* choose another ROS_DOMAIN_ID$"):
            CycloneTransport(DOMAIN, "enclave=/;")
        monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
        assert main(["topic", "list"]) == 1
        assert capfd.readouterr().err.splitlines()[-1].startswith(f"DDS cannot open domain {DOMAIN}: 32 processes")
    finally:
        for each in held:
            each.close()
    CycloneTransport(DOMAIN, "enclave=/;").close()


def test_settings_that_cannot_be_read_are_named(environment) -> None:
    environment(CYCLONEDDS_URI="<CycloneDDS><Nonsense/></CycloneDDS>")
    with pytest.raises(TransportError, match="check CYCLONEDDS_URI"):
        CycloneTransport(DOMAIN, "enclave=/;")
