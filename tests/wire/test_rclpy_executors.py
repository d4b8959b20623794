"""Executors and callback groups: who runs when, where, and beside whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import Executor, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.task import Future
from rclpy.wait_for_message import wait_for_message
from std_msgs.msg import Int32, String


def spin_until(executor: Executor, condition: Callable[[], object], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {timeout:g} s"
        executor.spin_once(timeout_sec=0.05)


@pytest.fixture
def pool(graph):
    """A multi-threaded executor."""
    executor = MultiThreadedExecutor(4, context=graph.context)
    yield executor
    executor.shutdown()


class SpunInAThread:
    """An executor's `spin` in a thread of its own, as long as the block lasts."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.thread = threading.Thread(target=executor.spin, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.executor.shutdown()
        self.thread.join(60.0)
        assert not self.thread.is_alive()


# --- spinning


def test_spinning_once_runs_one_callback(graph) -> None:
    calls: list[int] = []
    node = graph.node("node")
    for i in range(3):
        node.create_guard_condition(lambda i=i: calls.append(i)).trigger()
    spin_until(graph.executor, lambda: calls)
    assert len(calls) == 1


def test_spinning_once_gives_up_when_its_time_is_over(graph) -> None:
    graph.node("node")
    start = time.monotonic()
    graph.executor.spin_once(timeout_sec=0.1)
    assert time.monotonic() - start >= 0.09


def test_spinning_once_without_time_does_not_wait(graph) -> None:
    calls: list[int] = []
    graph.node("node").create_timer(0.2, lambda: calls.append(1))
    graph.executor.spin_once(timeout_sec=0)
    assert calls == []


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


def test_a_busy_node_does_not_starve_another(graph) -> None:
    calls: list[str] = []
    for name in ("one", "two"):
        graph.node(name).create_timer(0.0, lambda name=name: calls.append(name))
    graph.spin_until(lambda: len(calls) >= 20)
    assert min(calls.count("one"), calls.count("two")) >= 5


def test_timers_run_beside_a_busy_topic(graph) -> None:
    node = graph.node("node")
    ticks: list[int] = []
    received: list[int] = []

    def answer(message: Int32) -> None:
        received.append(message.data)
        publisher.publish(message)

    node.create_subscription(Int32, "loop", answer, 10)
    publisher = node.create_publisher(Int32, "loop", 10)
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(Int32(data=1))
    node.create_timer(0.001, lambda: ticks.append(1))
    graph.spin_until(lambda: len(ticks) >= 5 and len(received) >= 5)


def test_what_a_callback_raises_leaves_spin(graph) -> None:
    def fail() -> None:
        raise ValueError("from the callback")

    graph.node("node").create_timer(0.001, fail)
    with pytest.raises(ValueError, match="from the callback"):
        graph.spin_until(lambda: False)


def test_an_executor_goes_on_after_a_callback_has_failed(graph) -> None:
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


def test_an_executor_that_is_shut_down_spins_no_more(graph) -> None:
    calls: list[int] = []
    graph.node("node").create_timer(0.001, lambda: calls.append(1))
    assert graph.executor.shutdown()
    graph.executor.spin()
    assert (calls, graph.executor.get_nodes()) == ([], [])


def test_a_callback_may_shut_its_executor_down(graph) -> None:
    graph.node("node").create_timer(0.001, graph.executor.shutdown)
    graph.executor.spin()


def test_a_callback_may_shut_its_pool_of_threads_down(graph, pool) -> None:
    node = graph.node("node", spun=False)
    pool.add_node(node)
    node.create_timer(0.001, pool.shutdown)
    pool.spin()


def test_an_executor_shuts_down_at_the_end_of_its_block(graph) -> None:
    with SingleThreadedExecutor(context=graph.context) as executor:
        executor.add_node(graph.node("node", spun=False))
    executor.spin()


