"""Parameters: declaring, reading, setting, judging, and their services and events."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    SetParametersResult,
)
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import Parameter, get_parameter_value, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.parameter_event_handler import ParameterEventHandler

RATE = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.0, to_value=10.0, step=0.5)])
COUNT = ParameterDescriptor(integer_range=[IntegerRange(from_value=0, to_value=11, step=2)])
FIXED = ParameterDescriptor(read_only=True)
DYNAMIC = ParameterDescriptor(dynamic_typing=True)


def override(name: str, value) -> dict:
    return {"parameter_overrides": [Parameter(name, value=value)]}


def accept(parameters: list[Parameter]) -> SetParametersResult:
    return SetParametersResult(successful=True)


# --- parameters by themselves


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (True, "BOOL"), (1, "INTEGER"), (1.0, "DOUBLE"), ("a", "STRING"), (None, "NOT_SET"), ([b"a"], "BYTE_ARRAY"),
        ([True], "BOOL_ARRAY"), ([1], "INTEGER_ARRAY"), ([1.0], "DOUBLE_ARRAY"), (["a"], "STRING_ARRAY"),
    ],
)  # fmt: skip
def test_the_type_follows_the_value(value, type_: str) -> None:
    assert Parameter("p", value=value).type_ is Parameter.Type[type_]


@pytest.mark.parametrize("value", [True, 1, 1.0, "a", None, [b"a"], [True, False], [1, 2], [1.0], ["a", "b"]])
def test_a_parameter_survives_its_message(value) -> None:
    received = Parameter.from_parameter_msg(Parameter("p", value=value).to_parameter_msg())
    assert received.name == "p"
    assert (list(received.value) if isinstance(value, list) else received.value) == value


@pytest.mark.parametrize("value", [True, 1, 1.0, "a", None, [b"a"], [True], [1], [1.0], ["a"]])
def test_a_value_survives_its_message(value) -> None:
    assert parameter_value_to_python(Parameter("p", value=value).get_parameter_value()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1.0), ("true", True), ("a", "a"), ("y", "y"), ("1e3", "1e3"), ("", ""), ("[a, b]", ["a", "b"])],
)
def test_a_text_is_the_value_that_it_means(text: str, value) -> None:
    assert parameter_value_to_python(get_parameter_value(text)) == value


@pytest.mark.parametrize(
    ("type_", "value"), [("INTEGER", 1.0), ("DOUBLE", 1), ("STRING", 1), ("BOOL", "true"), ("NOT_SET", 1)]
)
def test_a_type_and_its_value_must_agree(type_: str, value) -> None:
    with pytest.raises(ValueError, match="do not agree"):
        Parameter("p", Parameter.Type[type_], value)


@pytest.mark.parametrize("value", [[1, "a"], {"a": 1}, 1j])
def test_a_value_must_be_of_a_parameters_type(value) -> None:
    with pytest.raises(TypeError):
        Parameter("p", value=value)


# --- declaring


def test_a_declared_parameter_has_its_default(graph) -> None:
    node = graph.node("node")
    assert node.declare_parameter("rate", 5.0).value == 5.0
    assert (node.get_parameter("rate").value, node.get_parameter("rate").type_) == (5.0, Parameter.Type.DOUBLE)


def test_parameters_are_declared_together_under_a_namespace(graph) -> None:
    node = graph.node("node")
    declared = node.declare_parameters("limits", [("low", [1.0, 2.0]), ("names", ["a"], FIXED)])
    assert [parameter.name for parameter in declared] == ["limits.low", "limits.names"]
    assert node.get_parameter("limits.low").value == [1.0, 2.0]
    assert node.describe_parameter("limits.names").read_only


def test_a_name_is_declared_once(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("rate", 5.0)
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("rate", 1.0)


def test_a_name_is_not_empty(graph) -> None:
    with pytest.raises(InvalidParameterException):
        graph.node("node").declare_parameter("", 1.0)


def test_a_static_parameter_needs_a_value_or_a_type(graph) -> None:
    node = graph.node("node")
    with pytest.raises(ValueError, match="Cannot declare"):
        node.declare_parameter("rate", None, ParameterDescriptor())
    with pytest.raises(ValueError, match="Cannot declare"):
        node.declare_parameter("rate", Parameter.Type.NOT_SET)


def test_a_name_alone_is_deprecated_and_makes_a_dynamic_parameter(graph) -> None:
    node = graph.node("node")
    with pytest.warns(UserWarning, match="deprecated"):
        node.declare_parameter("anything")
    assert node.get_parameter("anything").value is None
    assert node.describe_parameter("anything").dynamic_typing


def test_a_type_alone_declares_an_uninitialised_parameter(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("open", Parameter.Type.STRING)
    assert node.has_parameter("open")
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("open")
    assert node.get_parameter_or("open", Parameter("open", value="x")).value == "x"


def test_an_uninitialised_parameter_can_be_set(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("open", Parameter.Type.STRING)
    assert not node.set_parameters([Parameter("open", value=1)])[0].successful
    assert node.set_parameters([Parameter("open", value="y")])[0].successful
    assert node.get_parameter("open").value == "y"


def test_an_override_wins_over_the_default(graph) -> None:
    assert graph.node("node", **override("rate", 2.5)).declare_parameter("rate", 5.0).value == 2.5


def test_an_override_initialises_what_has_a_type_alone(graph) -> None:
    assert graph.node("node", **override("given", "x")).declare_parameter("given", Parameter.Type.STRING).value == "x"


def test_an_override_can_be_ignored(graph) -> None:
    node = graph.node("node", **override("rate", 2.5))
    assert node.declare_parameter("rate", 5.0, ignore_override=True).value == 5.0


def test_an_override_of_another_type_is_refused(graph) -> None:
    with pytest.raises(InvalidParameterTypeException):
        graph.node("node", **override("n", "x")).declare_parameter("n", 1)


def test_an_override_outside_the_range_is_refused(graph) -> None:
    with pytest.raises(InvalidParameterValueException):
        graph.node("node", **override("rate", 99.0)).declare_parameter("rate", 1.0, RATE)


def test_overrides_may_declare_themselves(graph) -> None:
    node = graph.node("node", automatically_declare_parameters_from_overrides=True, **override("a.b", 1))
    assert node.get_parameter("a.b").value == 1


def test_a_callback_can_refuse_a_declaration(graph) -> None:
    node = graph.node("node")
    node.add_on_set_parameters_callback(lambda ps: SetParametersResult(successful=False, reason="no more"))
    with pytest.raises(InvalidParameterValueException, match="no more"):
        node.declare_parameter("a", 1)
    assert not node.has_parameter("a")


def test_an_undeclared_parameter_is_gone(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    node.undeclare_parameter("a")
    assert not node.has_parameter("a")
    assert node.declare_parameter("a", "text").value == "text"


def test_only_declared_parameters_can_be_undeclared(graph) -> None:
    with pytest.raises(ParameterNotDeclaredException):
        graph.node("node").undeclare_parameter("none")


def test_read_only_parameters_cannot_be_undeclared(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("fixed", "a", FIXED)
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("fixed")


# --- reading


def test_reading_what_is_not_declared_raises(graph) -> None:
    node = graph.node("node")
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("none")
    with pytest.raises(ParameterNotDeclaredException):
        node.describe_parameter("none")


def test_reading_can_name_an_alternative(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("there", 1)
    assert node.get_parameter_or("there", Parameter("there", value=3)).value == 1
    assert node.get_parameter_or("none", Parameter("none", value=3)).value == 3
    assert node.get_parameter_or("none").type_ is Parameter.Type.NOT_SET


def test_several_are_read_at_once(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a", 1), ("b", "x")])
    assert [parameter.value for parameter in node.get_parameters(["b", "a"])] == ["x", 1]


def test_a_prefix_reads_what_is_below_it_without_the_prefix(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("limits.low", 1.0), ("limits.joint.high", 2.0), ("limitless", 3.0)])
    found = node.get_parameters_by_prefix("limits")
    assert {name: parameter.value for name, parameter in found.items()} == {"low": 1.0, "joint.high": 2.0}


def test_a_description_has_name_type_and_range(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("rate", 5.0, RATE)
    described = node.describe_parameter("rate")
    assert (described.name, described.type) == ("rate", Parameter.Type.DOUBLE.value)
    assert described.floating_point_range[0].to_value == 10.0


@pytest.mark.parametrize(
    ("prefixes", "depth", "names", "parents"),
    [
        (["a"], 0, {"a.b.c", "a.d"}, {"a", "a.b"}),
        (["a"], 1, {"a.d"}, {"a"}),
        (["a.b"], 1, {"a.b.c"}, {"a.b"}),
        (["e"], 1, {"e"}, set()),
        (["none"], 0, set(), set()),
    ],
)
def test_parameters_are_listed_by_prefix_and_depth(graph, prefixes, depth: int, names, parents) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a.b.c", 1), ("a.d", 1), ("e", 1)])
    listed = node.list_parameters(prefixes, depth)
    assert (set(listed.names), set(listed.prefixes)) == (names, parents)


def test_every_node_has_use_sim_time(graph) -> None:
    assert graph.node("node").get_parameter("use_sim_time").value is False


# --- setting


def test_a_set_value_is_read(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    assert node.set_parameters([Parameter("a", value=2)])[0].successful
    assert node.get_parameter("a").value == 2


def test_setting_what_is_not_declared_raises(graph) -> None:
    with pytest.raises(ParameterNotDeclaredException):
        graph.node("node").set_parameters([Parameter("none", value=1)])


@pytest.mark.parametrize(
    ("value", "successful"),
    [(0.0, True), (10.0, True), (2.5, True), (-0.5, False), (10.5, False), (2.25, False), (2, False), ("x", False)],
)
def test_a_float_stays_within_range_step_and_type(graph, value, successful: bool) -> None:
    node = graph.node("node")
    node.declare_parameter("rate", 5.0, RATE)
    (result,) = node.set_parameters([Parameter("rate", value=value)])
    assert result.successful == successful
    assert node.get_parameter("rate").value == (value if successful else 5.0)
    assert bool(result.reason) != successful


@pytest.mark.parametrize(
    ("value", "successful"), [(0, True), (4, True), (11, True), (5, False), (-2, False), (12, False), (2.0, False)]
)
def test_an_integer_stays_within_range_step_and_type(graph, value, successful: bool) -> None:
    node = graph.node("node")
    node.declare_parameter("n", 2, COUNT)
    assert node.set_parameters([Parameter("n", value=value)])[0].successful == successful
    assert node.get_parameter("n").value == (value if successful else 2)


def test_read_only_parameters_are_not_set(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("fixed", "a", FIXED)
    (result,) = node.set_parameters([Parameter("fixed", value="b")])
    assert not result.successful
    assert "read-only" in result.reason
    assert node.get_parameter("fixed").value == "a"


def test_read_only_parameters_take_their_override(graph) -> None:
    assert graph.node("node", **override("fixed", "b")).declare_parameter("fixed", "a", FIXED).value == "b"


def test_a_dynamic_parameter_takes_any_type(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("any", 1, DYNAMIC)
    assert node.set_parameters([Parameter("any", value="text")])[0].successful
    assert node.get_parameter("any").value == "text"


def test_setting_nothing_undeclares_a_dynamic_parameter(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("any", 1, DYNAMIC)
    assert node.set_parameters([Parameter("any")])[0].successful
    assert not node.has_parameter("any")


def test_a_static_parameter_is_not_set_to_nothing(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    assert not node.set_parameters([Parameter("a")])[0].successful
    assert node.get_parameter("a").value == 1


def test_one_refused_parameter_does_not_hold_back_the_others(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a", 1), ("b", 1)])
    wanted = [Parameter("a", value="x"), Parameter("b", value=2)]
    assert [result.successful for result in node.set_parameters(wanted)] == [False, True]
    assert [node.get_parameter(name).value for name in "ab"] == [1, 2]


def test_set_atomically_all_are_set_or_none(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a", 1), ("b", 1)])
    assert not node.set_parameters_atomically([Parameter("a", value=2), Parameter("b", value="x")]).successful
    assert node.get_parameter("a").value == 1
    assert node.set_parameters_atomically([Parameter("a", value=2), Parameter("b", value=3)]).successful
    assert [node.get_parameter(name).value for name in "ab"] == [2, 3]


def test_undeclared_parameters_are_allowed_where_the_node_says_so(graph) -> None:
    node = graph.node("node", allow_undeclared_parameters=True)
    assert node.get_parameter("x").value is None
    assert node.set_parameters([Parameter("x", value=1)])[0].successful
    assert node.get_parameter("x").value == 1


def test_parameters_that_were_never_declared_may_change_their_type(graph) -> None:
    node = graph.node("node", allow_undeclared_parameters=True)
    node.set_parameters([Parameter("x", value=1)])
    assert node.set_parameters([Parameter("x", value="text")])[0].successful


# --- callbacks


def test_a_callback_before_may_add_parameters(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a", 1), ("b", 1)])
    node.add_pre_set_parameters_callback(lambda parameters: [*parameters, Parameter("b", value=7)])
    assert node.set_parameters([Parameter("a", value=2)])[0].successful
    assert [node.get_parameter(name).value for name in "ab"] == [2, 7]


def test_a_callback_before_may_not_leave_nothing(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    node.add_pre_set_parameters_callback(lambda parameters: [])
    assert not node.set_parameters([Parameter("a", value=2)])[0].successful
    assert node.get_parameter("a").value == 1


def test_a_callback_may_refuse_a_value_with_its_reason(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    node.add_on_set_parameters_callback(lambda ps: SetParametersResult(successful=False, reason="too much"))
    (result,) = node.set_parameters([Parameter("a", value=2)])
    assert (result.successful, result.reason) == (False, "too much")
    assert node.get_parameter("a").value == 1


def test_a_callback_is_not_asked_about_what_the_descriptor_refuses(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("rate", 5.0, RATE)
    asked: list[list[Parameter]] = []
    node.add_on_set_parameters_callback(lambda ps: asked.append(ps) or accept(ps))
    node.set_parameters([Parameter("rate", value=99.0)])
    assert asked == []


def test_all_callbacks_must_agree(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    node.add_on_set_parameters_callback(lambda ps: SetParametersResult(successful=False))
    node.add_on_set_parameters_callback(accept)
    assert not node.set_parameters([Parameter("a", value=2)])[0].successful


def test_a_callback_judges_one_by_one_what_is_not_set_atomically(graph) -> None:
    node = graph.node("node")
    node.declare_parameters("", [("a", 1), ("b", 1)])
    asked: list[list[str]] = []
    node.add_on_set_parameters_callback(lambda ps: asked.append([p.name for p in ps]) or accept(ps))
    both = [Parameter("a", value=2), Parameter("b", value=2)]
    node.set_parameters(both)
    node.set_parameters_atomically(both)
    assert asked == [["a"], ["b"], ["a", "b"]]


def test_callbacks_come_before_at_and_after_the_setting(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    order: list[tuple[str, int]] = []

    def note(when: str, answer):
        order.append((when, node.get_parameter("a").value))
        return answer

    node.add_pre_set_parameters_callback(lambda ps: note("before", ps))
    node.add_on_set_parameters_callback(lambda ps: note("at", accept(ps)))
    node.add_post_set_parameters_callback(lambda ps: note("after", None))
    node.set_parameters([Parameter("a", value=2)])
    assert order == [("before", 1), ("at", 1), ("after", 2)]


def test_nothing_follows_a_refusal(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    followed: list[list[Parameter]] = []
    node.add_post_set_parameters_callback(followed.append)
    node.set_parameters([Parameter("a", value="x")])
    assert followed == []


def test_a_removed_callback_is_not_asked(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)

    def refuse(parameters: list[Parameter]) -> SetParametersResult:
        return SetParametersResult(successful=False)

    node.add_on_set_parameters_callback(refuse)
    node.remove_on_set_parameters_callback(refuse)
    assert node.set_parameters([Parameter("a", value=2)])[0].successful


# --- from another node


class Remote:
    """A node `server` with some parameters, and another's client of them."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.node = graph.node("server")
        self.node.declare_parameter("rate", 5.0, RATE)
        self.node.declare_parameter("gains.p", [1, 2])
        self.node.declare_parameter("any", 1, DYNAMIC)
        self.client = AsyncParameterClient(graph.node("caller"), "server")
        assert self.client.wait_for_services(60.0)

    def done(self, future):
        self.graph.spin_until(future.done)
        return future.result()


