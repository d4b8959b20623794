"""Every task by name."""

from __future__ import annotations

import pytest
from sdm_core.errors import TaskError
from sdm_sim.metaworld import suite
from sdm_sim.registry import difficulty, make_task, task_names


def test_all_fifty_metaworld_tasks_are_there_once() -> None:
    names = [name for name in task_names() if name.startswith("metaworld/")]
    assert len(names) == len(set(names)) == 50


def test_the_difficulties_are_the_papers() -> None:
    sizes = {label: len(tasks) for label, tasks in suite.DIFFICULTY.items()}
    assert sizes == {"easy": 28, "medium": 11, "hard": 6, "very hard": 5}
    assert difficulty("metaworld/shelf-place") == "very hard"
    assert difficulty("metaworld/door-open") == difficulty("metaworld/door-open+goal") == "easy"


def test_what_the_papers_leave_out_has_no_label_or_one_of_its_own() -> None:
    assert difficulty("adroit/pen") == "hard"
    assert difficulty("fork/reach") is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("metaworld/door-opne", "metaworld/door-open"),
        ("metaworld/dooropen", "metaworld/door-open"),
        ("metaworld/pick_place", "metaworld/pick-place"),
        ("door-open", "metaworld/door-open"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(TaskError) as caught:
        make_task(name)
    assert f"unknown task '{name}'" in str(caught.value)
    assert near in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "xyz", "metaworld/", "metaworld"])
def test_a_name_like_none_is_answered_with_what_there_is(name: str) -> None:
    with pytest.raises(TaskError, match=r"unknown task .*metaworld"):
        make_task(name)
