"""Robomimic's tasks on robosuite: observed and repeated as the contract says, solved by their scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from helpers import agents
from helpers.agents import Agent, expert, random, still
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim import optional_packages
from sdm_sim.demonstrations import demonstrate
from sdm_sim.registry import make_task
from sdm_sim.robomimic import suite

pytest.importorskip("robosuite", reason="make robomimic installs it")

from sdm_sim.robomimic.contract import ROTATION, TRANSLATION
from sdm_sim.robomimic.experts.hand import Hand
from sdm_sim.robomimic.experts.two_hands import TwoHands
from sdm_sim.robomimic.task import RobomimicTask

LEAST_RATE = 0.8


@pytest.fixture(scope="module")
def task_of() -> Iterator[Callable[[str], RobomimicTask]]:
    """Builds each task once for the module: it takes seconds."""
    tasks: dict[str, RobomimicTask] = {}

    def build(name: str) -> RobomimicTask:
        if name not in tasks:
            tasks[name] = RobomimicTask(name)
        return tasks[name]

    yield build
    for task in tasks.values():
        task.close()


def episode(task: RobomimicTask, seed: int, agent: Agent) -> list[NDArray]:
    """The first steps, since each takes long."""
    return agents.episode(task, seed, agent, steps=12, look_every=6)


@pytest.mark.parametrize("agent", [still, random, expert])
@pytest.mark.parametrize("name", suite.TASKS)
def test_observations_are_finite_and_as_the_contract_says(name: str, agent: Agent, task_of: Callable) -> None:
    task = task_of(name)
    seen, spec = episode(task, 7, agent), task.contract.observation.cloud
    assert all(np.isfinite(values).all() for values in seen)
    assert {values.shape for values in seen} == {(task.contract.state_dim,), (spec.points, spec.channels)}
    assert task.contract.task == task.name == f"robomimic/{name}"
    assert task.contract.rates.control_hz == 20.0


@pytest.mark.parametrize("name", suite.TASKS)
def test_the_same_seed_is_the_same_episode_bit_for_bit(name: str, task_of: Callable) -> None:
    task = task_of(name)
    first, other, again = (episode(task, seed, random) for seed in (11, 14, 11))
    assert [values.tobytes() for values in first] == [values.tobytes() for values in again]
    assert first[0].tobytes() != other[0].tobytes()


def test_another_process_s_task_has_the_same_episodes(task_of: Callable) -> None:
    used = task_of("lift")
    episode(used, 3, expert)
    fresh = RobomimicTask("lift")
    elsewhere = episode(fresh, 11, random)
    fresh.close()
    assert [values.tobytes() for values in elsewhere] == [values.tobytes() for values in episode(used, 11, random)]


@pytest.mark.parametrize("name", suite.TASKS)
def test_an_episode_begins_unsolved_with_the_hands_open(name: str, task_of: Callable) -> None:
    task = task_of(name)
    episode(task, 3, random)
    task.reset(5)
    assert (task.succeeded, task.success_steps) == (False, 0)
    assert all(arm.width > 0.03 for arm in task.world.arms)


def test_an_action_moves_the_hand_along_the_world_s_axes(task_of: Callable) -> None:
    task = task_of("lift")
    for axis in range(6):
        task.reset(1)
        task.step(np.zeros(7))
        before, action = task.world.arms[0].pose, np.zeros(7)
        action[axis] = 1.0
        for _ in range(4):
            task.step(action)
        after = task.world.arms[0].pose
        turn = (after.rotation * before.rotation.inv()).as_rotvec()
        moved = np.concatenate([(after.position - before.position) / TRANSLATION, turn / ROTATION])
        alike = slice(0, 3) if axis < 3 else slice(3, 6)  # as fast a turn swings the hand to the side, too
        assert moved[axis] == np.abs(moved[alike]).max() > 0.2


def test_a_quaternion_keeps_its_sign_when_the_hand_turns(task_of: Callable) -> None:
    task = task_of("lift")
    task.reset(0)
    quaternions = []
    for step in range(60):
        task.step(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0 if step < 20 else -1.0, -1.0]))
        quaternions.append(task.observe(depth=False).values[3:7])
    assert np.abs(np.diff(quaternions, axis=0)).max() < 0.3


def test_collision_shapes_and_marks_are_not_shown(task_of: Callable) -> None:
    task = task_of("lift")
    task.reset(2)
    before = task.observe(images=True)
    model = task.world.model
    names = [model.geom(index).name for index in range(model.ngeom)]
    collides = np.array([name == "cube_g0" or name.endswith("_collision") for name in names])
    assert collides.sum() > 8
    colours = model.geom_rgba[collides].copy()
    model.geom_rgba[collides] = (0.0, 1.0, 0.0, 1.0)
    after = task.observe(images=True)
    model.geom_rgba[collides] = colours
    np.testing.assert_array_equal(before.images["camera"], after.images["camera"])
    assert before.images["camera"].shape == (128, 128, 3)


@pytest.mark.parametrize("name", ["lift", "can", "square"])
def test_the_script_solves_an_episode_within_the_contract_s_bounds(name: str, task_of: Callable) -> None:
    found = demonstrate(task_of(name), 2)
    assert found is not None
    assert np.abs(found.action).max() <= 1.0


def test_of_two_hands_the_one_that_is_ready_waits_for_the_other(task_of: Callable) -> None:
    task = task_of("transport")
    task.reset(4)
    ready, busy = (Hand(arm) for arm in task.world.arms)
    before, target = ready.arm.pose, busy.arm.pose.moved(z=0.1)
    steps = 0
    for action in TwoHands(ready, busy).work(ready.stay(2), busy.go(target)):
        task.step(action)
        steps += 1
    assert steps > 2
    assert np.linalg.norm(busy.arm.pose.position - target.position) < 0.01
    assert np.linalg.norm(ready.arm.pose.position - before.position) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tool-hang", "transport"])
def test_the_script_solves_the_long_tasks(name: str, task_of: Callable) -> None:
    assert demonstrate(task_of(name), 0) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lift", "can", "square"])
def test_scripts_solve_most_episodes(name: str, task_of: Callable) -> None:
    task, solved = task_of(name), 0
    for seed in range(100, 150):
        task.reset(seed)
        for _ in range(task.step_limit):
            if task.decided:
                break
            task.step(task.expert())
        solved += task.succeeded
    assert solved >= LEAST_RATE * 50


def test_a_missing_package_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    with pytest.raises(TaskError, match=r"^robomimic/lift needs the package robosuite: make robomimic, or pip install"):
        make_task("robomimic/lift")


def test_robosuite_is_silent_and_leaves_the_renderer_as_chosen() -> None:
    script = "import os, sdm_sim.robomimic.world as w; w._robosuite(); print(os.environ['MUJOCO_GL'])"
    run = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "MUJOCO_GL": "disable"}, capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("disable\n", "")