def test_another_node_reads_values(graph) -> None:
    remote = Remote(graph)
    values = remote.done(remote.client.get_parameters(["rate", "gains.p"])).values
    assert [parameter_value_to_python(value) for value in values] == [5.0, [1, 2]]


def test_another_node_reads_types(graph) -> None:
    remote = Remote(graph)
    types = remote.done(remote.client.get_parameter_types(["rate", "gains.p"])).types
    assert list(types) == [Parameter.Type.DOUBLE.value, Parameter.Type.INTEGER_ARRAY.value]


def test_another_node_finds_no_value_where_nothing_is_declared(graph) -> None:
    remote = Remote(graph)
    values = remote.done(remote.client.get_parameters(["none"])).values
    assert [value for value in values if parameter_value_to_python(value) is not None] == []


def test_another_node_reads_descriptions(graph) -> None:
    remote = Remote(graph)
    (descriptor,) = remote.done(remote.client.describe_parameters(["rate"])).descriptors
    assert (descriptor.name, descriptor.type) == ("rate", Parameter.Type.DOUBLE.value)
    assert descriptor.floating_point_range[0].step == 0.5


def test_another_node_lists_names(graph) -> None:
    remote = Remote(graph)
    result = remote.done(remote.client.list_parameters()).result
    assert {"rate", "gains.p", "any", "use_sim_time"} <= set(result.names)
    assert list(remote.done(remote.client.list_parameters(["gains"], 1)).result.names) == ["gains.p"]


