"""Corners of the embedded runtime's parameters, their clients and handlers, beyond what ROS 2's documentation says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import rclpy
from helpers.domain import own_domain
from launch.launch_context import LaunchContext
from launch_ros.parameter_descriptions import ParameterValue
from rcl_interfaces.msg import ParameterEvent
from rclpy.context import Context
from rclpy.parameter_client import AsyncParameterClient
from rclpy.parameter_event_handler import ParameterEventHandler


@pytest.fixture
def node():
    context = Context()
    rclpy.init(args=[], context=context, domain_id=own_domain())
    yield rclpy.create_node("node", context=context)
    rclpy.try_shutdown(context=context)


def test_the_contexts_end_ends_a_wait_for_a_nodes_parameters(node) -> None:
    client = AsyncParameterClient(node, "nobody")
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(client.wait_for_services()), daemon=True)
    thread.start()
    rclpy.try_shutdown(context=node.context)
    thread.join(60.0)
    assert found == [False]


def test_a_callback_may_wait_for_a_thread_that_adds_another(node) -> None:
    handler = ParameterEventHandler(node)
    added: list[bool] = []

    def add() -> None:
        handler.add_parameter_event_callback(lambda event: None)
        added.append(True)

    def wait(event: ParameterEvent) -> None:
        thread = threading.Thread(target=add, daemon=True)
        thread.start()
        thread.join(60.0)

    handler.add_parameter_event_callback(wait)
    handler._on_event(ParameterEvent())
    assert added == [True]


def test_a_value_left_empty_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text("/**:\n  ros__parameters:\n    command:\n      timeout_s:\n      rate_hz: 80.0\n")
    said = "parameter 'command.timeout_s', line 4: there is no value; write one, or '' for an empty text"
    with pytest.raises(RuntimeError, match=said):
        rclpy.init(args=["--ros-args", "--params-file", str(file)], context=Context())


@pytest.mark.parametrize("text", ["[1, 2.5]", [1, 2.5], (1, 2.5)])
def test_an_array_of_floats_in_a_launch_file_may_have_integers_and_the_builtin_type(text) -> None:
    value = ParameterValue(text, value_type=list[float]).evaluate(LaunchContext())
    assert value == [1.0, 2.5]
    assert [type(item) for item in value] == [float, float]
