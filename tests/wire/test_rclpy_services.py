"""Services and clients."""

from __future__ import annotations

import threading
import time

import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Empty, SetBool, Trigger


def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
    response.success = request.data
    response.message = f"got {request.data}"
    return response


def succeed(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
    return Trigger.Response(success=True)


def ready(node: Node, kind, name: str, **options):
    """A client whose server is there."""
    client = node.create_client(kind, name, **options)
    assert client.wait_for_service(60.0)
    return client


@pytest.fixture
def spun(graph):
    """A second executor for servers, spun in a thread, as calls that wait for their response need it."""
    executor = MultiThreadedExecutor(3, context=graph.context)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield executor
    executor.shutdown()
    thread.join(60.0)
    assert not thread.is_alive()


@pytest.mark.parametrize("data", [True, False])
def test_a_call_gets_its_response(graph, data: bool) -> None:
    graph.node("server").create_service(SetBool, "set", answer)
    future = ready(graph.node("caller"), SetBool, "set").call_async(SetBool.Request(data=data))
    graph.spin_until(future.done)
    assert future.result() == SetBool.Response(success=data, message=f"got {data}")


def test_a_node_may_call_itself(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "~/go", succeed)
    future = ready(node, Trigger, "node/go").call_async(Trigger.Request())
    graph.spin_until(future.done)
    assert future.result().success


def test_a_service_may_have_nothing_to_say(graph) -> None:
    node = graph.node("node")
    node.create_service(Empty, "reset", lambda request, response: response)
    future = ready(node, Empty, "reset").call_async(Empty.Request())
    graph.spin_until(future.done)
    assert future.result() == Empty.Response()


def test_calls_are_answered_in_order(graph) -> None:
    asked: list[bool] = []
    graph.node("server").create_service(SetBool, "set", lambda q, p: (asked.append(q.data), answer(q, p))[1])
    client = ready(graph.node("caller"), SetBool, "set")
    futures = [client.call_async(SetBool.Request(data=i % 3 == 0)) for i in range(6)]
    graph.spin_until(lambda: all(future.done() for future in futures))
    assert asked == [i % 3 == 0 for i in range(6)]
    assert [future.result().success for future in futures] == asked


def test_responses_go_to_the_caller_alone(graph) -> None:
    graph.node("server").create_service(SetBool, "set", answer)
    node = graph.node("callers")
    clients = [ready(node, SetBool, "set") for _ in range(3)]
    futures = [clients[i % 3].call_async(SetBool.Request(data=i % 2 == 0)) for i in range(9)]
    graph.spin_until(lambda: all(future.done() for future in futures))
    assert [future.result().success for future in futures] == [i % 2 == 0 for i in range(9)]


def test_whoever_asked_is_told_of_the_response(graph) -> None:
    graph.node("server").create_service(SetBool, "set", answer)
    told: list[str] = []
    future = ready(graph.node("caller"), SetBool, "set").call_async(SetBool.Request(data=True))
    future.add_done_callback(lambda done: told.append(done.result().message))
    graph.spin_until(lambda: told)
    assert told == ["got True"]


def test_a_service_is_ready_once_its_server_is_there(graph) -> None:
    client = graph.node("caller").create_client(Trigger, "late")
    assert not client.service_is_ready()
    graph.node("server").create_service(Trigger, "late", succeed)
    assert client.wait_for_service(60.0)
    assert client.service_is_ready()


def test_waiting_for_a_service_gives_up_when_its_time_is_over(graph) -> None:
    client = graph.node("caller").create_client(Trigger, "never")
    start = time.monotonic()
    assert not client.wait_for_service(0.05)
    assert time.monotonic() - start >= 0.05


def test_a_service_is_not_ready_when_its_server_is_gone(graph) -> None:
    node = graph.node("server")
    service = node.create_service(Trigger, "late", succeed)
    client = ready(graph.node("caller"), Trigger, "late")
    assert node.destroy_service(service)
    graph.spin_until(lambda: not client.service_is_ready())


def test_a_service_of_another_type_is_not_ready(graph) -> None:
    graph.node("server").create_service(Trigger, "mixed", succeed)
    node = graph.node("caller")
    ready(node, Trigger, "mixed")
    assert not node.create_client(SetBool, "mixed").wait_for_service(0.05)


def test_a_destroyed_service_is_gone(graph) -> None:
    node = graph.node("server")
    service = node.create_service(Trigger, "go", succeed)
    assert node.destroy_service(service)
    assert not node.destroy_service(service)
    assert service not in list(node.services)


def test_a_destroyed_client_is_gone(graph) -> None:
    node = graph.node("caller")
    client = node.create_client(Trigger, "go")
    assert node.destroy_client(client)
    assert not node.destroy_client(client)
    assert list(node.clients) == []


def test_services_are_in_the_graph(graph) -> None:
    node = graph.node("server", namespace="/ns")
    node.create_service(Trigger, "go", succeed)
    caller = graph.node("caller")
    ready(caller, Trigger, "/ns/go")
    graph.spin_until(lambda: ("/ns/go", ["std_srvs/srv/Trigger"]) in caller.get_service_names_and_types())
    graph.spin_until(
        lambda: ("/ns/go", ["std_srvs/srv/Trigger"]) in caller.get_service_names_and_types_by_node("server", "/ns")
    )
    graph.spin_until(
        lambda: ("/ns/go", ["std_srvs/srv/Trigger"]) in node.get_client_names_and_types_by_node("caller", "/")
    )


def test_servers_and_clients_are_counted(graph) -> None:
    node = graph.node("server")
    node.create_service(Trigger, "go", succeed)
    clients = [ready(graph.node(f"caller{i}"), Trigger, "go") for i in range(2)]
    graph.spin_until(lambda: (node.count_services("go"), node.count_clients("/go")) == (1, len(clients)))


def test_a_call_that_waits_gets_its_response(graph, spun) -> None:
    server, caller = graph.node("server", spun=False), graph.node("caller", spun=False)
    for node in (server, caller):
        spun.add_node(node)
    server.create_service(Trigger, "go", succeed)
    assert ready(caller, Trigger, "go").call(Trigger.Request(), timeout_sec=60.0).success


def test_a_call_that_waits_too_long_has_no_response(graph, spun) -> None:
    graph.node("server", spun=False).create_service(Trigger, "never", succeed)
    caller = graph.node("caller", spun=False)
    spun.add_node(caller)
    start = time.monotonic()
    assert ready(caller, Trigger, "never").call(Trigger.Request(), timeout_sec=0.05) is None
    assert time.monotonic() - start >= 0.05


def test_a_late_response_is_dropped(graph, spun) -> None:
    may_answer = threading.Event()
    server, caller = graph.node("server", spun=False), graph.node("caller", spun=False)
    for node in (server, caller):
        spun.add_node(node)

    def late(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        may_answer.wait(60.0)
        return answer(request, response)

    server.create_service(SetBool, "late", late)
    client = ready(caller, SetBool, "late")
    assert client.call(SetBool.Request(data=False), timeout_sec=0.05) is None
    may_answer.set()
    assert client.call(SetBool.Request(data=True), timeout_sec=60.0).success


def test_a_callback_of_a_pool_may_wait_for_a_response(graph, spun) -> None:
    node = graph.node("node", spun=False)
    node.create_service(Trigger, "slow", succeed)
    client = ready(node, Trigger, "slow", callback_group=ReentrantCallbackGroup())
    results: list[bool] = []

    def on_timer() -> None:
        timer.cancel()
        results.append(client.call(Trigger.Request(), timeout_sec=60.0).success)

    timer = node.create_timer(0.01, on_timer, ReentrantCallbackGroup())
    spun.add_node(node)
    deadline = time.monotonic() + 60
    while not results and time.monotonic() < deadline:
        time.sleep(0.01)
    assert results == [True]


def test_an_async_callback_may_await_another_service(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "inner", lambda request, response: Trigger.Response(message="inner"))
    client = ready(node, Trigger, "inner", callback_group=ReentrantCallbackGroup())

    async def outer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        inner = await client.call_async(Trigger.Request())
        response.message = f"outer of {inner.message}"
        return response

    node.create_service(Trigger, "outer", outer, callback_group=ReentrantCallbackGroup())
    future = ready(graph.node("caller"), Trigger, "outer").call_async(Trigger.Request())
    graph.spin_until(future.done)
    assert future.result().message == "outer of inner"


def test_a_request_must_be_of_the_services_type(graph) -> None:
    client = graph.node("caller").create_client(Trigger, "go")
    with pytest.raises(TypeError):
        client.call_async(String())


def test_a_response_must_be_of_the_services_type(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "bad", lambda request, response: None)
    ready(node, Trigger, "bad").call_async(Trigger.Request())
    with pytest.raises(TypeError):
        graph.spin_until(lambda: False)


def test_what_a_service_raises_leaves_spin(graph) -> None:
    def fail(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        raise ValueError("in the service")

    node = graph.node("node")
    node.create_service(Trigger, "fails", fail)
    ready(node, Trigger, "fails").call_async(Trigger.Request())
    with pytest.raises(ValueError, match="in the service"):
        graph.spin_until(lambda: False)
