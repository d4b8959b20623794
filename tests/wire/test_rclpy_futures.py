"""Futures, and the tasks by which an executor runs functions and coroutines."""

from __future__ import annotations

import threading
import time

import pytest
from rclpy.task import Future


def test_a_future_is_not_done_before_its_result() -> None:
    future = Future()
    assert not future.done()
    assert future.result() is None
    future.set_result(3)
    assert (future.done(), future.result(), future.exception()) == (True, 3, None)


def test_a_future_raises_its_exception() -> None:
    future = Future()
    future.set_exception(KeyError("x"))
    assert future.done()
    assert isinstance(future.exception(), KeyError)
    with pytest.raises(KeyError):
        future.result()


def test_a_future_can_be_cancelled() -> None:
    future = Future()
    future.cancel()
    assert future.cancelled()


def test_a_done_future_cannot_be_cancelled() -> None:
    future = Future()
    future.set_result(1)
    future.cancel()
    assert (future.cancelled(), future.result()) == (False, 1)


def test_a_future_tells_when_it_is_done() -> None:
    future, seen = Future(), []
    future.add_done_callback(lambda done: seen.append(done.result()))
    assert seen == []
    future.set_result(3)
    assert seen == [3]


def test_a_done_future_tells_at_once() -> None:
    future, seen = Future(), []
    future.set_result(3)
    future.add_done_callback(lambda done: seen.append(done.result()))
    assert seen == [3]


def test_a_function_runs_as_a_task(graph) -> None:
    graph.node("node")
    task = graph.executor.create_task(lambda a, b=0: a + b, 4, b=1)
    graph.spin_until(task.done)
    assert task.result() == 5


def test_a_coroutine_runs_as_a_task(graph) -> None:
    async def double(value: int) -> int:
        return 2 * value

    graph.node("node")
    task = graph.executor.create_task(double, 21)
    graph.spin_until(task.done)
    assert task.result() == 42


def test_a_task_waits_for_the_future_that_it_awaits(graph) -> None:
    future = Future()

    async def doubled() -> int:
        return 2 * await future

    graph.node("node")
    task = graph.executor.create_task(doubled)
    for _ in range(5):
        graph.executor.spin_once(timeout_sec=0.01)
    assert not task.done()
    future.set_result(21)
    graph.spin_until(task.done)
    assert task.result() == 42


def test_a_task_can_await_another(graph) -> None:
    async def inner() -> int:
        return 21

    async def outer() -> int:
        return 2 * await graph.executor.create_task(inner)

    graph.node("node")
    task = graph.executor.create_task(outer)
    graph.spin_until(task.done)
    assert task.result() == 42


def test_what_an_awaited_future_raises_reaches_the_coroutine(graph) -> None:
    future = Future()

    async def wait() -> str:
        try:
            await future
        except KeyError:
            return "caught"
        return "missed"

    graph.node("node")
    task = graph.executor.create_task(wait)
    future.set_exception(KeyError("x"))
    graph.spin_until(task.done)
    assert task.result() == "caught"


def test_spinning_until_a_future_is_done_ends_with_it(graph) -> None:
    future = Future()
    graph.node("node").create_timer(0.01, lambda: future.done() or future.set_result(3))
    graph.executor.spin_until_future_complete(future)
    assert future.result() == 3


def test_spinning_until_a_future_is_done_ends_by_the_time_out(graph) -> None:
    graph.node("node")
    start = time.monotonic()
    graph.executor.spin_until_future_complete(Future(), timeout_sec=0.1)
    assert time.monotonic() - start >= 0.09


def test_spinning_until_a_done_future_runs_nothing(graph) -> None:
    calls: list[int] = []
    graph.node("node").create_timer(0.0, lambda: calls.append(1))
    future = Future()
    future.set_result(None)
    graph.executor.spin_until_future_complete(future)
    assert calls == []


def test_a_future_that_another_thread_completes_wakes_the_executor(graph) -> None:
    graph.node("node")
    future = Future()
    timer = threading.Timer(0.1, future.set_result, [3])
    timer.start()
    graph.executor.spin_until_future_complete(future, timeout_sec=60.0)
    assert future.result() == 3
    timer.join()


def test_spinning_once_until_a_future_is_done_ends_with_it(graph) -> None:
    graph.node("node")
    future = Future()
    timer = threading.Timer(0.1, future.set_result, [3])
    timer.start()
    while not future.done():
        graph.executor.spin_once_until_future_complete(future, timeout_sec=60.0)
    assert future.result() == 3
    timer.join()
