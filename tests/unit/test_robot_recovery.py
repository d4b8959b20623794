"""`~/recover` answers also where the driver dies meanwhile, and serves whoever asks after that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from franka_msgs.action import ErrorRecovery
from helpers.graph import Graph, graph
from rclpy.action import ActionServer, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sdm_policy_node.commands import robot_recovery
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.operator_services import OperatorServices
from std_srvs.srv import Trigger

ACTION = "error_recovery"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Driver:
    """Never answers the first goal, from `phase` on; recovers from the second on."""

    def __init__(self, world: Graph, phase: str) -> None:
        self._phase = phase
        self.deaf = False
        self._server = ActionServer(
            world.node,
            ErrorRecovery,
            ACTION,
            self._recover,
            goal_callback=self._accept,
            callback_group=ReentrantCallbackGroup(),
        )

    async def _accept(self, goal: Any) -> GoalResponse:
        await self._die_once("accepting")
        return GoalResponse.ACCEPT

    async def _recover(self, handle: Any) -> Any:
        await self._die_once("recovering")
        handle.succeed()
        return ErrorRecovery.Result()

    async def _die_once(self, phase: str) -> None:
        if phase == self._phase and not self.deaf:
            self.deaf = True
            await Future()


def services(world: Graph, fault: str = "") -> OperatorServices:
    """What command_node serves, where nothing moves; the action's server is known."""
    loop = SimpleNamespace(stream=SimpleNamespace(pause=lambda: None, resume=lambda now: "at rest"))
    served = OperatorServices(cast(Any, world.node), cast(Any, loop), Interlock(fault), ACTION)
    client = served._recovery._client
    assert client
    assert world.spin_until(client.server_is_ready)
    return served


@pytest.mark.parametrize("phase", ["accepting", "recovering"])
def test_a_driver_that_dies_over_a_recovery_is_said_and_the_next_one_is_begun(world, monkeypatch, phase):
    driver = Driver(world, phase)
    served = services(world)
    timers = len(list(world.node.timers))
    monkeypatch.setattr(robot_recovery, "_PATIENCE_S", 0.1)
    answer = world.call(Trigger, "test/recover")
    assert not answer.success
    assert answer.message == f"{ACTION} has not answered for 0.1 s; is the driver alive?"
    assert world.spin_until(lambda: driver.deaf)
    monkeypatch.undo()
    answer = world.call(Trigger, "test/recover")
    assert answer.success, answer.message
    assert len(list(world.node.timers)) == timers
    served.close()


@pytest.mark.parametrize("fault", ["", "the robot stands 0.3 m from its command"])
def test_a_fault_that_is_still_latched_is_told_to_whoever_recovers_or_resumes(world, fault):
    _driver = Driver(world, "never")
    served = services(world, fault)
    latched = f"; a fault is still latched: {fault}; call ~/reset_fault when its cause is gone"
    expected = {
        "recover": f"the robot has recovered and is paused{latched if fault else ''}; call ~/resume",
        "resume": f"the pause is lifted{latched}" if fault else "the next chunk begins at rest",
    }
    for request, message in expected.items():
        answer = world.call(Trigger, f"test/{request}")
        assert (answer.success, answer.message) == (True, message)
    served.close()


def test_nobody_waits_for_a_driver_once_the_services_are_gone(world):
    driver = Driver(world, "recovering")
    served = services(world)
    timers = len(list(world.node.timers))
    client = world.node.create_client(Trigger, "test/recover")
    assert world.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert world.spin_until(lambda: driver.deaf)
    assert len(list(world.node.timers)) == timers + 1
    served.close()
    assert len(list(world.node.timers)) == timers
    assert not future.done()
