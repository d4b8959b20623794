"""Corners of the embedded runtime's parameter clients and handlers, which rclpy's documentation does not reach."""

from __future__ import annotations

import threading

import pytest
import rclpy
from helpers.domain import own_domain
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
