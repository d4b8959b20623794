"""Nodes in processes of their own: the default context, how programs end, and that their peers notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers.domain import own_domain
from std_msgs.msg import String

SPIN = """
    import sys, rclpy
    from rclpy.executors import ExternalShutdownException
    from std_msgs.msg import String
    rclpy.init()
    node = rclpy.create_node("child")
    publisher = node.create_publisher(String, "hello", 10)
    node.create_timer(0.01, lambda: publisher.publish(String(data=node.get_fully_qualified_name())))
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        print("interrupted")
    except ExternalShutdownException:  # where the end came while it waited
        pass
    finally:
        rclpy.try_shutdown()
"""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Listener:
    """A node that hears a child's greetings and sees who is in the graph."""

    def __init__(self, graph, topic: str = "/hello") -> None:
        self.graph = graph
        self.heard: list[str] = []
        self.node = graph.node("listener")
        self.node.create_subscription(String, topic, lambda message: self.heard.append(message.data), 10)

    @contextmanager
    def child(self, code: str, *arguments: str) -> Iterator[subprocess.Popen]:
        """A process that runs the code, once it has been heard."""
        process = start(code, *arguments, ROS_DOMAIN_ID=str(self.graph.domain_id))
        try:
            self.graph.spin_until(lambda: self.heard)
            yield process
        finally:
            process.kill()

    def wait_until_alone(self) -> None:
        self.graph.spin_until(lambda: self.node.get_node_names() == ["listener"])


def run(code: str) -> subprocess.CompletedProcess:
    """Run a program to its end."""
    environment = {**os.environ, "ROS_DOMAIN_ID": str(own_domain())}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_program_is_renamed_and_remapped_by_its_arguments(graph) -> None:
    listener = Listener(graph, "/ns/bye")
    with listener.child(SPIN, "--ros-args", "-r", "__ns:=/ns", "-r", "hello:=bye", "-r", "__node:=kid"):
        assert set(listener.heard) == {"/ns/kid"}


@pytest.mark.parametrize(("number", "out"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "")])
def test_a_signal_ends_spin_and_the_program_leaves_the_graph(graph, number: int, out: str) -> None:
    listener = Listener(graph)
    with listener.child(SPIN) as child:
        child.send_signal(number)
        told, err = child.communicate(timeout=60)
        assert (child.returncode, told.strip(), err) == (0, out, "")
    listener.wait_until_alone()


def test_a_signal_ends_a_spin_that_has_nothing_to_do(graph) -> None:
    listener = Listener(graph)
    greeted = """node.destroy_timer(timer)
        while not publisher.get_subscription_count(): rclpy.spin_once(node, timeout_sec=0.1)
        publisher.publish(String(data="once"))
        rclpy.spin(node)"""
    idle = SPIN.replace("node.create_timer", "timer = node.create_timer").replace("rclpy.spin(node)", greeted)
    with listener.child(idle) as child:
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert listener.heard == ["once"]


def test_a_program_that_wants_no_handlers_is_ended_by_the_signal(graph) -> None:
    listener = Listener(graph)
    plain = SPIN.replace("rclpy.init()", "rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)")
    with listener.child(plain.replace("import sys, rclpy", "import sys, rclpy, rclpy.signals")) as child:
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == -signal.SIGTERM


def test_a_program_that_ends_without_shutdown_leaves_the_graph(graph) -> None:
    listener = Listener(graph)
    sudden = SPIN.replace("rclpy.spin(node)", "[rclpy.spin_once(node) for _ in range(200)]; sys.exit(3)")
    with listener.child(sudden.replace("rclpy.try_shutdown()", "pass")) as child:
        assert child.wait(60) == 3
    listener.wait_until_alone()


def test_a_callback_may_shut_the_program_down() -> None:
    ended = run("""
        import rclpy
        rclpy.init()
        node = rclpy.create_node("child")
        node.create_timer(0.01, rclpy.shutdown)
        rclpy.spin(node)
        print("ok" if rclpy.ok() else "ended")
    """)
    assert (ended.stdout.strip(), ended.returncode) == ("ended", 0)


def test_the_default_context_can_begin_again_after_its_end() -> None:
    ended = run("""
        import rclpy
        for name in ("first", "second"):
            assert not rclpy.ok()
            rclpy.init()
            assert rclpy.ok()
            print(rclpy.create_node(name).get_name())
            rclpy.shutdown()
    """)
    assert (ended.stdout.split(), ended.stderr) == (["first", "second"], "")


def test_the_default_context_begins_once() -> None:
    ended = run("""
        import rclpy
        rclpy.init()
        try:
            rclpy.init()
        except RuntimeError:
            print("refused")
    """)
    assert ended.stdout.strip() == "refused"


def test_the_default_executor_spins_until_a_future_is_done() -> None:
    ended = run("""
        import rclpy
        from rclpy.task import Future
        rclpy.init()
        node, future = rclpy.create_node("child"), Future()
        node.create_timer(0.01, lambda: future.done() or future.set_result("done"))
        rclpy.spin_until_future_complete(node, future)
        print(future.result())
        rclpy.spin_until_future_complete(node, Future(), timeout_sec=0.05)
        rclpy.spin_once(node, timeout_sec=0.05)
        assert rclpy.get_global_executor().get_nodes() == []
        rclpy.shutdown()
    """)
    assert (ended.stdout.strip(), ended.stderr) == ("done", "")


def test_the_domain_is_taken_from_the_environment() -> None:
    child = start("import rclpy; rclpy.init(); print(rclpy.get_default_context().get_domain_id())", ROS_DOMAIN_ID="42")
    assert child.communicate(timeout=120)[0].strip() == "42"
