"""All tasks but MetaWorld's and Robomimic's, which have their own tests, under agents that know nothing and experts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from helpers.agents import Agent, episode, expert, random, still
from helpers.dexart_assets import write_assets
from sdm_core.errors import TaskError
from sdm_sim.registry import make_task, task_names
from sdm_sim.task import Task

NAMES = [name for name in task_names() if not name.startswith(("metaworld/", "robomimic/"))]


@pytest.fixture(scope="module")
def dexart_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assets(tmp_path_factory.mktemp("dexart"))


@pytest.fixture
def task(request: pytest.FixtureRequest, dexart_assets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    if request.param.startswith("dexart/") and find_spec("sapien") is None:
        pytest.skip("the extra dexart is not installed: pip install sapien==3.0.3")
    monkeypatch.setenv("SDM_DEXART_ASSETS", str(dexart_assets))
    task = make_task(request.param)
    yield task
    task.close()


@pytest.mark.parametrize("agent", [still, random, expert])
@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_observations_are_finite_and_as_the_contract_says(task: Task, agent: Agent) -> None:
    if agent is expert and task.expert_kind is None:
        with pytest.raises(TaskError, match=f"{task.name} has no scripted expert"):
            task.expert()
        return
    planning = agent is expert and task.expert_kind == "planner"  # which is slow
    seen = episode(task, 7, agent, steps=3 if planning else 40)
    spec = task.contract.observation.cloud
    assert spec is not None
    assert all(np.isfinite(values).all() for values in seen)
    assert {values.shape for values in seen} == {(task.contract.state_dim,), (spec.points, spec.channels)}
    assert task.contract.task == task.name
    assert task.contract.normaliser is None
    assert task.way is None or len(task.way) == 1
    assert task.score is None or 0.0 <= task.score <= 1.0


@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_the_same_seed_is_the_same_episode_bit_for_bit(task: Task) -> None:
    first = episode(task, 11, random)
    other = episode(task, 14, random)
    again = episode(task, 11, random)
    fresh = make_task(task.name)
    elsewhere = episode(fresh, 11, random)
    fresh.close()
    assert [values.tobytes() for values in first] == [values.tobytes() for values in again]
    assert [values.tobytes() for values in first] == [values.tobytes() for values in elsewhere]
    # Where all begin with the same state, the cloud beside it tells the seeds apart.
    assert [values.tobytes() for values in first[:2]] != [values.tobytes() for values in other[:2]]


@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_an_episode_begins_unsolved_and_forgets_the_last_one(task: Task) -> None:
    episode(task, 3, random)
    task.reset(5)
    assert not task.succeeded
    assert task.success_steps == 0
    assert task.way is None
    assert not task.score
