"""metaworld/<task>+goal: the ball is where success is judged, all cameras see it, and nothing else is altered."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Callable, Iterator

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim.metaworld.goal_mark import MARK, RADIUS, MarkedMetaWorldTask
from sdm_sim.metaworld.suite import HIDDEN_GOAL, TASKS, with_goal_shown
from sdm_sim.metaworld.task import MetaWorldTask
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task

# What each task's rule measures from its object to the goal: all three coordinates, if it is not named here.
COORDINATES = {
    "basketball": (1, 1, 2), "button-press": (0, 1, 0), "button-press-wall": (0, 1, 0), "coffee-button": (0, 1, 0),
    "button-press-topdown": (0, 0, 1), "button-press-topdown-wall": (0, 0, 1), "door-lock": (0, 0, 1),
    "door-unlock": (1, 0, 0), "handle-press": (0, 0, 1), "handle-press-side": (0, 0, 1), "handle-pull": (0, 0, 1),
    "peg-insert-side": (1, 2, 2), "sweep-into": (1, 1, 0), "window-close": (1, 0, 0), "window-open": (1, 0, 0),
}  # fmt: skip
# Rules that report no distance to their goal.
SILENT = ("assembly", "box-close", "disassemble", "door-open", "hammer", "lever-pull")
# MetaWorld's own marks of these are elsewhere when an episode begins, and most of them stay there.
MISPLACED = ("pick-out-of-hole", "sweep", "coffee-button", "door-lock", "door-unlock", "assembly", "disassemble")


def brought(task: MarkedMetaWorldTask, name: str) -> NDArray[np.float64]:
    """What the rule measures the distance of."""
    state = task._full_observation
    assert state is not None
    if name in ("reach", "reach-wall"):
        return task._env.tcp_center
    if name in ("stick-pull", "stick-push"):
        return state[11:14]
    if name == "peg-insert-side":
        return task._data.site("pegHead").xpos
    return state[4:7] + ((-0.04, 0.0, 0.03) if name == "faucet-open" else 0.0)


@pytest.fixture
def without_gl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdm_sim.depth_camera.rendering_available", lambda: False)


# The others take a quarter of a second each.
QUICK = {*MISPLACED, "basketball", "sweep-into"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in TASKS]
)
def test_the_ball_is_where_success_is_judged(name: str, without_gl: None) -> None:
    task = MarkedMetaWorldTask(name)
    task.reset(1)
    placed = task._data.geom(MARK).xpos.copy()
    action = task.expert()
    _, _, _, _, info = task._env.step(action)
    task._full_observation = task._env._last_stable_obs
    ball = task._data.geom(MARK).xpos
    np.testing.assert_allclose(ball, placed, atol=1e-9)
    target = np.array(task._env._target_pos)
    np.testing.assert_allclose(ball[:2], target[:2], atol=1e-3)
    if name != "basketball":  # whose rule looks above its own target
        assert ball[2] == pytest.approx(target[2], abs=1e-3)
    if name not in SILENT:
        error = (brought(task, name) - ball) * COORDINATES.get(name, (1, 1, 1))
        assert info["obj_to_target"] == pytest.approx(np.linalg.norm(error), abs=1e-3)
    task.close()


# The others take half a second each.
HIDDEN_OR_QUICK = {*QUICK, *HIDDEN_GOAL}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in HIDDEN_OR_QUICK else pytest.mark.slow) for name in TASKS]
)
def test_a_goal_counts_as_hidden_where_no_body_tells_it(name: str, without_gl: None) -> None:
    """A line through the places of all bodies foretells the goals of episodes that it was not fitted to, or not."""
    task = MarkedMetaWorldTask(name)
    seen, goals = [], []
    for seed in range(30):
        task.reset(seed)
        mujoco.mj_forward(task._model, task._data)  # MetaWorld moves bodies after its last step of the reset
        seen.append(np.delete(task._data.geom_xpos, task._model.geom(MARK).id, axis=0).ravel())
        goals.append(task.goal)
    task.close()
    places, wanted = np.array(seen) - np.mean(seen[:20], axis=0), np.array(goals)
    _, strength, directions = np.linalg.svd(places[:20])
    told = places @ directions[: int((strength > 1e-3).sum())].T
    told = np.column_stack([told, np.ones(len(told))])
    fit = np.linalg.lstsq(told[:20], wanted[:20], rcond=None)[0]
    error = np.abs(told[20:] @ fit - wanted[20:]).max()
    assert (error > 0.01) == (name in HIDDEN_GOAL), f"{1000 * error:.1f} mm"


def test_a_hidden_goal_is_shown_and_no_other() -> None:
    assert (with_goal_shown("reach"), with_goal_shown("sweep")) == ("reach+goal", "sweep")


@pytest.fixture
def pair() -> Iterator[Callable[[str], tuple[MetaWorldTask, MarkedMetaWorldTask]]]:
    """A task and its marked variant, at the same seed; both are closed."""
    built: list[MetaWorldTask] = []

    def build(name: str) -> tuple[MetaWorldTask, MarkedMetaWorldTask]:
        plain, marked = MetaWorldTask(name), MarkedMetaWorldTask(name)
        built.extend((plain, marked))
        plain.reset(2)
        marked.reset(2)
        return plain, marked

    yield build
    for task in built:
        task.close()


@pytest.mark.parametrize("name", ["push", "basketball"])
def test_nothing_moves_otherwise_than_without_the_ball(name: str, pair: Callable) -> None:
    plain, marked = pair(name)
    for _ in range(40):
        np.testing.assert_array_equal(plain._data.qpos, marked._data.qpos)
        np.testing.assert_array_equal(plain.expert(), marked.expert())
        plain.step(plain.expert())
        marked.step(marked.expert())
    assert np.array_equal(plain.extrinsics.translation, marked.extrinsics.translation)


@pytest.mark.parametrize(("name", "gl"), [("door-lock", True), ("door-lock", False), ("assembly", False)])
def test_cloud_and_colours_show_the_ball_at_the_goal(
    name: str, gl: bool, pair: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not gl:
        monkeypatch.setattr("sdm_sim.depth_camera.rendering_available", lambda: False)
    plain, marked = pair(name)

    def near(task: MetaWorldTask) -> int:
        cloud = Perception(task.contract, task.intrinsics, task.extrinsics).cloud(task.observe())
        return int((np.linalg.norm(cloud - marked.goal, axis=1) < RADIUS + 0.003).sum())

    assert near(marked) >= near(plain) + 4
    if gl:
        before, after = (task.observe(images=True).images["camera"].astype(int) for task in (plain, marked))
        changed = np.abs(after - before).sum(-1) > 60
        green = (after[..., 1] > 1.5 * after[..., 0]) & (after[..., 1] > 1.5 * after[..., 2])
        assert (changed & green).sum() >= 5


@pytest.mark.parametrize("name", MISPLACED)
def test_metaworld_s_own_marks_are_not_to_be_trusted_and_not_shown(name: str, without_gl: None) -> None:
    task = MarkedMetaWorldTask(name)
    task.reset(0)
    shown = task._env._target_site_config[0][0]
    assert np.linalg.norm(task._data.site(shown).xpos - task.goal) > 0.01
    assert not task._model.site_rgba[:, 3].any()
    task.close()


def test_the_registry_builds_it_under_its_own_name() -> None:
    task = make_task("metaworld/sweep+goal")
    assert (task.name, task.contract.task) == ("metaworld/sweep+goal", "metaworld/sweep+goal")
    task.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pusht/push-t+goal", "the tasks of pusht have no goal variants; those of metaworld have"),
        ("metaworld/push+gaol", "unknown task 'metaworld/push+gaol'; did you mean metaworld/push"),
        ("metaworld/pusch+goal", "unknown task 'metaworld/pusch'; did you mean metaworld/push"),
    ],
)
def test_a_variant_that_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(TaskError) as caught:
        make_task(name)
    assert said in str(caught.value)
