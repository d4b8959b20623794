"""A push leads what lies free aside, the same way for the same seed, and spares what is touched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.registry import make_task
from sdm_sim.shove import REACH, Shove


def shove_of(task: FrankaTask) -> Shove:
    return Shove(task.name, task.world.model, task.world.data, task.contract.dt)


def carton_after_a_push(task: FrankaTask, seed: int) -> tuple[NDArray[np.float64], float]:
    """How far [2] (m) a push has led the carton, and how upright it still is (1: quite)."""
    shove = shove_of(task)
    task.reset(seed)
    shove.reset(seed)
    carton, stay = task.world.data.body("carton"), np.append(task.robot.pose, 0.0)
    task.step(stay)
    before = carton.xpos.copy()
    shove.push()
    for _ in range(15):
        shove.carry()
        task.step(stay)
    return (carton.xpos - before)[:2], float(carton.xmat[8])


def test_a_push_leads_a_thing_aside_and_leaves_it_upright(task: FrankaTask) -> None:
    way, upright = carton_after_a_push(task, 3)
    assert np.linalg.norm(way) == pytest.approx(REACH, abs=0.003)
    assert upright > 0.999


def test_a_seed_repeats_its_pushes(task: FrankaTask) -> None:
    (first, _), (again, _), (other, _) = (carton_after_a_push(task, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.linalg.norm(first - other) > 0.01


def test_what_the_hand_holds_stays_in_it(task: FrankaTask) -> None:
    shove, carton = shove_of(task), task.world.data.body("carton")
    task.reset(5)
    while carton.xpos[2] < 0.08:
        task.step(task.expert())
    held = carton.xpos - task.robot.pose[:3]
    shove.push()
    for _ in range(4):
        shove.carry()
        task.step(task.expert())
    assert np.linalg.norm(carton.xpos - task.robot.pose[:3] - held) < 0.005


def test_where_nothing_lies_free_there_is_nothing_to_push() -> None:
    fork = make_task("fork/reach")
    try:
        with pytest.raises(TaskError, match="fork/reach: nothing in this task lies free"):
            Shove(fork.name, fork.world.model, fork.world.data, fork.contract.dt)  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        fork.close()
