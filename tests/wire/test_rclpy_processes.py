"""Nodes in processes of their own: signals, logging, ROS arguments, and a ROS 2 for another Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from rcl_interfaces.msg import Log
from rclpy.logging import LoggingSeverity, get_logger, set_logger_level
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
    except (KeyboardInterrupt, ExternalShutdownException) as error:
        print(type(error).__name__)
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


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "ExternalShutdownException")]
)
def test_signals_end_an_idle_spin_at_once_and_leave_the_graph(graph, number: int, name: str) -> None:
    heard: list[str] = []
    listener = graph.node("listener")
    listener.create_subscription(String, "/ns/bye", lambda m: heard.append(m.data), 10)
    arguments = ("--ros-args", "-r", "__ns:=/ns", "-r", "hello:=bye", "-r", "__node:=kid")
    child = start(SPIN, *arguments, ROS_DOMAIN_ID=str(graph.domain_id))
    try:
        graph.spin_until(lambda: heard, timeout=30.0)
        assert set(heard) == {"/ns/kid"}
        child.send_signal(number)
        out, err = child.communicate(timeout=15)
        assert (child.returncode, out.strip(), err) == (0, name, "")
        graph.spin_until(lambda: listener.get_node_names() == ["listener"])
    finally:
        child.kill()


def test_a_program_that_ends_without_shutdown_leaves_the_graph(graph) -> None:
    heard: list[str] = []
    listener = graph.node("listener")
    listener.create_subscription(String, "/hello", lambda m: heard.append(m.data), 10)
    code = SPIN.replace("rclpy.spin(node)", "[rclpy.spin_once(node) for _ in range(200)]; sys.exit(3)").replace(
        "rclpy.try_shutdown()", "pass"
    )
    child = start(code, ROS_DOMAIN_ID=str(graph.domain_id))
    try:
        graph.spin_until(lambda: heard, timeout=30.0)
        assert child.wait(30) == 3
        # Well before the lease of 10 s ends.
        graph.spin_until(lambda: listener.get_node_names() == ["listener"], timeout=5.0)
    finally:
        child.kill()


def test_log_lines_have_rclpys_form_and_filters(capfd) -> None:
    logger = get_logger("some.node")
    for i in range(3):
        logger.info(f"line {i}")
        logger.warning("only once", once=True)
        logger.error("not the first", skip_first=True)
        logger.error("seldom", throttle_duration_sec=60.0)
        logger.debug("hidden")
    lines = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"\[INFO\] \[\d+\.\d{9}\] \[some\.node\]: line 0", lines[0])
    texts = [line.partition("]: ")[2] for line in lines]
    assert [t for t in texts if t.startswith("line")] == ["line 0", "line 1", "line 2"]
    assert [texts.count(t) for t in ("only once", "not the first", "seldom", "hidden")] == [1, 2, 1, 0]
    set_logger_level("some", LoggingSeverity.DEBUG)
    assert logger.get_child("part").is_enabled_for(LoggingSeverity.DEBUG)
    set_logger_level("some", LoggingSeverity.UNSET)
    assert logger.get_effective_level() == LoggingSeverity.INFO


def test_log_lines_of_nodes_go_to_rosout(graph) -> None:
    lines: list[Log] = []
    graph.node("listener").create_subscription(Log, "/rosout", lines.append, 100)
    graph.node("talker", namespace="/ns").get_logger().warning("look")
    graph.spin_until(lambda: any(line.msg == "look" for line in lines))
    (line,) = [line for line in lines if line.msg == "look"]
    assert (line.name, line.level, Path(line.file).name) == ("ns.talker", 30, Path(__file__).name)


def test_the_log_level_is_set_on_the_command_line() -> None:
    code = """
        import rclpy
        from rclpy.logging import get_logger
        rclpy.init()
        node = rclpy.create_node("child")
        node.get_logger().debug("deep"); node.get_logger().info("plain")
        get_logger("other").info("other")
    """
    for arguments, shown in ((["--log-level", "debug"], "deep plain other"), (["--log-level", "child:=warn"], "other")):
        _, err = start(code, "--ros-args", *arguments).communicate(timeout=60)
        assert [line.rpartition(" ")[2] for line in err.splitlines()] == shown.split()
