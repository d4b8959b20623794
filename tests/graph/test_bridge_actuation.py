"""What a task is stepped with: valid commands as they are, otherwise its hold; and poses, where a task knows how."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.command_inbox import PoseTarget
from sdm_sim.registry import make_task
from sdm_sim.task import Task

FORWARD = np.array([0.0, 0.1, 0.0, 1.0])
HELD = np.array([0.0, 0.0, 0.0, 1.0])  # still, the gripper keeping its last value
IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    task = make_task("metaworld/reach")
    yield task
    task.close()


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def actuation(task: Task, warnings: list[str]) -> Actuation:
    task.reset(0)
    return Actuation(task, warnings.append)


def hand(task: Task) -> np.ndarray:
    return task.observe(depth=False).values[:3]


def test_a_valid_command_passes_bit_by_bit(actuation: Actuation) -> None:
    actuation.step(FORWARD)
    np.testing.assert_array_equal(actuation.stepped_with, [FORWARD])
    assert (actuation.misses, actuation.refused) == (0, 0)


def test_a_missing_command_is_held_and_a_miss(actuation: Actuation) -> None:
    actuation.step(FORWARD)
    actuation.step(None)
    np.testing.assert_array_equal(actuation.stepped_with, [FORWARD, HELD])
    assert (actuation.misses, actuation.refused) == (1, 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros(3), "3 entries, expected 4"),
        (np.array([0.0, np.nan, 0.0, 0.0]), "not finite"),
        (np.array([np.inf, 0.0, 0.0, 0.0]), "not finite"),
        (PoseTarget("camera", np.zeros(3), IDENTITY, None), "frame 'camera', expected 'world'"),
        (PoseTarget("world", np.array([np.nan, 0.0, 0.0]), IDENTITY, None), "not finite"),
        (PoseTarget("world", np.zeros(3), IDENTITY, np.nan), "gripper_command is not finite"),
    ],
)
def test_a_wrong_command_changes_nothing_is_counted_and_said(
    actuation: Actuation, warnings: list[str], wrong: np.ndarray | PoseTarget, said: str
) -> None:
    actuation.step(FORWARD)
    actuation.step(wrong)
    np.testing.assert_array_equal(actuation.stepped_with, [FORWARD, HELD])
    assert (actuation.misses, actuation.refused) == (1, 1)
    (warning,) = warnings
    assert said in warning


def test_a_pose_target_draws_the_hand_to_it(actuation: Actuation, task: Task) -> None:
    target = hand(task) + np.array([0.05, 0.05, -0.03])
    for _ in range(80):
        actuation.step(PoseTarget("world", target, IDENTITY, 1.0))
    assert np.linalg.norm(hand(task) - target) < 0.015  # the coupling is soft
    assert (actuation.stepped_with[:, 3] == 1.0).all()
    assert actuation.misses == 0
