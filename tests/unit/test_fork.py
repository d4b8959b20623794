"""fork/reach tells policies with a choice from those without: both ways from one start, and none through the middle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_sim.demonstrations import demonstrate
from sdm_sim.fork.task import GOAL_RADIUS, PAIRED_SEEDS, STRIDE, ForkTask, Layout, expert_path, expert_way

EXECUTED = 4  # commands of a chunk


@pytest.fixture(scope="module")
def task() -> Iterator[ForkTask]:
    task = ForkTask()
    yield task
    task.close()


def place(task: ForkTask) -> NDArray[np.float64]:
    return task.observe(depth=False).values


def go_to(task: ForkTask, target: NDArray[np.float64], steps: int) -> None:
    """Sends the pusher straight to a place, at full speed."""
    for _ in range(steps):
        task.step(np.clip((target - place(task)) / STRIDE, -1, 1))


def test_both_ways_are_demonstrated_from_the_very_same_observation(task: ForkTask) -> None:
    for pair in range(2):
        first = demonstrate(task, 2 * pair, keep_depth=True)
        left = task.way
        second = demonstrate(task, 2 * pair + 1, keep_depth=True)
        assert first is not None
        assert second is not None
        assert (left, task.way) == ("L", "R")
        assert first.state[0].tobytes() == second.state[0].tobytes()
        assert first.extra["depth"][0].tobytes() == second.extra["depth"][0].tobytes()


def test_the_experts_succeed_on_thirty_seeds_by_the_way_of_each(task: ForkTask) -> None:
    lengths = []
    for seed in range(30):
        task.reset(seed)
        steps = 0
        while not task.succeeded and steps < task.step_limit:
            task.step(task.expert())
            steps += 1
        lengths.append(steps)
        assert task.succeeded, seed
        assert task.way == expert_way(seed)
    assert 30 <= min(lengths) <= max(lengths) <= 50


def test_the_mean_of_both_ways_meets_the_obstacle_within_two_chunks(task: ForkTask) -> None:
    for seed in range(0, 20, 2):
        paths = [expert_path(Layout.of(seed), way) for way in "LR"]
        means = np.mean([np.diff(path[: 2 * EXECUTED + 1], axis=0) for path in paths], axis=0)
        task.reset(seed)
        for mean in means:
            task.step(mean / STRIDE)
        assert task._touched, seed


def test_the_first_chunk_makes_the_way_evident(task: ForkTask) -> None:
    for seed in range(20):
        task.reset(seed)
        start = place(task)
        for _ in range(EXECUTED):
            task.step(task.expert())
        moved = place(task) - start
        assert (moved[0] > 0) == (expert_way(seed) == "R")
        assert abs(moved[0]) > 0.03


def test_who_has_touched_the_obstacle_cannot_succeed_any_more(task: ForkTask) -> None:
    layout = Layout.of(4)
    aside = layout.obstacle + np.array([0.2, 0.0, 0.0])

    task.reset(4)
    go_to(task, aside, 25)
    go_to(task, layout.goal, 25)
    assert task.succeeded  # this detour is a way

    task.reset(4)
    go_to(task, layout.goal, 6)
    go_to(task, layout.start, 40)
    go_to(task, aside, 40)
    go_to(task, layout.goal, 40)
    assert np.linalg.norm(place(task) - layout.goal) < GOAL_RADIUS
    assert not task.succeeded


def test_a_straight_line_fails(task: ForkTask) -> None:
    for seed in range(0, 10, 2):
        task.reset(seed)
        go_to(task, Layout.of(seed).goal, task.step_limit)
        assert not task.succeeded


def test_no_side_is_nearer_and_no_side_is_likelier() -> None:
    layouts = [Layout.of(seed) for seed in range(PAIRED_SEEDS, 2 * PAIRED_SEEDS)]
    assert len({layout.goal.tobytes() for layout in layouts}) == len(layouts)
    assert all(layout.start[0] == layout.obstacle[0] for layout in layouts)
    across = np.array([[layout.obstacle[0], layout.goal[0] - layout.obstacle[0]] for layout in layouts])
    assert (np.abs(across.mean(0)) < 4 * across.std(0) / np.sqrt(len(across))).all()
    assert (across.std(0) > 0.005).all()


def test_the_way_is_none_until_the_obstacle_s_middle_is_passed(task: ForkTask) -> None:
    task.reset(1)
    middle = Layout.of(1).obstacle[1]
    while task.way is None:
        assert place(task)[1] < middle
        task.step(task.expert())
    assert place(task)[1] >= middle
    assert task.way == "R"


@pytest.mark.parametrize("steps", [0, 10, 30])
def test_pusher_obstacle_and_goal_are_seen_by_the_network(steps: int, task: ForkTask) -> None:
    spec = task.contract.observation.cloud
    assert spec is not None
    task.reset(6)
    for _ in range(steps):
        task.step(task.expert())
    frame, layout = task.observe(), Layout.of(6)
    assert frame.depth is not None
    cloud = CloudPipeline(spec).from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics)
    for what, reach in ((frame.values, 0.02), (layout.obstacle, 0.1), (layout.goal, 0.04)):
        near = np.linalg.norm(cloud[: spec.network_points, :2] - what[:2], axis=1) < reach
        assert near.sum() >= 10
