"""A control period in parts: which there are, that together they are one, and what a miss is."""

from __future__ import annotations

import numpy as np
import pytest
from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.control_parts import control_parts, step_part
from sdm_sim.bridge.errors import BridgeError
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.registry import make_task

TARGET = np.array([0.45, 0.1, 0.3, 1.0, 0.0, 0.0, 0.0, 1.0])


def state(task: FrankaTask) -> np.ndarray:
    return task.observe(depth=False).values


def test_an_arm_may_be_commanded_at_multiples_of_its_control_rate(task: FrankaTask) -> None:
    assert [control_parts(task, hz) for hz in (0.0, 20.0, 100.0, 500.0)] == [1, 1, 5, 25]


@pytest.mark.parametrize("hz", [10.0, 50.0, 40.0, 1000.0])
def test_a_rate_that_is_none_of_the_physics_is_refused(task: FrankaTask, hz: float) -> None:
    with pytest.raises(BridgeError, match=f"{hz:g} is none of franka/pick-place's rates, 20, 100, 500"):
        control_parts(task, hz)


def test_a_task_that_knows_no_parts_has_one() -> None:
    task = make_task("metaworld/reach")
    assert control_parts(task, task.contract.rates.control_hz) == 1
    with pytest.raises(BridgeError, match="metaworld/reach steps at its control rate only, not at 160 Hz"):
        control_parts(task, 160.0)
    task.close()


def test_the_parts_of_a_period_lead_where_the_period_leads(task: FrankaTask) -> None:
    task.reset(1)
    for _ in range(10):
        task.step(TARGET)
    whole = state(task)
    task.reset(1)
    actuation = Actuation(task, pytest.fail, parts=5)
    for _ in range(50):
        actuation.step(TARGET)
    parts = state(task)
    np.testing.assert_allclose(parts, whole, atol=1e-9)
    assert (len(actuation.stepped_with), actuation.misses) == (50, 0)
    task.reset(1)
    for action in actuation.stepped_with:
        step_part(task, action, 5)
    np.testing.assert_array_equal(state(task), parts)  # as a film goes through them once more


def test_a_period_is_a_miss_where_none_of_its_parts_had_a_command(task: FrankaTask) -> None:
    task.reset(1)
    actuation = Actuation(task, pytest.fail, parts=5)
    for part in range(15):
        actuation.step(TARGET if part in (0, 13) else None)
    assert actuation.misses == 1
    np.testing.assert_array_equal(actuation.stepped_with[:13], np.tile(TARGET, (13, 1)))


def test_whether_it_is_done_is_asked_once_a_period(task: FrankaTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task.scenario, "solved", lambda: True)
    task.reset(1)
    actuation = Actuation(task, pytest.fail, parts=5)
    for _ in range(11):
        actuation.step(TARGET)
    assert task.success_steps == 2
