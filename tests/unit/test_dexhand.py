"""The hand on its carrier, the things that it finds on the table, and the planner that moves their parts."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim import optional_packages
from sdm_sim.adroit_hand import HAND_JOINTS, PALM_SITE
from sdm_sim.demonstrations import demonstrate
from sdm_sim.dexhand import suite
from sdm_sim.dexhand.article import BOTTOM, HOLD
from sdm_sim.dexhand.hand import HINGES, SLIDES
from sdm_sim.dexhand.task import DexHandTask
from sdm_sim.registry import make_task

ACTIONS = len(SLIDES + HINGES) + HAND_JOINTS
HOME = np.array([-0.014, -0.25, 0.27])


@pytest.fixture(scope="module", params=suite.TASKS)
def task(request: pytest.FixtureRequest) -> Iterator[DexHandTask]:
    task = DexHandTask(request.param)
    yield task
    task.close()


@pytest.fixture(scope="module")
def bucket() -> Iterator[DexHandTask]:
    task = DexHandTask("bucket")
    yield task
    task.close()


def palm(task: DexHandTask) -> NDArray[np.float64]:
    return task.observe(depth=False).values[-3:]


def test_the_contract_has_the_carrier_s_and_the_hand_s_targets_at_25_hz(task: DexHandTask) -> None:
    contract = task.contract
    assert (contract.action_dim, contract.state_dim) == (ACTIONS, ACTIONS + 3)
    assert contract.action.kind == "native"
    assert {(entry.low, entry.high) for entry in contract.action.entries} == {(-1.0, 1.0)}
    assert contract.rates.control_hz == 25.0
    assert tuple(entry.name for entry in contract.action.entries) == contract.state_names[:ACTIONS]
    units = [entry.unit for entry in contract.observation.state]
    assert units == ["m"] * len(SLIDES) + ["rad"] * (ACTIONS - len(SLIDES)) + ["m"] * 3


def test_the_state_is_all_actuated_joints_and_where_the_palm_is(bucket: DexHandTask) -> None:
    bucket.reset(2)
    bucket.step(np.full(ACTIONS, 0.3))
    frame = bucket.observe(depth=False)
    assert frame.names[:ACTIONS] == (*SLIDES, *HINGES, "WRJ1", "WRJ0", *frame.names[8:ACTIONS])
    joints = [bucket._data.joint(name).qpos[0] for name in frame.names[:ACTIONS]]
    np.testing.assert_array_equal(frame.values[:ACTIONS], joints)
    np.testing.assert_array_equal(frame.values[ACTIONS:], bucket._data.site(PALM_SITE).xpos)


@pytest.mark.parametrize(("slide", "axis"), [(0, 0), (1, 1), (2, 2)])
def test_the_carrier_brings_the_palm_along_the_world_s_axes(bucket: DexHandTask, slide: int, axis: int) -> None:
    bucket.reset(0)
    assert palm(bucket) == pytest.approx(HOME, abs=1e-3)
    action, expected = np.zeros(ACTIONS), HOME.copy()
    action[slide] = -0.5
    expected[axis] += action[slide] * bucket._model.actuator_ctrlrange[slide, 1]
    for _ in range(60):
        bucket.step(action)
    # The wrist, in the middle of its range, is a little bent.
    assert palm(bucket) == pytest.approx(expected, abs=0.03)


def test_the_carrier_turns_about_the_palm(bucket: DexHandTask) -> None:
    for hinge in range(len(SLIDES), ACTIONS - HAND_JOINTS):
        bucket.reset(0)
        bucket._data.qpos[hinge] = 0.5
        bucket.step(np.zeros(ACTIONS))
        assert palm(bucket) == pytest.approx(HOME, abs=0.04)


def test_each_seed_has_a_thing_of_its_own_and_the_planner_imagines_that_one(task: DexHandTask) -> None:
    task.reset(1)
    one, place = task._model.geom_size.copy(), task._data.site(HOLD).xpos.copy()
    task.reset(2)
    assert (task._model.geom_size != one).any()
    assert (task._data.site(HOLD).xpos != place).all()
    np.testing.assert_array_equal(task._imagined.geom_size, task._model.geom_size)
    np.testing.assert_array_equal(task._imagined.body_inertia, task._model.body_inertia)
    task.reset(1)
    np.testing.assert_array_equal(task._model.geom_size, one)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_nobody_touches_stays_as_it_is(task: DexHandTask, seed: int) -> None:
    task.reset(seed)
    begun = task._data.site(HOLD).xpos.copy()
    up = np.zeros(ACTIONS)
    up[:3] = (0.0, -1.0, 1.0)  # out of the way
    for _ in range(40):
        task.step(up)
    assert task._data.site(HOLD).xpos == pytest.approx(begun, abs=5e-3)
    assert task.score == pytest.approx(0.0, abs=0.05)


def test_success_is_that_the_part_has_gone_its_way_and_the_score_how_much_of_it(task: DexHandTask) -> None:
    task.reset(3)

    def move(share: float) -> None:
        task._data.qpos[task._part], task._data.qvel[:] = share * task._travel, 0.0
        task.step(np.zeros(ACTIONS))

    move(0.5)
    assert task.score == pytest.approx(0.5, abs=0.1)
    assert not task.succeeded
    move(1.12)  # a bucket let go in the air falls by 8 mm meanwhile
    assert (task.succeeded, task.decided, task.score, task.success_steps) == (True, True, 1.0, 1)
    assert (task.succeeded is True, type(task.success_steps)) == (True, int)  # as a result line takes them
    move(0.3)
    assert (task.succeeded, task.score, task.success_steps) == (True, 1.0, 1)


def test_a_bucket_drawn_up_by_its_bail_leaves_the_table(bucket: DexHandTask) -> None:
    bucket.reset(0)
    data, bail = bucket._data, bucket._model.body("bail")
    weight = 9.81 * bail.subtreemass[0] + 9.81 * bucket._model.body("bucket").mass[0]
    for _ in range(50):
        spring = 40.0 * (0.06 - data.qpos[bucket._part]) - 8.0 * data.qvel[bucket._part]
        data.xfrc_applied[bail.id, 2] = weight + spring
        bucket.step(np.array([0.0, -1.0, 1.0, *np.zeros(ACTIONS - 3)]))
    assert data.site(BOTTOM).xpos[2] == pytest.approx(0.06, abs=0.01)
    assert data.site(HOLD).xpos[2] > data.site(BOTTOM).xpos[2] + 0.15


def test_the_planner_repeats_itself_bit_for_bit_whatever_it_did_before(bucket: DexHandTask) -> None:
    def plan(task: DexHandTask, seed: int) -> NDArray[np.float64]:
        task.reset(seed)
        actions = []
        for _ in range(3):
            actions.append(task.expert())
            task.step(actions[-1])
        return np.array(actions)

    assert bucket.expert_kind == "planner"
    first, other = plan(bucket, 5), plan(bucket, 6)
    fresh = DexHandTask("bucket")
    assert first.tobytes() == plan(fresh, 5).tobytes()
    fresh.close()
    assert first.tobytes() != other.tobytes()
    assert np.abs(first).max() <= 1.0


def test_planning_leaves_the_world_as_it_is(bucket: DexHandTask) -> None:
    bucket.reset(0)
    before = bucket._data.qpos.tobytes(), bucket._data.qvel.tobytes(), bucket._data.time
    assert bucket.expert().tobytes() == bucket.expert().tobytes()
    assert before == (bucket._data.qpos.tobytes(), bucket._data.qvel.tobytes(), bucket._data.time)


@pytest.mark.parametrize(
    "name", ["faucet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bucket", "laptop", "toilet"))]
)
def test_the_planner_shows_what_is_to_be_done(name: str) -> None:
    task = DexHandTask(name)
    episode = demonstrate(task, 0)
    task.close()
    assert episode is not None
    assert episode.point_cloud is not None
    assert np.isfinite(episode.point_cloud).all()
    assert np.abs(episode.action).max() <= 1.0


def test_a_missing_package_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    with pytest.raises(TaskError, match=r"^dexhand/laptop needs the package gymnasium-robotics: pip install gymnasium"):
        make_task("dexhand/laptop")
