"""A node's health on /diagnostics, as `diagnostic_updater` documents it."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from diagnostic_updater import (
    CompositeDiagnosticTask,
    DiagnosedPublisher,
    DiagnosticStatusWrapper,
    FrequencyStatus,
    FrequencyStatusParam,
    FunctionDiagnosticTask,
    HeaderlessTopicDiagnostic,
    Heartbeat,
    TimeStampStatus,
    TimeStampStatusParam,
    TopicDiagnostic,
    Updater,
)
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import JointState

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def now(offset: float = 0.0) -> Time:
    return Clock(clock_type=ClockType.ROS_TIME).now() + Duration(seconds=offset)


def saying(name: str, level: bytes, message: str) -> FunctionDiagnosticTask:
    def run(status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        status.summary(level, message)
        status.add(name, message)
        return status

    return FunctionDiagnosticTask(name, run)


def run(task) -> DiagnosticStatusWrapper:
    return task.run(DiagnosticStatusWrapper())


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {value.key: value.value for value in status.values}


class Diagnosed:
    """A node with an updater, and what arrives on /diagnostics by the name of the status."""

    def __init__(self, graph, name: str = "arm", **options) -> None:
        self.graph = graph
        self.arrays: list[DiagnosticArray] = []
        listener = graph.node("listener")
        subscription = listener.create_subscription(DiagnosticArray, "/diagnostics", self.arrays.append, 100)
        self.node = graph.node(name, **options)
        self.updater = Updater(self.node, period=3600.0)
        self.updater.setHardwareID("twin")
        graph.spin_until(lambda: subscription.get_publisher_count() and self.updater.publisher.get_subscription_count())

    def statuses(self) -> dict[str, DiagnosticStatus]:
        """Update now; the statuses of that update, which unlike those of new tasks have the hardware's id."""
        self.arrays.clear()
        self.updater.force_update()
        self.graph.spin_until(lambda: self.arrays and self.arrays[-1].status[0].hardware_id)
        return {status.name: status for status in self.arrays[-1].status}


def test_a_summary_is_a_level_and_a_message() -> None:
    status = DiagnosticStatusWrapper()
    status.summary(WARN, "warm")
    assert (status.level, status.message) == (WARN, "warm")


def test_a_summary_can_be_another_statuss() -> None:
    status = DiagnosticStatusWrapper()
    status.summary(DiagnosticStatus(level=ERROR, message="hot"))
    assert (status.level, status.message) == (ERROR, "hot")


def test_a_cleared_summary_is_ok_and_empty() -> None:
    status = DiagnosticStatusWrapper(level=ERROR, message="hot")
    status.clearSummary()
    assert (status.level, status.message) == (OK, "")


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        ((OK, "fine"), (WARN, "warm"), (WARN, "warm")),
        ((WARN, "warm"), (OK, "fine"), (WARN, "warm")),
        ((WARN, "warm"), (ERROR, "stuck"), (ERROR, "warm; stuck")),
        ((ERROR, "stuck"), (WARN, "warm"), (ERROR, "stuck; warm")),
    ],
)
def test_merged_summaries_have_the_worse_level_and_what_is_not_ok(first, second, merged) -> None:
    status = DiagnosticStatusWrapper()
    status.summary(*first)
    status.mergeSummary(*second)
    assert (status.level, status.message) == merged


def test_values_are_named() -> None:
    status = DiagnosticStatusWrapper()
    status.add("rate", "100")
    status.add("age", "3")
    assert values(status) == {"rate": "100", "age": "3"}


def test_a_composite_task_joins_its_parts() -> None:
    composite = CompositeDiagnosticTask("all")
    for task in (saying("a", OK, "fine"), saying("b", WARN, "warm"), saying("c", ERROR, "stuck")):
        composite.addTask(task)
    status = run(composite)
    assert (composite.getName(), status.level, status.message) == ("all", ERROR, "warm; stuck")
    assert values(status) == {"a": "fine", "b": "warm", "c": "stuck"}


def test_a_heartbeat_is_always_ok() -> None:
    assert run(Heartbeat()).level == OK


def test_no_event_is_an_error() -> None:
    assert run(FrequencyStatus(FrequencyStatusParam({"min": 1.0, "max": 2.0}))).level == ERROR


@pytest.mark.parametrize(
    ("bound", "level"),
    [({"min": 1e-3, "max": 1e9}, OK), ({"min": 1e8, "max": 1e9}, WARN), ({"min": 1e-6, "max": 1e-5}, WARN)],
)
def test_the_frequency_is_held_against_its_bounds(bound, level: bytes) -> None:
    frequency = FrequencyStatus(FrequencyStatusParam(bound))
    for _ in range(3):
        frequency.tick()
    status = run(frequency)
    assert status.level == level
    assert values(status)["Events in window"] == "3"
    assert float(values(status)["Actual frequency (Hz)"]) > 0.0


def test_the_window_forgets_old_events() -> None:
    frequency = FrequencyStatus(FrequencyStatusParam({"min": 1e-3}, window_size=2))
    frequency.tick()
    assert [run(frequency).level for _ in range(3)] == [OK, OK, ERROR]
    assert values(run(frequency))["Events since startup"] == "1"


def test_cleared_events_are_forgotten() -> None:
    frequency = FrequencyStatus(FrequencyStatusParam({"min": 1e-3}))
    frequency.tick()
    frequency.clear()
    assert run(frequency).level == ERROR


