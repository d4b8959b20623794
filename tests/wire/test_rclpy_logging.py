"""Loggers: levels, filters, children, and where their lines go."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from helpers.domain import own_domain
from rcl_interfaces.msg import Log, LoggerLevel
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels
from rclpy.clock import Clock, ClockType
from rclpy.logging import (
    LoggingSeverity,
    get_logger,
    get_logger_effective_level,
    get_logger_level,
    get_logging_severity_from_string,
    set_logger_level,
)
from rclpy.qos import DurabilityPolicy, QoSProfile

# Filters remember by logger, too: one for each case.
LOGGERS = {name: get_logger(f"filters.{name}") for name in ("once", "skip", "throttle", "clock", "told", "lines")}


@pytest.fixture
def printed(capfd):
    """The texts printed by a logger of the name so far."""

    def texts(name: str) -> list[str]:
        return re.findall(rf"\[{re.escape(name)}\]: (.*)", capfd.readouterr().err)

    return texts


def test_a_line_has_severity_time_and_name(capfd) -> None:
    get_logger("form.node").info("some text")
    line = capfd.readouterr().err.rstrip("\n")
    assert re.fullmatch(r"\[INFO\] \[\d+\.\d{9}\] \[form\.node\]: some text", line)


@pytest.mark.parametrize(
    ("method", "severity"), [("info", "INFO"), ("warning", "WARN"), ("error", "ERROR"), ("fatal", "FATAL")]
)
def test_every_severity_has_its_method(capfd, method: str, severity: str) -> None:
    assert getattr(get_logger("severities"), method)("x")
    assert capfd.readouterr().err.startswith(f"[{severity}]")


def test_debug_lines_are_hidden_unless_asked_for(printed) -> None:
    logger = get_logger("debugged")
    logger.debug("hidden")
    logger.set_level(LoggingSeverity.DEBUG)
    logger.debug("shown")
    assert printed("debugged") == ["shown"]


def test_lines_below_the_level_are_hidden(printed) -> None:
    logger = get_logger("quiet")
    logger.set_level(LoggingSeverity.ERROR)
    assert not logger.warning("hidden")
    assert logger.error("shown")
    assert printed("quiet") == ["shown"]


def test_a_line_can_be_printed_once(printed) -> None:
    for i in range(3):
        LOGGERS["once"].info("always")
        LOGGERS["once"].info(f"once {i}", once=True)
    assert printed("filters.once") == ["always", "once 0", "always", "always"]


def test_the_first_time_can_be_skipped(printed) -> None:
    for i in range(3):
        LOGGERS["skip"].info(f"{i}", skip_first=True)
    assert printed("filters.skip") == ["1", "2"]


def test_lines_can_be_throttled(printed) -> None:
    for i in range(3):
        LOGGERS["throttle"].info(f"{i}", throttle_duration_sec=3600.0)
    assert printed("filters.throttle") == ["0"]


def test_lines_can_be_throttled_by_another_clock(printed) -> None:
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    for i in range(3):
        LOGGERS["clock"].info(f"{i}", throttle_duration_sec=0.1, throttle_time_source_type=clock)
    assert printed("filters.clock")[0] == "0"


def test_a_filter_tells_whether_it_let_the_line_through() -> None:
    assert [LOGGERS["told"].info("x", once=True) for _ in range(2)] == [True, False]


def test_filters_are_of_one_line_of_code(printed) -> None:
    LOGGERS["lines"].info("here", once=True)
    LOGGERS["lines"].info("there", once=True)
    assert printed("filters.lines") == ["here", "there"]


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(TypeError):
        get_logger("filters").info("x", sometimes=True)


def test_loggers_and_children_need_names() -> None:
    with pytest.raises(ValueError, match="empty"):
        get_logger("")
    with pytest.raises(ValueError, match="empty"):
        get_logger("parent").get_child("")


def test_a_childs_name_is_below_its_parents(printed) -> None:
    child = get_logger("parent").get_child("child")
    child.info("x")
    assert (child.name, printed("parent.child")) == ("parent.child", ["x"])


def test_a_child_has_its_parents_level() -> None:
    set_logger_level("house", LoggingSeverity.ERROR)
    assert get_logger("house").get_child("room").get_effective_level() == LoggingSeverity.ERROR
    assert not get_logger("house.room.corner").is_enabled_for(LoggingSeverity.WARN)


def test_a_child_may_have_a_level_of_its_own() -> None:
    set_logger_level("tree", LoggingSeverity.ERROR)
    set_logger_level("tree.leaf", LoggingSeverity.DEBUG)
    assert get_logger_effective_level("tree.leaf") == LoggingSeverity.DEBUG
    assert get_logger_effective_level("tree") == LoggingSeverity.ERROR


def test_an_unset_level_is_the_parents_again() -> None:
    set_logger_level("set", LoggingSeverity.DEBUG)
    set_logger_level("set", LoggingSeverity.UNSET)
    assert get_logger_level("set") == LoggingSeverity.UNSET
    assert get_logger_effective_level("set") == LoggingSeverity.INFO


def test_severities_are_known_by_name() -> None:
    assert get_logging_severity_from_string("WARN") == LoggingSeverity.WARN
    with pytest.raises(RuntimeError):
        get_logging_severity_from_string("loud")


# --- /rosout


class Rosout:
    """The lines on /rosout, also those from before it was discovered."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.lines: list[Log] = []
        qos = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        graph.node("listener").create_subscription(Log, "/rosout", self.lines.append, qos)

    def wait_for(self, text: str) -> Log:
        self.graph.spin_until(lambda: any(line.msg == text for line in self.lines))
        return next(line for line in self.lines if line.msg == text)


