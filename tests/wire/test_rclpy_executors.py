"""Executors, callback groups, tasks, futures and the context's end."""

from __future__ import annotations

import threading
import time

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.exceptions import NotInitializedException
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.task import Future
from rclpy.wait_for_message import wait_for_message
from std_msgs.msg import Int32, String


def test_an_idle_executor_sleeps(graph) -> None:
    graph.node("node")
    for _ in range(20):  # discovery settles
        graph.executor.spin_once(timeout_sec=0.01)
    cpu, wall = time.thread_time(), time.monotonic()
    graph.executor.spin_once(timeout_sec=0.5)
    assert time.monotonic() - wall >= 0.49
    assert time.thread_time() - cpu < 0.05


def test_a_busy_topic_does_not_starve_another(graph) -> None:
    node = graph.node("node")
    busy: list[int] = []
    rare: list[int] = []
    node.create_subscription(Int32, "busy", lambda m: busy.append(m.data), 100)
    node.create_subscription(Int32, "rare", lambda m: rare.append(m.data), 100)
    publishers = [node.create_publisher(Int32, name, 100) for name in ("busy", "rare")]
    graph.spin_until(lambda: all(p.get_subscription_count() for p in publishers))
    for i in range(50):
        publishers[0].publish(Int32(data=i))
    for i in range(3):
        publishers[1].publish(Int32(data=i))
    graph.spin_until(lambda: len(rare) == 3)
    assert len(busy) <= 10


def test_what_a_callback_raises_leaves_spin_and_the_executor_goes_on(graph) -> None:
    def fail() -> None:
        timer.cancel()
        raise ValueError("from the callback")

    node = graph.node("node")
    timer = node.create_timer(0.001, fail)
    with pytest.raises(ValueError, match="from the callback"):
        graph.spin_until(lambda: False)
    done: list[int] = []
    node.create_timer(0.001, lambda: done.append(1))
    graph.spin_until(lambda: done)


@pytest.mark.parametrize(("group", "most"), [(MutuallyExclusiveCallbackGroup, 1), (ReentrantCallbackGroup, 3)])
def test_groups_say_what_runs_at_the_same_time(graph, group, most: int) -> None:
    executor = MultiThreadedExecutor(4, context=graph.context)
    node = graph.node("node", spun=False)
    executor.add_node(node)
    shared = group()
    lock = threading.Lock()
    now, peak, total = 0, 0, 0

    def work() -> None:
        nonlocal now, peak, total
        with lock:
            now, total = now + 1, total + 1
            peak = max(peak, now)
        time.sleep(0.03)
        with lock:
            now -= 1

    timers = [node.create_timer(0.001, work, shared) for _ in range(3)]
    deadline = time.monotonic() + 15
    while total < 9 and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    for timer in timers:
        timer.cancel()
    executor.shutdown()
    assert total >= 9
    assert peak == 1 if most == 1 else peak > 1


def test_tasks_and_futures(graph) -> None:
    future = Future()

    async def doubled() -> int:
        return 2 * await future

    graph.node("node")
    task = graph.executor.create_task(doubled)
    plain = graph.executor.create_task(lambda a: a + 1, 4)
    graph.spin_until(plain.done)
    assert plain.result() == 5
    assert not task.done()
    future.set_result(21)
    graph.executor.spin_until_future_complete(task, timeout_sec=10.0)
    assert task.result() == 42


def test_a_task_that_waits_for_a_thread_is_handed_out_once(graph) -> None:
    executor = MultiThreadedExecutor(1, context=graph.context)
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


def test_a_future_tells_its_callbacks_and_keeps_its_error() -> None:
    future, seen = Future(), []
    future.add_done_callback(lambda f: seen.append(f.exception()))
    future.set_exception(KeyError("x"))
    future.add_done_callback(lambda f: seen.append("late"))
    assert isinstance(seen[0], KeyError)
    assert seen[1] == "late"
    with pytest.raises(KeyError):
        future.result()
    canceled = Future()
    canceled.cancel()
    assert canceled.cancelled()