@pytest.mark.parametrize(("offset", "level"), [(0.0, OK), (-10.0, ERROR), (10.0, ERROR)])
def test_stamps_must_be_of_now(offset: float, level: bytes) -> None:
    stamps = TimeStampStatus(TimeStampStatusParam(min_acceptable=-1.0, max_acceptable=5.0))
    stamps.tick(now(offset))
    assert run(stamps).level == level


def test_stamps_may_be_seconds() -> None:
    stamps = TimeStampStatus()
    stamps.tick(now().nanoseconds * 1e-9)
    assert run(stamps).level == OK


def test_a_stamp_of_zero_is_an_error() -> None:
    stamps = TimeStampStatus()
    stamps.tick(now())
    stamps.tick(0.0)
    assert run(stamps).level == ERROR


def test_no_stamp_since_the_last_update_is_a_warning() -> None:
    stamps = TimeStampStatus()
    stamps.tick(now())
    assert [run(stamps).level, run(stamps).level] == [OK, WARN]


def test_an_update_publishes_every_task_under_the_nodes_name(graph) -> None:
    diagnosed = Diagnosed(graph)
    diagnosed.updater.add(saying("gripper", OK, "open"))
    diagnosed.updater.add("camera", saying("", WARN, "slow").run)
    found = diagnosed.statuses()
    assert {name: (s.level, s.message, s.hardware_id) for name, s in found.items()} == {
        "arm: gripper": (OK, "open", "twin"),
        "arm: camera": (WARN, "slow", "twin"),
    }
    assert diagnosed.arrays[-1].header.stamp.sec > 0


def test_a_task_that_sets_nothing_is_an_error(graph) -> None:
    diagnosed = Diagnosed(graph)
    diagnosed.updater.add("silent", lambda status: status)
    assert diagnosed.statuses()["arm: silent"].level == ERROR


def test_a_task_is_published_when_it_is_added(graph) -> None:
    diagnosed = Diagnosed(graph)
    diagnosed.updater.add(Heartbeat())
    graph.spin_until(lambda: diagnosed.arrays)
    (status,) = diagnosed.arrays[0].status
    assert (status.name, status.level) == ("arm: Heartbeat", OK)


def test_a_removed_task_is_published_no_more(graph) -> None:
    diagnosed = Diagnosed(graph)
    for name in ("a", "b"):
        diagnosed.updater.add(saying(name, OK, "fine"))
    assert diagnosed.updater.removeByName("a")
    assert not diagnosed.updater.removeByName("a")
    assert set(diagnosed.statuses()) == {"arm: b"}


def test_a_broadcast_says_the_same_of_all_tasks(graph) -> None:
    diagnosed = Diagnosed(graph)
    for name in ("a", "b"):
        diagnosed.updater.add(saying(name, OK, "fine"))
    diagnosed.updater.broadcast(ERROR, "stopped")
    graph.spin_until(lambda: diagnosed.arrays and diagnosed.arrays[-1].status[0].level == ERROR)
    assert [(s.name, s.message) for s in diagnosed.arrays[-1].status] == [("arm: a", "stopped"), ("arm: b", "stopped")]


def test_the_updater_runs_once_a_period(graph) -> None:
    diagnosed = Diagnosed(graph)
    runs: list[int] = []
    diagnosed.updater.add("count", lambda status: runs.append(1) or status)
    diagnosed.updater.period = 0.01
    graph.spin_until(lambda: len(runs) >= 3)


def test_the_period_is_a_parameter(graph) -> None:
    node = graph.node("arm", parameter_overrides=[Parameter("diagnostic_updater.period", value=0.25)])
    assert Updater(node).period == 0.25


def test_the_nodes_name_can_have_its_namespace(graph) -> None:
    full = [Parameter("diagnostic_updater.use_fqn", value=True)]
    diagnosed = Diagnosed(graph, namespace="/left", parameter_overrides=full)
    diagnosed.updater.add(Heartbeat())
    assert set(diagnosed.statuses()) == {"/left/arm: Heartbeat"}


def test_a_topic_without_header_is_watched_for_its_rate(graph) -> None:
    diagnosed = Diagnosed(graph)
    topic = HeaderlessTopicDiagnostic("chunks", diagnosed.updater, FrequencyStatusParam({"min": 1e-3}))
    topic.tick()
    assert diagnosed.statuses()["arm: chunks topic status"].level == OK
    topic.clear_window()
    assert diagnosed.statuses()["arm: chunks topic status"].level == ERROR


def test_a_topic_is_watched_for_rate_and_stamps(graph) -> None:
    diagnosed = Diagnosed(graph)
    frequency, stamps = FrequencyStatusParam({"min": 1e-3}), TimeStampStatusParam()
    topic = TopicDiagnostic("depth", diagnosed.updater, frequency, stamps)
    topic.tick(now())
    assert diagnosed.statuses()["arm: depth topic status"].level == OK
    topic.tick(now(-60.0))
    assert diagnosed.statuses()["arm: depth topic status"].level == ERROR


def test_a_diagnosed_publisher_publishes_and_watches(graph) -> None:
    diagnosed = Diagnosed(graph)
    received: list[JointState] = []
    graph.node("robot").create_subscription(JointState, "/states", received.append, 10)
    plain = diagnosed.node.create_publisher(JointState, "/states", 10)
    graph.spin_until(plain.get_subscription_count)
    publisher = DiagnosedPublisher(
        plain, diagnosed.updater, FrequencyStatusParam({"min": 1e-3}), TimeStampStatusParam()
    )
    message = JointState(name=["j1"])
    message.header.stamp = now().to_msg()
    publisher.publish(message)
    graph.spin_until(lambda: received)
    assert diagnosed.statuses()["arm: /states topic status"].level == OK
