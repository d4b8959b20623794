"""What must not shake a node of the embedded runtime: bytes that are no message, entities that come and go by the
thousand, peers that die."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rclpy
from embedded_ros.interfaces import cdr
from embedded_ros.interfaces.definition import InterfaceError
from embedded_ros.interfaces.message import message_class
from embedded_ros.interfaces.registry import all_packages, package_names
from embedded_ros.transport.interface import ClosedError, TransportError
from embedded_ros.transport.libddsc import CYCLONEDDS_HANDLE, lib
from helpers.domain import own_domain
from helpers.graph import Graph, graph
from helpers.random_messages import random_message
from hypothesis import given, settings
from hypothesis import strategies as st
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.qos import HistoryPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState, PointCloud2
from std_msgs.msg import String
from std_srvs.srv import SetBool

KEEP_ALL = QoSProfile(history=HistoryPolicy.KEEP_ALL)
HUGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x00FFFFFF)


# --- bytes that are no message


@cache
def every_type() -> list[str]:
    """All messages that are known, and both halves of all services."""
    names = [f"{package}/msg/{name}" for package in all_packages() for name in package_names(package, "msg")]
    for package in all_packages():
        for name in package_names(package, "srv"):
            names += [f"{package}/srv/{name}_Request", f"{package}/srv/{name}_Response"]
    return [name for name in names if is_supported(name)]


def is_supported(name: str) -> bool:
    with suppress(InterfaceError):  # wstring
        message_class(name)
        return True
    return False


def damage(data: bytes | bytearray, rng: random.Random) -> bytes:
    """Truncated, some bytes or an aligned number changed, under another encapsulation, or nothing but noise."""
    damaged = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        del damaged[rng.randrange(len(damaged)) :]
    elif kind == 1:
        for _ in range(rng.randrange(1, 5)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    elif kind == 2:
        place = 4 * rng.randrange(1, 1 + len(damaged) // 4)
        damaged[place : place + 4] = rng.choice(HUGE).to_bytes(4, "little")
    elif kind == 3:
        damaged[:2] = rng.choice((b"\0\0", b"\0\2", b"\0\3", b"\0\6", b"\0\7", b"\1\0", b"\xff\xff"))
    else:
        damaged[4:] = rng.randbytes(rng.randrange(200))
    return bytes(damaged)


@settings(max_examples=1000)
@given(number=st.integers(0, 10**6), seed=st.integers(0, 2**64))
def test_damaged_bytes_of_any_type_are_a_message_or_refused(number: int, seed: int) -> None:
    rng = random.Random(seed)
    name = every_type()[number % len(every_type())]
    damaged = damage(cdr.serialize(random_message(name, rng)), rng)
    with suppress(cdr.CdrError):
        assert isinstance(cdr.deserialize(damaged, message_class(name)), message_class(name))


def test_a_length_takes_no_more_memory_than_the_data_hold() -> None:
    tracemalloc.start()
    try:
        for name in every_type():
            data = cdr.serialize(random_message(name, random.Random(0)))
            for place in range(4, min(len(data), 100) - 3, 4):
                before = data[place : place + 4]
                data[place : place + 4] = HUGE[place // 4 % len(HUGE)].to_bytes(4, "little")
                tracemalloc.reset_peak()
                start, _ = tracemalloc.get_traced_memory()
                with suppress(cdr.CdrError):
                    cdr.deserialize(data, message_class(name))
                _, peak = tracemalloc.get_traced_memory()
                assert peak - start < 2**20, f"{name}: {peak - start} bytes for {len(data)}, length at {place}"
                data[place : place + 4] = before
    finally:
        tracemalloc.stop()


class RawPeer:
    """A process that writes whatever bytes it is given, as a broken or foreign program might."""

    CODE = """
        import json, sys, time
        from embedded_ros.transport.cyclone import CycloneTransport
        from embedded_ros.transport.interface import TransportError, WireQos
        transport, writers = CycloneTransport(int(sys.argv[1]), "enclave=/;"), []
        for line in sys.stdin:
            topic, type_name, payloads, transient_local, user_data = json.loads(line)
            qos = WireQos(depth=0, transient_local=transient_local)
            writers.append(transport.create_writer(topic, type_name, qos, user_data))
            while not writers[-1].matched():
                time.sleep(0.01)
            sent = 0
            for payload in payloads:
                try:
                    writers[-1].write(bytearray.fromhex(payload))
                    sent += 1
                except TransportError:
                    pass  # the middleware lets not even this onto the wire
            print(sent, flush=True)
    """

    def __init__(self, domain: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(self.CODE), str(domain)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def write(
        self, topic: str, type_name: str, payloads: list[bytes], transient_local: bool = False, user_data: str = ""
    ) -> int:
        """Writes all as soon as a reader is there; how many went onto the wire."""
        assert self._process.stdin
        assert self._process.stdout
        job = [topic, type_name, [payload.hex() for payload in payloads], transient_local, user_data]
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A node, spun as long as the module's tests of damaged bytes last."""
    with graph(tmp_path_factory.mktemp("shaken")) as made:
        yield made