def test_another_node_sets_values_one_by_one(graph) -> None:
    remote = Remote(graph)
    wanted = [Parameter("rate", value=1.0), Parameter("rate", value=11.0), Parameter("none", value=1)]
    results = remote.done(remote.client.set_parameters(wanted)).results
    assert [result.successful for result in results] == [True, False, False]
    assert all(result.reason for result in results[1:])
    assert remote.node.get_parameter("rate").value == 1.0


def test_another_node_sets_all_values_or_none(graph) -> None:
    remote = Remote(graph)
    wanted = [Parameter("rate", value=1.0), Parameter("gains.p", value="x")]
    assert not remote.done(remote.client.set_parameters_atomically(wanted)).result.successful
    assert remote.node.get_parameter("rate").value == 5.0


def test_another_node_deletes_dynamic_parameters(graph) -> None:
    remote = Remote(graph)
    results = remote.done(remote.client.delete_parameters(["any", "rate"])).results
    assert [result.successful for result in results] == [True, False]
    assert not remote.node.has_parameter("any")


def test_another_node_is_told_when_the_response_is_there(graph) -> None:
    remote = Remote(graph)
    told: list[object] = []
    remote.client.get_parameters(["rate"], callback=lambda future: told.append(future.result().values[0].double_value))
    graph.spin_until(lambda: told)
    assert told == [5.0]


