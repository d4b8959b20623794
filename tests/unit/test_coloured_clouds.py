"""Coloured clouds in simulation: the points of the plain cloud, each with the colour of its pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.linear_policy import LinearPolicy
from helpers.toy_task import ToyTask
from numpy.typing import NDArray
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, TaskError
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.colour_contract import with_coloured_cloud, with_images
from sdm_sim.demonstrations import demonstrate
from sdm_sim.programs import demos
from sdm_sim.rollout import run_episode

CONFIG = Path(__file__).parents[2] / "config/demos.yaml"


def seen_at(task: ToyTask, cloud: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours that the task's image has, just now, where its camera sees these points."""
    lens, height = task.intrinsics, task.extrinsics.translation[2]
    depth = height - cloud[:, 2]  # it looks straight down, y towards the image's top
    columns = np.rint(lens.fx * cloud[:, 0] / depth + lens.cx).astype(int)
    rows = np.rint(lens.cy - lens.fy * cloud[:, 1] / depth).astype(int)
    return task.observe(images=True).images["camera"][rows, columns].astype(np.float32) / np.float32(255)


def test_the_contract_with_a_coloured_cloud_asks_each_camera_for_colour_and_for_no_image() -> None:
    plain = ToyTask().contract
    contract = with_coloured_cloud(plain)
    assert plain.observation.cloud is not None
    assert contract.observation.cloud == plain.observation.cloud.model_copy(update={"channels": 6})
    assert [camera.colour_encoding for camera in contract.observation.cameras] == ["rgb8"]
    assert contract.observation.images == ()
    both = with_images(contract, 6).observation
    assert (both.cloud, len(both.images)) == (contract.observation.cloud, 1)


def test_a_demonstration_stores_the_plain_points_each_in_the_colour_of_its_pixel() -> None:
    task = ToyTask()
    plain, shown = demonstrate(task, 3), demonstrate(task, 3, contract=with_coloured_cloud(task.contract))
    assert plain is not None
    assert shown is not None
    assert plain.point_cloud is not None
    assert shown.point_cloud is not None
    np.testing.assert_array_equal(shown.point_cloud[..., :3], plain.point_cloud)
    np.testing.assert_array_equal(shown.action, plain.action)
    assert shown.extra.keys() == set()
    task.reset(3)
    for cloud, action in zip(shown.point_cloud, shown.action, strict=True):
        assert len(np.unique(cloud[:, 3:], axis=0)) > 10
        np.testing.assert_array_equal(cloud[:, 3:], seen_at(task, cloud))
        task.step(action.astype(np.float64))


def test_sdm_demos_records_coloured_clouds_and_mixes_them_with_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demos, "make_task", lambda name: ToyTask())
    path = str(tmp_path / "toy.zarr")
    config = yaml.safe_load(CONFIG.read_text())
    assert config["colour"] is False
    config |= {"task": "test/toy", "episodes": 2, "colour": True, "output": path}
    demos.record_as_configured(config, quiet=True)
    store = EpisodeStore.view(path)
    assert store.contract == with_coloured_cloud(ToyTask().contract)
    clouds = store.read("point_cloud")
    assert clouds.shape == (store.episode_ends[-1], 32, 6)
    assert clouds[..., 3:].min() >= 0.0
    assert 0.5 < clouds[..., 3:].max() <= 1.0
    with pytest.raises(DatasetError, match="recorded under another contract"):
        demos.record("test/toy", 3, 0, 3, False, path)


def test_a_task_without_a_cloud_has_no_points_to_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = ToyTask()
    observation = with_images(task.contract, 6).observation.model_copy(update={"cloud": None})
    task.contract = task.contract.model_copy(update={"observation": observation})
    monkeypatch.setattr(demos, "make_task", lambda name: task)
    with pytest.raises(TaskError, match="test/toy: has no cloud whose points could have a colour; leave colour out"):
        demos.record("test/toy", 1, 0, 3, False, str(tmp_path / "toy.zarr"), colour=True)
    assert task.closed
    assert not (tmp_path / "toy.zarr").exists()


def test_a_direct_run_shows_a_policy_the_colours_that_demonstrations_store(tmp_path: Path) -> None:
    contract = with_coloured_cloud(ToyTask().contract)
    policy = LinearPolicy(contract, gain=3.0, noise_gain=0.0)
    result = run_episode(ToyTask(), PolicyRuntime(policy.write(tmp_path / "policy")), 1)
    assert result.refused == 0
    demonstration = demonstrate(ToyTask(), 1, contract=contract)
    assert demonstration is not None
    assert demonstration.point_cloud is not None
    state = np.repeat(demonstration.state[:1], 2, axis=0)
    chunk = policy.action(demonstration.point_cloud[:1], state, np.zeros((4, 3)))
    np.testing.assert_allclose(result.actions[0], np.clip(chunk[0], -1, 1), atol=1e-5)
    grey = demonstration.point_cloud[:1].copy()
    grey[..., 3:] = 0.5
    assert np.abs(policy.action(grey, state, np.zeros((4, 3))) - chunk).max() > 0.01  # colour matters