@pytest.fixture(scope="module")
def raw_peer(shaken: Graph) -> Iterator[RawPeer]:
    peer = RawPeer(shaken.domain)
    yield peer
    peer.close()


def damaged_forms(name: str, count: int, prefix: bytes = b"") -> list[bytes]:
    rng = random.Random(name)
    return [damage(cdr.serialize(random_message(name, rng), prefix), rng) for _ in range(count)]


def dropped_lines(text: str, what: str) -> int:
    return sum(f"dropped {what}: " in line for line in text.splitlines())


@pytest.mark.parametrize("message_type", [String, JointState, PointCloud2, Clock])
def test_damaged_messages_are_dropped_counted_and_logged_once(
    message_type: Any, shaken: Graph, raw_peer: RawPeer, capfd: pytest.CaptureFixture[str]
) -> None:
    name = message_type.definition.name
    package, _, short = name.split("/")
    received: list[Any] = []
    subscription = shaken.node.create_subscription(message_type, f"/{short}", received.append, KEEP_ALL)
    last = random_message(name, random.Random("last"))
    sent = raw_peer.write(
        f"rt/{short}", f"{package}::msg::dds_::{short}_", [*damaged_forms(name, 200), bytes(cdr.serialize(last))]
    )
    assert shaken.spin_until(lambda: last in received)
    assert subscription._dropped.count > 10
    assert subscription._dropped.count + len(received) == sent
    assert dropped_lines(capfd.readouterr().err, f"a message on /{short}") == 1