def test_a_node_can_be_without_parameter_services(graph) -> None:
    node = graph.node("quiet", start_parameter_services=False)
    assert not [name for name, _ in node.get_service_names_and_types() if name == "/quiet/get_parameters"]


# --- events


class Events:
    """What arrives on /parameter_events of a node `server`, which has a parameter `a` of 1."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.received: list[ParameterEvent] = []
        listener = graph.node("listener")
        subscription = listener.create_subscription(ParameterEvent, "/parameter_events", self.received.append, 1000)
        self.node = graph.node("server", namespace="/ns")
        publisher = next(p for p in self.node.publishers if p.topic_name == "/parameter_events")
        # The listener hears itself, too.
        graph.spin_until(lambda: subscription.get_publisher_count() == 2 and publisher.get_subscription_count() == 1)
        self.node.declare_parameter("a", 1, DYNAMIC)
        # Before come those of parameters that every node has.
        self.declared = self.next(lambda event: any(p.name == "a" for p in event.new_parameters))

    def next(self, wanted: Callable[[ParameterEvent], bool] = lambda event: True) -> ParameterEvent:
        """The server's next event, or the next one that is wanted."""
        found: list[ParameterEvent] = []

        def arrived() -> bool:
            found.extend(event for event in self.received if event.node == "/ns/server" and wanted(event))
            self.received.clear()
            return bool(found)

        self.graph.spin_until(arrived)
        return found[0]