def test_a_nodes_lines_go_to_rosout(graph) -> None:
    rosout = Rosout(graph)
    graph.node("talker", namespace="/ns").get_logger().warning("look")
    line = rosout.wait_for("look")
    assert (line.name, line.level) == ("ns.talker", 30)
    assert line.stamp.sec > 0


def test_rosout_knows_where_a_line_was_written(graph) -> None:
    rosout = Rosout(graph)
    graph.node("talker").get_logger().info("here")
    line = rosout.wait_for("here")
    assert (Path(line.file).name, line.function) == (Path(__file__).name, "test_rosout_knows_where_a_line_was_written")
    assert line.line > 0


def test_a_child_of_a_nodes_logger_goes_to_rosout(graph) -> None:
    rosout = Rosout(graph)
    graph.node("talker").get_logger().get_child("part").info("from the part")
    assert rosout.wait_for("from the part").name == "talker.part"


def test_rosout_keeps_lines_for_those_who_come_late(graph) -> None:
    graph.node("talker").get_logger().info("early")
    assert Rosout(graph).wait_for("early").name == "talker"


def test_hidden_lines_do_not_go_to_rosout(graph) -> None:
    rosout = Rosout(graph)
    logger = graph.node("talker").get_logger()
    logger.debug("hidden")
    logger.info("shown")
    rosout.wait_for("shown")
    assert "hidden" not in [line.msg for line in rosout.lines]


def test_a_node_can_stay_away_from_rosout(graph) -> None:
    rosout = Rosout(graph)
    graph.node("silent", enable_rosout=False).get_logger().info("unheard")
    graph.node("talker").get_logger().info("heard")
    rosout.wait_for("heard")
    assert "unheard" not in [line.msg for line in rosout.lines]


# --- from elsewhere


class Levels:
    """A node with the services of loggers, and a caller of them."""

    def __init__(self, graph) -> None:
        self.graph = graph
        graph.node("server", enable_logger_service=True)
        self.caller = graph.node("caller")

    def call(self, kind, name: str, request):
        client = self.caller.create_client(kind, f"/server/{name}")
        assert client.wait_for_service(60.0)
        future = client.call_async(request)
        self.graph.spin_until(future.done)
        return future.result()


def test_another_node_sets_and_reads_levels(graph) -> None:
    levels = Levels(graph)
    wanted = LoggerLevel(name="remote", level=LoggerLevel.LOG_LEVEL_ERROR)
    (result,) = levels.call(SetLoggerLevels, "set_logger_levels", SetLoggerLevels.Request(levels=[wanted])).results
    assert result.successful
    assert get_logger_level("remote") == LoggingSeverity.ERROR
    (level,) = levels.call(GetLoggerLevels, "get_logger_levels", GetLoggerLevels.Request(names=["remote"])).levels
    assert (level.name, level.level) == ("remote", LoggerLevel.LOG_LEVEL_ERROR)


def test_another_node_cannot_set_a_level_that_there_is_not(graph) -> None:
    wrong = SetLoggerLevels.Request(levels=[LoggerLevel(name="remote", level=33)])
    (result,) = Levels(graph).call(SetLoggerLevels, "set_logger_levels", wrong).results
    assert not result.successful
    assert result.reason


def test_a_node_has_no_services_of_loggers_unless_asked_for(graph) -> None:
    node = graph.node("plain")
    assert not [name for name, _ in node.get_service_names_and_types() if name == "/plain/set_logger_levels"]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], ["plain", "other"]),
        (["--log-level", "debug"], ["deep", "plain", "other"]),
        (["--log-level", "error"], []),
        (["--log-level", "child:=warn"], ["other"]),
        (["--log-level", "child:=warn", "--log-level", "child:=debug"], ["deep", "plain", "other"]),
        (["--disable-stdout-logs"], []),
    ],
)
def test_the_command_line_says_what_is_printed(arguments: list[str], shown: list[str]) -> None:
    code = """
        import rclpy
        from rclpy.logging import get_logger
        rclpy.init()
        node = rclpy.create_node("child")
        node.get_logger().debug("deep"); node.get_logger().info("plain")
        get_logger("other").info("other")
    """
    command = [sys.executable, "-c", textwrap.dedent(code), "--ros-args", *arguments]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(own_domain())}
    err = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120).stderr
    assert re.findall(r"\[(?:child|other)\]: (\w+)", err) == shown


def test_output_that_cannot_be_written_ends_no_node() -> None:
    full = (
        "import rclpy.logging as l; l.get_logger('x').error('lost'); l.get_logger('x').error('too'); print('goes on')"
    )
    with open("/dev/full", "w") as nowhere:
        run = subprocess.run(
            [sys.executable, "-c", full], stdout=subprocess.PIPE, stderr=nowhere, text=True, timeout=60
        )
    assert run.stdout == "goes on\n"
