"""PushT: Diffusion Policy's world to the last bit that its demonstrations tell, seen by an exact camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import CloudPipeline, deproject, depth_to_metres
from sdm_sim.pusht import camera
from sdm_sim.pusht.camera import BLOCK_HEIGHT, DISC_HEIGHT, EXTRINSICS, INTRINSICS
from sdm_sim.pusht.demonstrations import PushTDemonstrations
from sdm_sim.pusht.task import PushTTask
from sdm_sim.pusht.world import DISC_RADIUS, GOAL, SIZE, STEM, PushTWorld, area, block_parts, clip, coverage

PUBLISHED = Path(__file__).parents[3] / "shared/data/pusht/pusht_cchi_v7_replay.zarr.zip"
POSES = [(256.0, 256.0, 0.8), (250.0, 262.0, 0.6), (300.0, 200.0, 2.5), (240.0, 280.0, 4.0), (100.0, 400.0, 0.0)]
DISCS = [(60.0, 60.0), (430.0, 90.0), (100.0, 256.0), (30.0, 400.0), (222.0, 97.0)]
STATES = [np.array([*disc, *pose]) for disc, pose in zip(DISCS, POSES, strict=True)]


@pytest.fixture(scope="module")
def published() -> PushTDemonstrations:
    if not PUBLISHED.is_file():
        pytest.skip("needs Diffusion Policy's file in ../shared/data/pusht (data beside the checkout)")
    return PushTDemonstrations(PUBLISHED)


def from_block(points: NDArray, pose: NDArray | tuple[float, float, float]) -> NDArray[np.float64]:
    """How far points [M,2] lie from the block's outline, negative within, in mm: to its bar or its stem, along an axis.

    From its drawing in its own frame: a bar of 120 × 30, and below its middle a stem of 30 × 90.
    """
    cosine, sine = np.cos(pose[2]), np.sin(pose[2])
    own = (points - pose[:2]) @ np.array([[cosine, -sine], [sine, cosine]])
    to_bar = (np.abs(own - (0, 15)) - (60, 15)).max(1)
    to_stem = (np.abs(own - (0, 75)) - (15, 45)).max(1)
    return np.minimum(to_bar, to_stem)


def difference(state: NDArray, other: NDArray) -> float:
    """The greatest difference of two states, in mm and rad; angles are compared on the circle."""
    delta = np.abs(state - other)
    delta[4] = min(delta[4], 2 * np.pi - delta[4])
    return float(delta.max())


@pytest.mark.parametrize("pose", POSES)
def test_coverage_is_the_share_of_the_goal_s_points_on_the_block(pose: tuple[float, float, float]) -> None:
    grid = np.stack(np.meshgrid(np.arange(0.5, SIZE), np.arange(0.5, SIZE)), axis=-1).reshape(-1, 2)
    goal = grid[from_block(grid, GOAL) <= 0]
    assert coverage(pose) == pytest.approx((from_block(goal, pose) <= 0).mean(), abs=0.01)


def test_coverage_is_whole_on_the_goal_and_nothing_beside_it() -> None:
    assert coverage(GOAL) == pytest.approx(1.0)
    assert coverage((60.0, 60.0, 0.0)) == 0.0


def test_overlaps_of_convex_polygons() -> None:
    square = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)])
    assert area(clip(square, square + 1)) == pytest.approx(1.0)
    assert area(clip(square[::-1], square[::-1] + np.array([0.5, 0.0]))) == pytest.approx(3.0)
    assert area(clip(square, square + 5)) == 0.0
    tilted = np.array([(1.0, -1.0), (3.0, 1.0), (1.0, 3.0), (-1.0, 1.0)])
    assert area(clip(square, tilted)) == pytest.approx(4.0)
    assert area(clip(square / 2 + 0.5, tilted)) == pytest.approx(1.0)


@pytest.mark.parametrize("state", STATES)
def test_a_world_can_be_put_in_any_state_exactly(state: NDArray) -> None:
    world = PushTWorld()
    world.reset(state)
    assert difference(world.state, state) < 1e-12
    corners = [tuple(world._block.local_to_world(tuple(corner))) for corner in STEM.tolist()]
    np.testing.assert_allclose(block_parts(state[2:])[1], corners, atol=1e-9)


def test_the_disc_goes_where_it_is_sent_and_pushes_the_block_aside() -> None:
    world = PushTWorld()
    world.reset(np.array([256.0, 100.0, 256.0, 200.0, 0.0]))
    for _ in range(20):
        world.step(np.array([256.0, 200.0]))  # the edge of the bar
    assert np.linalg.norm(world.state[:2] - (256, 200)) < 0.5
    assert world.state[3] == pytest.approx(200 + DISC_RADIUS, abs=1.0)


def test_seeds_give_the_starts_that_people_were_shown(published: PushTDemonstrations) -> None:
    world = PushTWorld()
    for seed in range(len(published)):
        world.reset_seeded(seed)
        first = published._states[published._ends[seed - 1] if seed else 0]
        assert difference(world.state, first) < 1e-4, seed  # the file holds 32 bits


def test_recorded_actions_give_the_recorded_states(published: PushTDemonstrations) -> None:
    assert len(published) == 206
    world = PushTWorld()
    for seed in range(0, 206, 4):  # of all, only number 50 departs, by 10 mm and from its first step on
        world.reset_seeded(seed)
        for row in range(int(published._ends[seed - 1]) if seed else 0, int(published._ends[seed])):
            assert difference(world.state, published._states[row]) < 1e-3, (seed, row)
            world.step(published._actions[row].astype(np.float64))


@pytest.mark.parametrize("state", STATES)
def test_what_the_camera_sees_lies_on_table_block_and_disc(state: NDArray) -> None:
    depth = camera.depth(state)
    points = EXTRINSICS.apply(deproject(depth_to_metres(depth, "16UC1"), INTRINSICS)).astype(np.float64)
    assert len(points) == depth.size
    height, places = -1000 * points[:, 2], 1000 * points[:, :2]
    block, disc = from_block(places, state[2:]), np.linalg.norm(places - state[:2], axis=1) - DISC_RADIUS
    # Depths are whole millimetres, which moves points by up to 0.15 mm along their rays' slope.
    on_disc, on_block, on_table = (np.abs(height - top) < 0.6 for top in (1000 * DISC_HEIGHT, 1000 * BLOCK_HEIGHT, 0))
    beside = (np.abs(disc) < 0.2) | (np.abs(block) < 0.2)
    assert on_disc.sum() > 50
    assert on_block.sum() > 300
    assert (disc[on_disc] < 0.2).all()
    assert ((block < 0.2) | beside)[on_block].all()
    assert ((block > -0.2) & (disc > -0.2))[on_table].all()
    assert beside[~(on_disc | on_block | on_table)].all()


def test_every_state_gives_a_cloud_of_block_and_disc_without_the_table() -> None:
    task = PushTTask()
    spec = task.contract.observation.cloud
    assert spec is not None
    for seed in range(20):
        task.reset(seed)
        frame = task.observe()
        assert frame.depth is not None
        cloud = CloudPipeline(spec).from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics)
        disc = np.linalg.norm(cloud[: spec.network_points, :2] - frame.values[:2], axis=1) < 0.017
        assert disc.sum() >= 8
        assert (~disc).sum() >= 100
        assert (cloud[cloud.any(1), 2] < 0).all()


@pytest.mark.parametrize("size", [96, 512])
def test_the_picture_shows_disc_block_and_goal_in_their_places(size: int) -> None:
    task = PushTTask()
    task._world.reset(np.array([100.0, 400.0, 400.0, 100.0, 0.0]))
    picture = task.render(size, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8

    def colour(x: float, y: float) -> tuple[int, ...]:
        return tuple(picture[round(y * size / SIZE), round(x * size / SIZE)].tolist())

    assert colour(100, 400) == (65, 105, 225)
    assert colour(400, 115) == (119, 136, 153)
    assert colour(256 - 11, 256 + 11) == (144, 238, 144)
    assert colour(30, 30) == (255, 255, 255)


def test_success_is_coverage_and_the_score_is_the_best_so_far() -> None:
    task = PushTTask()
    task._world.reset(np.array([50.0, 50.0, 256.0, 256.0, np.pi / 4]))
    task.step(np.array([0.05, 0.05]))
    assert task.succeeded
    assert task.score == 1.0

    task.reset(0)
    assert (task.succeeded, task.score) == (False, 0.0)
    task._world.reset(np.array([50.0, 50.0, 266.0, 256.0, np.pi / 4]))
    task.step(np.array([0.05, 0.05]))
    best = task.score
    assert best == pytest.approx(coverage((266.0, 256.0, np.pi / 4)) / 0.95)
    task._world.reset(np.array([50.0, 50.0, 400.0, 100.0, 0.0]))
    task.step(np.array([0.05, 0.05]))
    assert task.score == best
    assert not task.succeeded


def test_targets_beyond_the_table_are_its_edge() -> None:
    task, edge = PushTTask(), PushTTask()
    for _ in range(5):
        task.step(np.array([-3.0, 9.0]))
        edge.step(np.array([0.0, SIZE / 1000]))
    assert task.observe(depth=False).values.tobytes() == edge.observe(depth=False).values.tobytes()
