"""Where chunks lead a tool, read off the names and units of contracts."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from sdm_cockpit.tool_path import ToolPath
from sdm_core.contract import ActionEntry, Contract, StateEntry

START = np.array([0.1, 0.2, 0.3])


def contract(unit: str, *names: str, state: tuple[str, ...] = ("hand.x", "hand.y", "hand.z", "gap")) -> Contract:
    """A contract of these action entries, each bounded by ±1."""
    plain = small_contract(state=state)
    entries = tuple(ActionEntry(name=name, unit=unit, low=-1, high=1) for name in names)
    hold = (0.0,) * len(entries)
    return plain.model_copy(update={"action": plain.action.model_copy(update={"entries": entries, "hold": hold})})


def path_of(tool: ToolPath, targets: np.ndarray) -> list[list[float]]:
    """Where the targets lead from START."""
    path = tool.path(targets, START)
    assert path is not None
    return path.tolist()


def test_places_are_the_path_itself() -> None:
    tool = ToolPath(contract("m", "gripper", "ee.x", "ee.y", "ee.z"))
    targets = np.arange(8.0).reshape(2, 4)
    assert path_of(tool, targets) == targets[:, 1:].tolist()
    assert tool.workspace is not None
    np.testing.assert_array_equal(tool.workspace.low, [-1, -1, -1])


def test_steps_add_up_in_their_unit() -> None:
    tool = ToolPath(contract("10 mm per step", "mocap.dx", "mocap.dy", "mocap.dz"))
    path = path_of(tool, np.array([[1, 0, -1], [0.5, 0, 0]]))
    np.testing.assert_allclose(path, [[0.11, 0.2, 0.29], [0.115, 0.2, 0.29]])
    assert tool.workspace is None


def test_velocities_are_integrated_over_the_control_period() -> None:
    path = path_of(ToolPath(contract("m/s", "vx", "vy", "vz")), np.array([[1.0, 0, 0], [1.0, 0, 2.0]]))
    np.testing.assert_allclose(path, [[0.2, 0.2, 0.3], [0.3, 0.2, 0.5]])


def test_an_axis_that_nobody_moves_stays() -> None:
    tool = ToolPath(contract("m", "target.x", "target.y"))
    assert path_of(tool, np.array([[0.5, 0.6]])) == [[0.5, 0.6, 0.3]]
    assert tool.workspace is None


@pytest.mark.parametrize(("unit", "name"), [("rad", "joint1"), ("half the range", "carrier.x"), ("effort", "dx")])
def test_what_names_no_place_has_no_path(unit: str, name: str) -> None:
    assert ToolPath(contract(unit, name)).path(np.zeros((3, 1)), START) is None


def test_the_tool_stands_where_the_cloud_is_centred_or_where_the_first_names_say() -> None:
    names = ("left.x", "left.y", "left.z", "ee.x", "ee.y", "ee.z", "ee.qx", "ee.qy", "ee.qz", "ee.qw")
    plain = contract("m", "ee.x", "ee.y", "ee.z", state=names)
    state = np.arange(10.0)
    first = ToolPath(plain).pose(state)
    assert first is not None
    assert (first.position.tolist(), first.quaternion.tolist()) == ([0, 1, 2], [0, 0, 0, 1])
    cloud = plain.observation.cloud
    assert cloud is not None
    centred = plain.observation.model_copy(
        update={"cloud": cloud.model_copy(update={"centre": ("ee.x", "ee.y", "ee.z")})}
    )
    second = ToolPath(plain.model_copy(update={"observation": centred})).pose(state)
    assert second is not None
    assert (second.position.tolist(), second.quaternion.tolist()) == ([3, 4, 5], [6, 7, 8, 9])


def test_a_robot_without_a_tool_has_no_pose_and_no_path() -> None:
    plain = contract("m", "x", "y", "z")
    states = (StateEntry(name="joint1", unit="rad"),)
    tool = ToolPath(plain.model_copy(update={"observation": plain.observation.model_copy(update={"state": states})}))
    assert (tool.pose(np.zeros(1)), tool.places(np.zeros((2, 1))), tool.path(np.zeros((2, 3)), None)) == (None,) * 3
