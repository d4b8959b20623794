"""The moving variants: what is carried, how far, until when, and that a seed repeats it bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim.belt import REACH
from sdm_sim.metaworld.moving import MovingMetaWorldTask
from sdm_sim.registry import make_task, task_names

NAME = "metaworld/push-wall+moving"
ASIDE = np.array([0.0, 0.0, 1.0, -1.0])  # up, and away from the object


@pytest.fixture(scope="module")
def task() -> Iterator[MovingMetaWorldTask]:
    task = make_task(NAME)
    assert isinstance(task, MovingMetaWorldTask)
    yield task
    task.close()


def way(task: MovingMetaWorldTask, seed: int, steps: int) -> NDArray[np.float64]:
    """Where the object is [steps+1,3] while the hand keeps away."""
    task.reset(seed)
    places = [task._data.body("obj").xpos.copy()]
    for _ in range(steps):
        task.step(ASIDE)
        places.append(task._data.body("obj").xpos.copy())
    return np.array(places)


def test_the_object_goes_to_and_fro_on_a_line_within_its_reach(task: MovingMetaWorldTask) -> None:
    places = way(task, 4, 200)
    off = (places - places[0])[:, :2]
    farthest = off[np.argmax(np.linalg.norm(off, axis=1))]
    axis = farthest / np.linalg.norm(farthest)
    along, aside = off @ axis, off @ np.array([-axis[1], axis[0]])
    assert along.max() == pytest.approx(REACH, abs=0.003)
    assert along.min() == pytest.approx(-REACH, abs=0.003)
    assert np.abs(aside).max() < 0.003
    assert np.abs(np.diff(along)).max() < 0.002  # never a jump
    assert not task.succeeded


def test_each_seed_has_a_direction_of_its_own(task: MovingMetaWorldTask) -> None:
    ways = [way(task, seed, 30) for seed in (0, 1, 2)]
    directions = [places[-1, :2] - places[0, :2] for places in ways]
    angles = [np.arctan2(y, x) for x, y in directions]
    assert len({round(angle, 1) for angle in angles}) == 3


def test_what_the_hand_touches_is_let_go_of(task: MovingMetaWorldTask) -> None:
    task.reset(2)
    carried = []
    for _ in range(task.step_limit):
        task.step(task.expert())
        carried.append(task._belt._carried)
        if task.decided:
            break
    touched = carried.index(False)
    assert touched > 10
    assert not any(carried[touched:])
    assert task.succeeded, "the expert, who sees where the object is, solves the task"


def test_the_same_seed_is_the_same_episode_bit_for_bit(task: MovingMetaWorldTask) -> None:
    def episode(seed: int) -> list[bytes]:
        task.reset(seed)
        rng, seen = np.random.default_rng(seed), []
        for step in range(60):
            frame = task.observe(depth=step % 20 == 0)
            seen += [frame.values.tobytes(), b"" if frame.depth is None else frame.depth.tobytes()]
            task.step(task.expert() + 0.3 * rng.uniform(-1, 1, 4))
        return seen

    first = episode(11)
    other = episode(12)
    assert other != first
    assert episode(11) == first


def test_a_policy_sees_the_object_move(task: MovingMetaWorldTask) -> None:
    task.reset(6)
    before = task.observe().depth
    for _ in range(30):
        task._belt.carry()
        task._env.do_simulation([-1.0, 1.0], 1)
    after = task.observe().depth
    assert before is not None
    assert after is not None
    changed = np.abs(after.astype(int) - before.astype(int)) > 5
    assert 20 < changed.sum() < 2000


def test_a_variant_is_its_task_but_for_the_name(task: MovingMetaWorldTask) -> None:
    still = make_task(NAME.removesuffix("+moving"))
    assert task.name == task.contract.task == NAME
    assert task.contract.model_copy(update={"task": still.name}) == still.contract
    assert task.extrinsics == still.extrinsics
    still.close()
    assert NAME not in task_names()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metaworld/door-open+moving", "metaworld/door-open.moving: nothing in this task lies free"),
        ("pusht/push-t+moving", "the tasks of pusht have no moving variants; those of metaworld"),
        ("metaworld/push-wal+moving", "unknown task 'metaworld/push-wal'; did you mean metaworld/push-wall"),
        (
            "metaworld/push-wall+spinning",
            "unknown task 'metaworld/push-wall.spinning'; did you mean",
        ),
    ],
)
def test_what_cannot_move_says_so_in_one_line(name: str, line: str) -> None:
    with pytest.raises(TaskError, match=line) as caught:
        make_task(name)
    assert "\n" not in str(caught.value)