def test_damaged_requests_are_dropped_and_the_service_answers_on(
    shaken: Graph, raw_peer: RawPeer, capfd: pytest.CaptureFixture[str]
) -> None:
    served: list[bool] = []

    def serve(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        served.append(request.data)
        return response

    service = shaken.node.create_service(SetBool, "/shaken", serve, qos_profile=KEEP_ALL)
    payloads = damaged_forms("std_srvs/srv/SetBool_Request", 50, bytes(16))
    sent = raw_peer.write("rq/shakenRequest", "std_srvs::srv::dds_::SetBool_Request_", payloads)
    assert isinstance(shaken.call(SetBool, "/shaken"), SetBool.Response)
    assert shaken.spin_until(lambda: service._dropped.count + len(served) == sent + 1)
    assert service._dropped.count > 5
    assert dropped_lines(capfd.readouterr().err, "a request to /shaken") == 1


def test_damaged_requests_leave_the_parameters_alone(shaken: Graph, raw_peer: RawPeer) -> None:
    before = {name: value.value for name, value in shaken.node.get_parameters_by_prefix("").items()}
    payloads = damaged_forms("rcl_interfaces/srv/SetParameters_Request", 50, bytes(16))
    raw_peer.write("rq/test/set_parametersRequest", "rcl_interfaces::srv::dds_::SetParameters_Request_", payloads)
    nonsense = ParameterMessage(name="use_sim_time", value=ParameterValue(type=234))
    response = shaken.call(SetParameters, "/test/set_parameters", SetParameters.Request(parameters=[nonsense]))
    assert [(result.successful, result.reason) for result in response.results] == [
        (False, "234 is not a valid Parameter.Type")
    ]
    assert {name: value.value for name, value in shaken.node.get_parameters_by_prefix("").items()} == before


def test_damaged_replies_are_dropped_and_the_right_one_is_taken(
    shaken: Graph, raw_peer: RawPeer, capfd: pytest.CaptureFixture[str]
) -> None:
    client = shaken.node.create_client(SetBool, "/elsewhere", qos_profile=KEEP_ALL)
    future = client.call_async(SetBool.Request(data=True))
    header = client._writer.handle.to_bytes(8, "little") + (1).to_bytes(8, "little")
    right = cdr.serialize(SetBool.Response(success=True, message="right"), header)
    truncated = [bytes(right[:size]) for size in range(5, len(right) - 1)]
    raw_peer.write("rr/elsewhereReply", "std_srvs::srv::dds_::SetBool_Response_", [*truncated, bytes(right)])
    assert shaken.spin_until(future.done)
    assert future.result() == SetBool.Response(success=True, message="right")
    assert client._dropped.count == len(truncated)
    assert dropped_lines(capfd.readouterr().err, "a reply of /elsewhere") == 1


def test_damaged_graph_information_is_passed_over(shaken: Graph, raw_peer: RawPeer) -> None:
    name = "rmw_dds_common/msg/ParticipantEntitiesInfo"
    type_name = "rmw_dds_common::msg::dds_::ParticipantEntitiesInfo_"
    # Only who has this mark of ROS 2's present age is listened to.
    sent = raw_peer.write("ros_discovery_info", type_name, damaged_forms(name, 100), True, "typehash=RIHS01_0;")
    assert sent > 50
    context = Context()
    rclpy.init(args=[], context=context, domain_id=shaken.domain)
    try:
        rclpy.create_node("late", context=context)
        assert shaken.spin_until(lambda: {"test", "late"} <= set(shaken.node.get_node_names()))
    finally:
        rclpy.shutdown(context=context)


def test_bytes_that_cannot_go_onto_the_wire_are_refused(shaken: Graph) -> None:
    publisher = shaken.node.create_publisher(String, "/refused", 10)
    for payload in (b"", b"\0\1\0", b"\xff\xff\0\0\1\0\0\0\0"):
        with pytest.raises(TransportError, match=f"cannot take a message of {len(payload)} bytes"):
            publisher.publish(payload)


# --- entities that come and go


def dds_entities(of: int = CYCLONEDDS_HANDLE) -> int:
    """How many entities of the DDS library live in this process below one, itself included."""
    children = (ctypes.c_int32 * 4096)()
    count = lib.dds_get_children(of, children, len(children))
    return 1 + sum(map(dds_entities, children[: max(0, count)]))


def in_use() -> dict[str, int]:
    """What a process can run out of, except memory."""
    return {
        "DDS entities": dds_entities(),
        "file descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }


def memory() -> int:
    """Bytes of memory that the process occupies."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def entities_of_a_node(made: Graph) -> None:
    node = made.node
    publisher = node.create_publisher(String, "/chatter", 10)
    subscription = node.create_subscription(String, "/chatter", lambda message: None, 10)
    service = node.create_service(SetBool, "/switch", lambda request, response: response)
    client = node.create_client(SetBool, "/switch")
    timer = node.create_timer(1e-6, lambda: None)
    rate = node.create_rate(1000.0)
    guard = node.create_guard_condition(lambda: None)
    publisher.publish(String(data="there"))
    client.call_async(SetBool.Request())
    made.spin_for(0.0)
    node.destroy_guard_condition(guard)
    node.destroy_rate(rate)
    node.destroy_timer(timer)
    node.destroy_client(client)
    node.destroy_service(service)
    node.destroy_subscription(subscription)
    node.destroy_publisher(publisher)


def whole_nodes(made: Graph) -> None:
    node = rclpy.create_node("passing", context=made.node.context)
    made.node.executor.add_node(node)
    made.spin_for(0.0)
    node.destroy_node()


def contexts(made: Graph) -> None:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=made.domain)
    rclpy.shutdown(context=context)


def growth(made: Graph, come_and_go: Callable[[Graph], None], cycles: int) -> int:
    """Bytes by which so many cycles have made the process larger, when everything else is as before."""
    before, memory_before = in_use(), memory()
    for _ in range(cycles):
        come_and_go(made)
    assert made.spin_until(lambda: in_use() == before), f"{before} became {in_use()}"
    return memory() - memory_before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts with /proc")
@pytest.mark.parametrize("come_and_go", [entities_of_a_node, whole_nodes, contexts])
@pytest.mark.parametrize("cycles", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_what_comes_and_goes_leaves_nothing_behind(
    cycles: int, come_and_go: Callable[[Graph], None], tmp_path: Path
) -> None:
    with graph(tmp_path) as made:
        made.spin_for(0.0)  # an executor's first wait makes what it waits with
        for _ in range(20):
            come_and_go(made)
        # What tests before it have left may move the process's memory, too; a leak goes on.
        assert any(growth(made, come_and_go, cycles) < 2**20 for _ in range(3))


def test_a_context_forgets_the_rates_that_are_gone(tmp_path: Path) -> None:
    with graph(tmp_path) as made:
        for _ in range(100):
            made.node.destroy_rate(made.node.create_rate(1000.0))
            gc.collect(0)
        assert len(made.node.context._callbacks) < 10


def test_a_closed_endpoint_has_no_peers_takes_nothing_and_cannot_be_watched(shaken: Graph) -> None:
    publisher = shaken.node.create_publisher(String, "/closed", 10)
    subscription = shaken.node.create_subscription(String, "/closed", lambda message: None, 10)
    writer, reader = publisher._writer, subscription._reader
    assert shaken.spin_until(lambda: bool(writer.matched() and reader.matched()))
    publisher.destroy()
    subscription.destroy()
    assert (writer.matched(), reader.matched(), reader.take()) == ([], [], None)
    with pytest.raises(ClosedError, match="the writer is closed"):
        writer.write(cdr.serialize(String()))
    waiter = shaken.node.context._transport.create_waiter()
    with pytest.raises(ClosedError, match="an endpoint that is closed"):
        waiter.attach(reader, "key")
    waiter.close()


# Threads take turns as often as they can. A crash would take the test run with it, hence a process of its own.
IN_THREADS = """
    import sys, threading, time, rclpy
    from rclpy.exceptions import InvalidHandle
    from rclpy.executors import MultiThreadedExecutor
    from std_msgs.msg import Float64MultiArray
    from std_srvs.srv import SetBool
    sys.setswitchinterval(1e-6)
    rclpy.init(args=[])
    node = rclpy.create_node("busy")
    message = Float64MultiArray(data=[0.0] * 1000)
    refused, ticks = [], []

    def publish(publisher):
        try:
            while True:
                publisher.publish(message)
        except InvalidHandle:
            refused.append(True)

    node.create_timer(0.001, lambda: ticks.append(True))
    client = node.create_client(SetBool, "busy")
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    spinning = threading.Thread(target=executor.spin)
    spinning.start()
    for _ in range(60):
        publisher = node.create_publisher(Float64MultiArray, "busy", 10)
        subscription = node.create_subscription(Float64MultiArray, "busy", lambda message: None, 10)
        service = node.create_service(SetBool, "busy", lambda request, response: response)
        for _ in range(5):
            client.call_async(SetBool.Request())
        publishing = [threading.Thread(target=publish, args=(publisher,)) for _ in range(2)]
        for thread in publishing:
            thread.start()
        time.sleep(0.001)
        node.destroy_publisher(publisher)
        node.destroy_subscription(subscription)
        node.destroy_service(service)
        for thread in publishing:
            thread.join()
    before = len(ticks)
    while len(ticks) < before + 10:
        assert spinning.is_alive()
        time.sleep(0.001)
    assert len(refused) == 120
    executor.shutdown()
    spinning.join()
    rclpy.shutdown()
"""


def test_threads_destroy_what_others_use() -> None:
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(IN_THREADS)],
        env={**os.environ, "ROS_DOMAIN_ID": str(own_domain())},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (child.returncode, child.stderr) == (0, "")


# --- peers that die

PEER = """
    import rclpy
    from std_msgs.msg import String
    from std_srvs.srv import SetBool
    rclpy.init()
    node = rclpy.create_node("mortal")
    publisher = node.create_publisher(String, "/said", 10)
    node.create_subscription(String, "/heard", lambda message: None, 10)
    node.create_service(SetBool, "/served", lambda request, response: response)
    rclpy.spin(node)
"""
# How long a silent process counts as alive; the others learn it from the process itself. By default 10 s.
SHORT_LEASE = """<CycloneDDS><Domain>
    <General><Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces></General>
    <Discovery><LeaseDuration>1s</LeaseDuration></Discovery>
</Domain></CycloneDDS>"""


def test_a_killed_peer_is_noticed(tmp_path: Path) -> None:
    with graph(tmp_path) as made:
        node = made.node
        publisher = node.create_publisher(String, "/heard", 10)
        subscription = node.create_subscription(String, "/said", lambda message: None, 10)
        client = node.create_client(SetBool, "/served")

        def seen() -> list[object]:
            return [
                publisher.get_subscription_count(),
                subscription.get_publisher_count(),
                client.service_is_ready(),
                "mortal" in node.get_node_names(),
                node.count_subscribers("/heard"),
                node.count_services("/served"),
            ]

        peer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PEER)],
            env={
                **os.environ,
                "ROS_DOMAIN_ID": str(made.domain),
                "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
                "CYCLONEDDS_URI": SHORT_LEASE,
            },
        )
        try:
            assert made.spin_until(lambda: seen() == [1, 1, True, True, 1, 1])
            peer.send_signal(signal.SIGKILL)
            assert made.spin_until(lambda: seen() == [0, 0, False, False, 0, 0]), seen()
        finally:
            peer.kill()
            peer.wait()