def test_a_subscription_made_while_another_thread_spins_receives(graph) -> None:
    node = graph.node("node")
    arrived = threading.Event()
    with SpunInAThread(graph.executor):
        publisher = node.create_publisher(String, "a", 10)
        node.create_subscription(String, "a", lambda m: arrived.set(), 10)
        deadline = time.monotonic() + 60
        while not arrived.wait(0.01) and time.monotonic() < deadline:
            publisher.publish(String())
    assert arrived.is_set()


# --- nodes


def test_a_node_is_added_once(graph) -> None:
    node = graph.node("node", spun=False)
    assert graph.executor.add_node(node)
    assert not graph.executor.add_node(node)
    assert graph.executor.get_nodes() == [node]


def test_a_node_knows_its_executor(graph) -> None:
    assert graph.node("node").executor is graph.executor
    assert graph.node("other", spun=False).executor is None


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
    staying.create_timer(0.001, lambda: calls.append("stays"))
    graph.spin_until(lambda: "leave" in calls and calls.count("stays") >= 5)
    calls.clear()
    graph.spin_until(lambda: len(calls) >= 5)
    assert set(calls) == {"stays"}


# --- guard conditions


def test_a_guard_condition_runs_once_a_trigger(graph) -> None:
    calls: list[int] = []
    guard = graph.node("node").create_guard_condition(lambda: calls.append(1))
    graph.executor.spin_once(timeout_sec=0)
    assert calls == []
    for expected in ([1], [1, 1]):
        guard.trigger()
        graph.spin_until(lambda expected=expected: calls == expected)
    graph.executor.spin_once(timeout_sec=0.02)
    assert calls == [1, 1]


def test_a_guard_condition_wakes_another_threads_executor(graph) -> None:
    called = threading.Event()
    guard = graph.node("node").create_guard_condition(called.set)
    with SpunInAThread(graph.executor):
        guard.trigger()
        assert called.wait(60.0)


def test_a_destroyed_guard_condition_is_gone(graph) -> None:
    node = graph.node("node")
    guard = node.create_guard_condition(lambda: None)
    assert node.destroy_guard_condition(guard)
    assert not node.destroy_guard_condition(guard)
    assert list(node.guards) == []


# --- groups and threads


class Together:
    """Timers of one group each, and how many of them ran at the same time."""

    def __init__(self, pool: Executor, node, groups: list) -> None:
        self.pool = pool
        self.lock = threading.Lock()
        self.now, self.peak, self.total = 0, 0, 0
        self.timers = [node.create_timer(0.001, self.work, group) for group in groups]

    def work(self) -> None:
        with self.lock:
            self.now, self.total = self.now + 1, self.total + 1
            self.peak = max(self.peak, self.now)
        time.sleep(0.02)
        with self.lock:
            self.now -= 1

    def run(self, until: Callable[[], bool]) -> None:
        spin_until(self.pool, until)
        for timer in self.timers:
            timer.cancel()


def test_callbacks_of_an_exclusive_group_run_one_at_a_time(graph, pool) -> None:
    node = graph.node("node", spun=False)
    pool.add_node(node)
    together = Together(pool, node, [MutuallyExclusiveCallbackGroup()] * 3)
    together.run(lambda: together.total >= 9)
    assert together.peak == 1


def test_callbacks_of_a_node_run_one_at_a_time_unless_told_otherwise(graph, pool) -> None:
    node = graph.node("node", spun=False)
    pool.add_node(node)
    together = Together(pool, node, [None] * 3)
    together.run(lambda: together.total >= 9)
    assert together.peak == 1


def test_callbacks_of_a_reentrant_group_run_together(graph, pool) -> None:
    node = graph.node("node", spun=False)
    pool.add_node(node)
    together = Together(pool, node, [ReentrantCallbackGroup()] * 3)
    together.run(lambda: together.peak > 1)


def test_callbacks_of_two_exclusive_groups_run_together(graph, pool) -> None:
    node = graph.node("node", spun=False)
    pool.add_node(node)
    together = Together(pool, node, [MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()])
    together.run(lambda: together.peak > 1)