def test_a_declaration_is_an_event(graph) -> None:
    event = Events(graph).declared
    assert [(p.name, p.value.integer_value) for p in event.new_parameters] == [("a", 1)]


def test_a_change_is_an_event(graph) -> None:
    events = Events(graph)
    events.node.set_parameters([Parameter("a", value=2)])
    event = events.next()
    assert [(p.name, p.value.integer_value) for p in event.changed_parameters] == [("a", 2)]
    assert event.stamp.sec > 0


def test_an_unset_parameter_is_an_event(graph) -> None:
    events = Events(graph)
    events.node.set_parameters([Parameter("a")])
    assert [p.name for p in events.next().deleted_parameters] == ["a"]


def test_what_is_set_together_is_one_event(graph) -> None:
    events = Events(graph)
    events.node.set_parameters_atomically([Parameter("a", value=2), Parameter("use_sim_time", value=False)])
    assert {p.name for p in events.next().changed_parameters} == {"a", "use_sim_time"}


def test_a_refused_value_is_no_event(graph) -> None:
    events = Events(graph)
    events.node.set_parameters([Parameter("use_sim_time", value="x")])
    events.node.set_parameters([Parameter("a", value=2)])
    assert [p.name for p in events.next().changed_parameters] == ["a"]


def test_a_handler_tells_of_one_parameter_of_one_node(graph) -> None:
    handler = ParameterEventHandler(graph.node("listener"))
    values: list[int] = []
    handler.add_parameter_callback("a", "server", lambda parameter: values.append(parameter.value.integer_value))
    for name in ("server", "other"):
        node = graph.node(name)
        node.declare_parameters("", [("a", 0), ("b", 0)])
    server = next(node for node in graph.executor.get_nodes() if node.get_name() == "server")
    count = iter(range(1, 1000))

    def told() -> bool:
        number = next(count)
        server.set_parameters([Parameter("b", value=-1), Parameter("a", value=number)])
        node.set_parameters([Parameter("a", value=-2)])
        return len(values) >= 3

    graph.spin_until(told)
    assert min(values) >= 0


def test_a_removed_handler_tells_nothing(graph) -> None:
    handler = ParameterEventHandler(graph.node("listener"))
    told: list[str] = []
    removed = handler.add_parameter_event_callback(lambda event: told.append("removed"))
    handler.add_parameter_event_callback(lambda event: told.append("kept"))
    handler.remove_parameter_event_callback(removed)
    node = graph.node("server")
    node.declare_parameter("a", 0)

    def change() -> bool:
        node.set_parameters([Parameter("a", value=1)])
        return "kept" in told

    graph.spin_until(change)
    assert "removed" not in told
    with pytest.raises(RuntimeError):
        handler.remove_parameter_event_callback(removed)
