"""Contexts: their beginning and end, and the nodes and waits that end with them."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
import rclpy
from rclpy.context import Context
from rclpy.exceptions import NotInitializedException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.task import Future


@pytest.fixture
def context(graph):
    context = Context()
    rclpy.init(args=[], context=context, domain_id=graph.domain_id)
    yield context
    rclpy.try_shutdown(context=context)


def test_a_context_is_ok_between_init_and_shutdown(graph) -> None:
    context = Context()
    assert not context.ok()
    rclpy.init(args=[], context=context, domain_id=graph.domain_id)
    assert rclpy.ok(context=context)
    rclpy.shutdown(context=context)
    assert not context.ok()


def test_a_context_is_used_once(context) -> None:
    with pytest.raises(RuntimeError):
        context.init(args=[])
    rclpy.shutdown(context=context)
    with pytest.raises(RuntimeError):
        context.init(args=[])


def test_a_context_knows_its_domain(graph, context) -> None:
    assert context.get_domain_id() == graph.domain_id


def test_a_context_without_init_has_no_domain() -> None:
    with pytest.raises(RuntimeError):
        Context().get_domain_id()


def test_a_negative_domain_is_refused() -> None:
    with pytest.raises(RuntimeError):
        Context().init(args=[], domain_id=-1)


def test_a_node_needs_an_initialised_context() -> None:
    with pytest.raises(NotInitializedException):
        rclpy.create_node("node", context=Context())


def test_a_node_needs_a_context_that_is_not_shut_down(context) -> None:
    rclpy.shutdown(context=context)
    with pytest.raises(NotInitializedException):
        rclpy.create_node("node", context=context)


def test_shutting_down_twice_is_an_error(context) -> None:
    rclpy.shutdown(context=context)
    with pytest.raises(RuntimeError):
        rclpy.shutdown(context=context)


def test_shutting_down_what_never_began_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        rclpy.shutdown(context=Context())


def test_trying_to_shut_down_may_be_repeated(context) -> None:
    for _ in range(2):
        rclpy.try_shutdown(context=context)
    assert not context.ok()


def test_whoever_asked_is_told_of_the_end_once(context) -> None:
    told: list[int] = []
    context.on_shutdown(lambda: told.append(1))
    rclpy.shutdown(context=context)
    rclpy.try_shutdown(context=context)
    assert told == [1]


def test_after_the_end_it_is_told_at_once(context) -> None:
    rclpy.shutdown(context=context)
    told: list[int] = []
    context.on_shutdown(lambda: told.append(1))
    assert told == [1]


def test_only_functions_can_be_told() -> None:
    with pytest.raises(TypeError):
        Context().on_shutdown("no function")  # type: ignore[arg-type]


def test_two_contexts_end_apart(graph, context) -> None:
    node = graph.node("node")
    rclpy.shutdown(context=context)
    assert graph.context.ok()
    assert node.get_name() == "node"


def test_nodes_of_two_contexts_see_each_other(graph, context) -> None:
    node, other = graph.node("one"), rclpy.create_node("two", context=context)
    graph.spin_until(lambda: set(node.get_node_names()) == {"one", "two"})
    graph.spin_until(lambda: set(other.get_node_names()) == {"one", "two"})


def test_the_end_of_the_context_ends_spin_in_another_thread(graph, context) -> None:
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(rclpy.create_node("node", context=context))
    ended = threading.Event()

    def spin() -> None:
        with suppress(ExternalShutdownException):  # raised where the end comes while it waits
            executor.spin()
        ended.set()

    threading.Thread(target=spin, daemon=True).start()
    assert not ended.wait(0.1)
    rclpy.try_shutdown(context=context)
    assert ended.wait(60.0)


def test_the_end_of_the_context_ends_a_wait_for_a_future(graph, context) -> None:
    executor = SingleThreadedExecutor(context=context)
    node = rclpy.create_node("node", context=context)
    executor.add_node(node)
    node.create_timer(0.001, context.try_shutdown)
    executor.spin_until_future_complete(Future())
    assert not context.ok()
