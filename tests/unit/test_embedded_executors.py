"""The embedded runtime's own corners of executors and rates, which rclpy's documentation does not reach."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
import rclpy
from helpers.domain import own_domain
from rclpy.context import Context
from rclpy.exceptions import ROSInterruptException
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.task import Future
from rclpy.timer import Rate


@pytest.fixture
def context():
    context = Context()
    rclpy.init(args=[], context=context, domain_id=own_domain())
    yield context
    rclpy.try_shutdown(context=context)


def test_a_task_that_waits_for_a_thread_is_handed_out_once(context) -> None:
    executor = MultiThreadedExecutor(1, context=context)
    may_end = threading.Event()
    blocking = executor.create_task(may_end.wait)
    waiting = executor.create_task(lambda: 1)
    for _ in range(20):
        executor.spin_once(timeout_sec=0.01)
    assert executor._pool._work_queue.qsize() == 1
    may_end.set()
    while not waiting.done():
        executor.spin_once(timeout_sec=0.1)
    assert (blocking.result(), waiting.result()) == (True, 1)
    executor.shutdown()


class EndsOnceChecked:
    """A context that ends between a rate's check of it and the rate's sleep."""

    def __init__(self) -> None:
        self.checks = 0

    def ok(self) -> bool:
        self.checks += 1
        if self.checks == 1:
            self.stop()
        return self.checks == 1

    def on_shutdown(self, callback) -> None:
        self.stop = callback


def test_a_rate_does_not_sleep_through_an_end_that_comes_just_before(context) -> None:
    timer = rclpy.create_node("node", context=context).create_timer(3600.0, lambda: None)
    rate = Rate(timer, context=EndsOnceChecked())
    ended: list[type] = []

    def sleep() -> None:
        with pytest.raises(ROSInterruptException):
            rate.sleep()
        ended.append(ROSInterruptException)

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    thread.join(10.0)
    assert ended


def test_a_cancelled_future_ends_a_spin_that_waits_for_it(context) -> None:
    executor = MultiThreadedExecutor(2, context=context)
    future = Future()
    executor.create_task(future.cancel)
    executor.spin_until_future_complete(future, timeout_sec=60.0)
    assert future.cancelled()
    executor.shutdown()


@pytest.mark.parametrize("end", ["the executor's", "the context's"])
def test_an_end_just_before_an_executor_sleeps_for_the_first_time_wakes_it(context, monkeypatch, end) -> None:
    executor = SingleThreadedExecutor(context=context)
    create_waiter = context._transport.create_waiter

    def end_first() -> object:
        executor._is_shutdown, context._ok = end == "the executor's", end != "the context's"
        executor.wake()
        return create_waiter()

    monkeypatch.setattr(context._transport, "create_waiter", end_first)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    thread.join(10.0)
    context._ok = True
    assert not thread.is_alive()


def test_a_pool_that_is_shut_down_while_it_spins_has_taken_all_its_work(context, monkeypatch) -> None:
    executor = MultiThreadedExecutor(2, context=context)
    begin = executor._begin
    shutdown = threading.Thread(target=executor.shutdown)

    def begin_late(work):
        shutdown.start()
        while not executor._is_shutdown:
            pass
        return begin(work)

    monkeypatch.setattr(executor, "_begin", begin_late)
    task = executor.create_task(lambda: 1)
    executor.spin_once(timeout_sec=10.0)
    shutdown.join()
    assert task.result() == 1


def test_a_pool_tells_whether_its_callbacks_ended_in_time(context) -> None:
    executor = MultiThreadedExecutor(1, context=context)
    may_end = threading.Event()
    executor.create_task(may_end.wait)
    executor.spin_once(timeout_sec=10.0)
    assert not executor.shutdown(timeout_sec=0.01)
    threading.Timer(0.01, may_end.set).start()
    assert executor.shutdown(timeout_sec=60.0)


def test_a_timer_whose_group_is_busy_lets_the_executor_sleep(context, monkeypatch) -> None:
    node = rclpy.create_node("node", context=context)
    executor = MultiThreadedExecutor(2, context=context)
    executor.add_node(node)
    begun, may_end = threading.Event(), threading.Event()
    blocking = node.create_timer(0.001, lambda: (blocking.cancel(), begun.set(), may_end.wait()))
    while not begun.is_set():
        executor.spin_once(timeout_sec=0.1)
    waiting = node.create_timer(0.001, lambda: None)  # in the same group, hence overdue as long as that is busy
    executor.spin_once(timeout_sec=0.05)
    assert executor._waiter is not None
    wait, waits = executor._waiter.wait, []
    monkeypatch.setattr(executor._waiter, "wait", lambda timeout: waits.append(timeout) or wait(timeout))
    executor.spin_once(timeout_sec=0.05)
    assert waiting.is_ready()
    assert len(waits) < 10
    may_end.set()
    executor.shutdown()
