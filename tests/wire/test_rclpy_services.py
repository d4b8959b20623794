"""Services and clients."""

from __future__ import annotations

import threading
import time

import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from std_msgs.msg import String
from std_srvs.srv import Empty, SetBool, Trigger


def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
    response.success = request.data
    response.message = f"got {request.data}"
    return response


def test_a_call_gets_its_response(graph) -> None:
    graph.node("server").create_service(SetBool, "set", answer)
    client = graph.node("caller").create_client(SetBool, "set")
    assert client.wait_for_service(10.0)
    for data in (True, False):
        future = client.call_async(SetBool.Request(data=data))
        graph.spin_until(future.done)
        assert future.result() == SetBool.Response(success=data, message=f"got {data}")


def test_empty_services_work(graph) -> None:
    node = graph.node("node")
    node.create_service(Empty, "~/reset", lambda request, response: response)
    client = node.create_client(Empty, "node/reset")
    assert client.wait_for_service(10.0)
    future = client.call_async(Empty.Request())
    graph.spin_until(future.done)
    assert future.result() == Empty.Response()


def test_responses_go_to_the_caller_alone(graph) -> None:
    graph.node("server").create_service(SetBool, "set", answer)
    node = graph.node("callers")
    clients = [node.create_client(SetBool, "set") for _ in range(3)]
    assert all(client.wait_for_service(10.0) for client in clients)
    futures = [clients[i % 3].call_async(SetBool.Request(data=i % 2 == 0)) for i in range(9)]
    graph.spin_until(lambda: all(future.done() for future in futures))
    assert [future.result().success for future in futures] == [i % 2 == 0 for i in range(9)]


def test_readiness_follows_the_server(graph) -> None:
    client = graph.node("caller").create_client(Trigger, "late")
    assert not client.service_is_ready()
    assert not client.wait_for_service(0.05)
    node = graph.node("server")
    service = node.create_service(Trigger, "late", lambda request, response: response)
    assert client.wait_for_service(10.0)
    assert ("/late", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types()
    assert node.destroy_service(service)
    graph.spin_until(lambda: not client.service_is_ready())


def test_a_synchronous_call_waits_for_another_threads_executor(graph) -> None:
    graph.node("server").create_service(Trigger, "go", lambda request, response: Trigger.Response(success=True))
    client = graph.node("caller").create_client(Trigger, "go")
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    thread.start()
    assert client.wait_for_service(10.0)
    assert client.call(Trigger.Request(), timeout_sec=10.0).success
    graph.executor.shutdown()
    thread.join(10.0)
    assert not thread.is_alive()


def test_a_synchronous_call_gives_up_when_its_time_is_over(graph) -> None:
    graph.node("server", spun=False).create_service(Trigger, "never", lambda request, response: response)
    client = graph.node("caller").create_client(Trigger, "never")
    assert client.wait_for_service(10.0)
    assert client.call(Trigger.Request(), timeout_sec=0.05) is None


def test_an_async_callback_may_await_another_service(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "inner", lambda request, response: Trigger.Response(success=True, message="inner"))
    client = node.create_client(Trigger, "inner")

    async def outer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        inner = await client.call_async(Trigger.Request())
        response.message = f"outer of {inner.message}"
        return response

    node.create_service(Trigger, "outer", outer, callback_group=ReentrantCallbackGroup())
    caller = graph.node("caller").create_client(Trigger, "outer")
    assert client.wait_for_service(10.0)
    assert caller.wait_for_service(10.0)
    future = caller.call_async(Trigger.Request())
    graph.spin_until(future.done)
    assert future.result().message == "outer of inner"


def test_a_multi_threaded_executor_serves_while_a_callback_waits(graph) -> None:
    executor = MultiThreadedExecutor(3, context=graph.context)
    node = graph.node("node", spun=False)
    executor.add_node(node)
    node.create_service(Trigger, "slow", lambda request, response: Trigger.Response(success=True))
    client = node.create_client(Trigger, "slow", callback_group=ReentrantCallbackGroup())
    results: list[bool] = []

    def on_timer() -> None:
        timer.cancel()
        results.append(client.call(Trigger.Request(), timeout_sec=10.0).success)

    timer = node.create_timer(0.01, on_timer, ReentrantCallbackGroup())
    deadline = time.monotonic() + 15
    while not results and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert results == [True]


def test_wrong_requests_and_responses_are_refused(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "bad", lambda request, response: None)
    client = node.create_client(Trigger, "bad")
    with pytest.raises(TypeError):
        client.call_async(String())
    assert client.wait_for_service(10.0)
    client.call_async(Trigger.Request())
    with pytest.raises(TypeError):
        graph.spin_until(lambda: False, timeout=5.0)
