"""Training on clouds as a noisy depth camera might have shown them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.contracts import small_contract
from helpers.image_training import image_demonstrations, store_images
from helpers.training import CPU
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import DatasetError
from sdm_core.perception.depth_noise import CAMERAS
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_sim.demonstrations import demonstrate
from sdm_sim.programs import demos
from sdm_sim.registry import make_task
from sdm_training.data import noisy_takes
from sdm_training.data.noisy_takes import NoisyTakes
from sdm_training.data.windows import Demonstrations, Windows
from sdm_training.draws import Draws
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import Feeding
from sdm_training.programs.train import TrainSettings
from sdm_training.settings import SettingsError, composed
from sdm_training.training.run import load_data

NOISE = NoisyTakes("d4xx", seed=5)
STEPS = 8


@pytest.fixture(scope="module")
def episode() -> Episode:
    """The beginning of a demonstration, with its depth."""
    task = make_task("fork/reach")
    whole = demonstrate(task, 0, keep_depth=True)
    task.close()
    assert whole is not None
    arrays = {name: values[:STEPS] for name, values in whole.arrays().items()}
    return Episode(arrays.pop("state"), arrays.pop("action"), arrays.pop("point_cloud"), arrays)


@pytest.fixture
def stored(episode: Episode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EpisodeStore]:
    """Two such episodes, with and without depth."""
    monkeypatch.setattr(noisy_takes, "TAKES", 3)
    task = make_task("fork/reach")
    task.close()
    stores = {}
    for name, extra in (("depth", episode.extra), ("clouds", {})):
        stores[name] = EpisodeStore.create(tmp_path / name, task.contract)
        for seed in (0, 1):
            stores[name].append(Episode(episode.state, episode.action, episode.point_cloud, extra), {"seed": seed})
    return stores


@pytest.mark.parametrize("kind", ["depth", "clouds"])
def test_takes_are_clouds_of_the_contract_that_differ_and_repeat(stored: dict[str, EpisodeStore], kind: str) -> None:
    store = stored[kind]
    takes, clean = NOISE.of(store), store.read("point_cloud")
    assert [take.shape for take in takes] == [clean.shape] * 3
    shown = {cloud.tobytes() for take in (clean[:STEPS], *takes) for cloud in take}
    assert len(shown) == STEPS + 3 * 2 * STEPS  # the episodes are equal, their noise is not
    for take, again in zip(takes, NOISE.of(store), strict=True):
        np.testing.assert_array_equal(take, again)


def test_where_there_is_depth_the_noise_is_put_onto_that(stored: dict[str, EpisodeStore]) -> None:
    store, task = stored["depth"], make_task("fork/reach")
    task.close()
    assert store.contract.observation.cloud is not None
    noisy = CAMERAS["d4xx"].image(store.read("depth")[4], task.intrinsics.fx, np.random.default_rng([5, 1, 4]))
    cloud = CloudPipeline(store.contract.observation.cloud).from_depth(noisy, "16UC1", task.intrinsics, task.extrinsics)
    np.testing.assert_array_equal(NOISE.of(store)[1][4], cloud)


def test_a_training_draws_among_the_takes_and_a_measurement_sees_the_faultless_one(
    stored: dict[str, EpisodeStore],
) -> None:
    clean = Demonstrations.load(str(stored["clouds"].path))
    noisy = Demonstrations.load(str(stored["clouds"].path), noise=NOISE)
    plain, windows = (Windows(data, data.contract, CPU) for data in (clean, noisy))
    assert len(windows) == len(plain)
    assert noisy.digest() == clean.digest()
    indices = torch.zeros(40, dtype=torch.int64)
    measured, expected = (data.batch(indices).observation.point_cloud for data in (windows, plain))
    assert measured is not None
    assert expected is not None
    assert torch.equal(measured, expected)
    trained = windows.batch(indices, Draws(CPU, torch.Generator().manual_seed(0))).observation.point_cloud
    assert trained is not None
    assert clean.point_cloud is not None
    takes = [{tuple(point) for point in take[0].tolist()} for take in (clean.point_cloud, *noisy.noisy_clouds)]
    seen = {
        number
        for cloud in trained
        for number, take in enumerate(takes)
        if {tuple(point) for point in cloud[0].tolist()} <= take
    }
    assert seen == {0, 1, 2, 3}


def test_a_training_on_each_cloud_s_first_points_draws_among_the_takes_too(stored: dict[str, EpisodeStore]) -> None:
    noisy = Demonstrations.load(str(stored["clouds"].path), noise=NOISE)
    windows = Windows(noisy, noisy.contract, CPU)
    feed = Feed(Feeding(40, points="first"), windows, Draws(CPU, torch.Generator().manual_seed(0)))
    shown = feed.batch().observation.point_cloud
    assert shown is not None
    assert noisy.point_cloud is not None
    takes = np.concatenate((noisy.point_cloud, *noisy.noisy_clouds))[:, : windows.network_points]
    drawn = {int(np.flatnonzero((takes == cloud[0].numpy()).all((1, 2)))[0]) // len(noisy.state) for cloud in shown}
    assert drawn == {0, 1, 2, 3}


def test_episodes_keep_their_own_takes(stored: dict[str, EpisodeStore]) -> None:
    every = Demonstrations.load(str(stored["clouds"].path), noise=NOISE)
    kept, held_out = every.split(1)
    assert held_out is not None
    for take, first, second in zip(every.noisy_clouds, kept.noisy_clouds, held_out.noisy_clouds, strict=True):
        np.testing.assert_array_equal(take, np.concatenate((first, second)))


def test_real_and_already_noisy_recordings_are_refused(tmp_path: Path, episode: Episode) -> None:
    real = EpisodeStore.create(tmp_path / "real", small_contract(task="franka/real-cell"))
    with pytest.raises(DatasetError, match="franka/real-cell is not simulated, its camera has real noise"):
        NOISE.of(real)
    path = str(tmp_path / "noisy")
    noisy = demos.record("fork/reach", 1, 0, 0, False, path, camera_noise="d4xx")
    with pytest.raises(DatasetError, match="was recorded with camera_noise, which is not put on twice"):
        NOISE.of(noisy)


def test_a_network_of_images_alone_is_not_said_to_have_seen_noisy_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_images(tmp_path / "data.zarr", image_demonstrations(with_cloud=True), "fork/reach")
    values = ["task=fork/reach", f"data={tmp_path / 'data.zarr'}", "network=dp2d_small", "camera_noise=d4xx"]
    settings = composed("train", TrainSettings, values)
    monkeypatch.setattr(NoisyTakes, "of", lambda *_: ())  # which would take its time for nothing
    with pytest.raises(SettingsError, match="camera_noise=d4xx is put onto depth, and this network sees images alone"):
        load_data(settings, settings.network.contract, CPU)
