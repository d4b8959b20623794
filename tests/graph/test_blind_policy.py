"""A policy that no longer sees, as its camera is silent, frozen or unusable: the robot stops until it sees again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.fake_policy import interventions
from helpers.fake_robot import FakeRobot, depth_image, state_values
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from sdm_interfaces.msg import PolicyTrace

CONTRACT = small_contract(horizon=40)
# Neither lost chunks nor heartbeats stop the robot here: nothing but what the policy says of itself does.
PATIENT = {"chunk_timeout_s": 10.0, "heartbeat_timeout_s": 5.0, "hold_s": 30.0}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Cell:
    """A robot that is seen at the control rate, a policy, and the command node that follows it."""

    def __init__(self, world: Graph, folder: Path) -> None:
        self.world = world
        checkpoint = LinearPolicy(CONTRACT).write(folder / "policy").path
        seeing = {"backend": "onnxruntime", "frozen_frames": 3, "silent_frames": 2, "max_age_s": 5.0}
        world.start("policy_node", checkpoint=checkpoint, startup_wait_s=0.0, max_skew_s=0.5, **seeing)
        world.start("command_node", checkpoint=checkpoint, **PATIENT)
        self.robot = FakeRobot(world, CONTRACT)
        self.traces: list[PolicyTrace] = []
        world.node.create_subscription(PolicyTrace, "command_node/trace", self.traces.append, 50)
        self._step, self._due = 0, 0.0

    def until(self, predicate: Callable[[], bool], fault: str = "") -> bool:
        """The robot is seen, or its camera has a fault, until the predicate holds."""

        def step() -> bool:
            if time.monotonic() > self._due:
                self._due = time.monotonic() + CONTRACT.dt
                self._tell(fault)
            return predicate()

        return self.world.spin_until(step, 40.0)

    def _tell(self, fault: str) -> None:
        stamp = time.time_ns()
        self.robot.tell_state(stamp, state_values(self._step, CONTRACT))
        self.robot.tell_info(stamp)
        if fault != "silent":
            self._step += fault != "frozen"
            image = depth_image(self._step, CONTRACT)
            self.robot.tell_image(stamp, np.zeros_like(image) if fault == "empty" else image)


@pytest.mark.parametrize(
    ("fault", "says"),
    [("silent", "no image for"), ("frozen", "as if frozen"), ("empty", "motion refused")],
)
def test_the_robot_stops_as_long_as_the_policy_does_not_see(world: Graph, tmp_path: Path, fault: str, says: str):
    cell = Cell(world, tmp_path)
    assert cell.until(lambda: len(cell.robot.traces) > 10 and len(cell.robot.commands) > 10), world.outputs()
    cell.traces.clear()
    assert cell.until(lambda: "policy_refuses" in interventions(cell.traces), fault), world.outputs()
    assert cell.until(lambda: cell.robot.commands[-1][:2] == [0.0, 0.0], fault)
    assert cell.until(lambda: says in world.outputs(), fault), world.outputs()  # its line may come after its heartbeat
    cell.robot.commands.clear()
    assert cell.until(lambda: any(command[0] != 0.0 for command in cell.robot.commands)), world.outputs()
    assert interventions(cell.traces).isdisjoint({"chunks_lost", "heartbeat_lost"})