def test_spinning_until_a_future_is_done_ends_by_the_time_out(graph) -> None:
    graph.node("node")
    start = time.monotonic()
    graph.executor.spin_until_future_complete(Future(), timeout_sec=0.1)
    assert 0.09 <= time.monotonic() - start < 5.0


def test_guard_conditions_run_once_a_trigger(graph) -> None:
    calls: list[int] = []
    guard = graph.node("node").create_guard_condition(lambda: calls.append(1))
    graph.executor.spin_once(timeout_sec=0)
    assert calls == []
    guard.trigger()
    graph.spin_until(lambda: calls)
    graph.executor.spin_once(timeout_sec=0.02)
    assert calls == [1]


def test_a_subscription_made_while_another_thread_spins_receives(graph) -> None:
    node = graph.node("node")
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    thread.start()
    arrived = threading.Event()
    publisher = node.create_publisher(String, "a", 10)
    subscription = node.create_subscription(String, "a", lambda m: arrived.set(), 10)
    deadline = time.monotonic() + 10
    while not arrived.is_set() and time.monotonic() < deadline:
        publisher.publish(String())
        time.sleep(0.01)
    assert arrived.is_set()
    node.destroy_subscription(subscription)
    publisher.publish(String())
    graph.executor.shutdown()
    thread.join(10.0)
    assert not thread.is_alive()


def test_the_end_of_the_context_ends_spin_in_another_thread(graph) -> None:
    graph.node("node")
    ended: list[type] = []

    def spin() -> None:
        try:
            graph.executor.spin()
        except ExternalShutdownException as error:
            ended.append(type(error))

    thread = threading.Thread(target=spin)
    thread.start()
    time.sleep(0.05)
    rclpy.try_shutdown(context=graph.context)
    thread.join(10.0)
    assert ended == [ExternalShutdownException]


def test_contexts_start_end_and_tell(graph) -> None:
    told: list[int] = []
    context = Context()
    assert not context.ok()
    with pytest.raises(NotInitializedException):
        rclpy.create_node("node", context=context)
    rclpy.init(args=[], context=context, domain_id=graph.domain_id)
    assert context.ok()
    assert context.get_domain_id() == graph.domain_id
    with pytest.raises(RuntimeError, match="only be called once"):
        context.init(args=[])
    context.on_shutdown(lambda: told.append(1))
    node = rclpy.create_node("node", context=context)
    rclpy.shutdown(context=context)
    assert (context.ok(), told) == (False, [1])
    rclpy.try_shutdown(context=context)
    with pytest.raises(RuntimeError, match="shut down already"):
        rclpy.shutdown(context=context)
    node.destroy_node()
    context.init(args=[], domain_id=graph.domain_id)
    assert rclpy.create_node("again", context=context).get_name() == "again"
    context.try_shutdown()


def test_a_node_moves_to_the_executor_that_takes_it(graph) -> None:
    node = graph.node("node")
    other = SingleThreadedExecutor(context=graph.context)
    assert other.add_node(node)
    assert node.executor is other
    assert graph.executor.get_nodes() == []
    other.shutdown()


def test_a_node_that_left_its_executor_is_called_no_more(graph) -> None:
    calls: list[str] = []
    leaving = graph.node("leaving")

    def leave() -> None:
        graph.executor.remove_node(leaving)
        calls.append("leave")

    staying = graph.node("staying")
    leaving.create_timer(0.001, leave)
    leaving.create_timer(0.001, lambda: calls.append("gone"))
    staying.create_timer(0.001, lambda: calls.append("stays"))
    time.sleep(0.01)
    graph.spin_until(lambda: calls.count("stays") == 5)
    assert calls.count("leave") == 1
    assert "gone" not in calls


def test_wait_for_message_gives_the_message_or_gives_up(graph) -> None:
    node = graph.node("node")
    publisher = graph.node("publisher").create_publisher(String, "a", 10)
    assert wait_for_message(String, node, "a", time_to_wait=0.05) == (False, None)
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.01):
            publisher.publish(String(data="x"))

    thread = threading.Thread(target=publish)
    thread.start()
    found, message = wait_for_message(String, node, "a", time_to_wait=10.0)
    stop.set()
    thread.join()
    assert (found, message) == (True, String(data="x"))