def test_a_group_knows_its_entities(graph) -> None:
    group = ReentrantCallbackGroup()
    node = graph.node("node")
    timer, other = node.create_timer(1.0, lambda: None, group), node.create_timer(1.0, lambda: None)
    assert group.has_entity(timer)
    assert not group.has_entity(other)
    assert node.default_callback_group.has_entity(other)


def test_one_thread_runs_the_callbacks_of_a_single_threaded_executor(graph) -> None:
    threads: set[threading.Thread] = set()
    node = graph.node("node")
    for _ in range(3):
        node.create_timer(0.001, lambda: threads.add(threading.current_thread()), ReentrantCallbackGroup())
    for _ in range(20):
        graph.executor.spin_once(timeout_sec=0.05)
    assert threads == {threading.current_thread()}


def test_other_threads_run_the_callbacks_of_a_pool(graph, pool) -> None:
    threads: set[threading.Thread] = set()
    node = graph.node("node", spun=False)
    pool.add_node(node)
    node.create_timer(0.001, lambda: threads.add(threading.current_thread()))
    spin_until(pool, lambda: threads)
    assert threading.current_thread() not in threads


def test_what_a_callback_of_a_pool_raises_leaves_spin(graph, pool) -> None:
    def fail() -> None:
        raise ValueError("from the callback")

    node = graph.node("node", spun=False)
    pool.add_node(node)
    node.create_timer(0.001, fail)
    with pytest.raises(ValueError, match="from the callback"):
        spin_until(pool, lambda: False)


def test_a_blocked_callback_does_not_block_a_pool(graph, pool) -> None:
    may_end = threading.Event()
    calls: list[int] = []
    node = graph.node("node", spun=False)
    pool.add_node(node)
    node.create_timer(0.001, lambda: may_end.wait(60.0), MutuallyExclusiveCallbackGroup())
    node.create_timer(0.001, lambda: calls.append(1), MutuallyExclusiveCallbackGroup())
    spin_until(pool, lambda: len(calls) >= 5)
    may_end.set()


# --- coroutines


def test_a_callback_may_be_a_coroutine(graph) -> None:
    future, results = Future(), []

    async def work() -> None:
        timer.cancel()
        results.append(await future)

    node = graph.node("node")
    timer = node.create_timer(0.001, work)
    graph.spin_until(timer.is_canceled)
    assert results == []
    future.set_result(42)
    graph.spin_until(lambda: results)
    assert results == [42]


def test_a_waiting_coroutine_holds_its_exclusive_group(graph) -> None:
    future, calls = Future(), []

    async def work() -> None:
        first.cancel()
        await future
        calls.append("first")

    node = graph.node("node")
    free = node.create_timer(0.001, lambda: calls.append("free"), MutuallyExclusiveCallbackGroup())
    first = node.create_timer(0.001, work)
    graph.spin_until(first.is_canceled)
    second = node.create_timer(0.001, lambda: calls.append("second"))
    calls.clear()
    graph.spin_until(lambda: calls.count("free") >= 5)
    assert "second" not in calls
    future.set_result(None)
    graph.spin_until(lambda: "second" in calls)
    assert calls.index("first") < calls.index("second")
    free.cancel()
    second.cancel()


# --- waiting for one message


def test_waiting_for_a_message_gives_up_when_its_time_is_over(graph) -> None:
    assert wait_for_message(String, graph.node("node"), "a", time_to_wait=0.05) == (False, None)


def test_waiting_for_a_message_gives_the_message(graph) -> None:
    publisher = graph.node("publisher").create_publisher(String, "a", 10)
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.01):
            publisher.publish(String(data="x"))

    thread = threading.Thread(target=publish)
    thread.start()
    found, message = wait_for_message(String, graph.node("node"), "a", time_to_wait=60.0)
    stop.set()
    thread.join()
    assert (found, message) == (True, String(data="x"))


def test_waiting_for_a_message_leaves_no_subscription(graph) -> None:
    node = graph.node("node")
    before = len(list(node.subscriptions))
    wait_for_message(String, node, "a", time_to_wait=0.0)
    assert len(list(node.subscriptions)) == before
