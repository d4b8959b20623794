"""Training windows against a brute-force oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.training import CPU, clouds_of, demonstrations, small_contract
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import DatasetError
from sdm_training.data.windows import Demonstrations, Windows, window_rows
from sdm_training.draws import Draws


def dp3_windows(length, n_obs, horizon, n_action):
    """DP3's view: sequences of n_obs - 1 past and `horizon` future steps over an episode padded with edge copies."""
    sequence = n_obs - 1 + horizon
    padded = [0] * (n_obs - 1) + list(range(length)) + [length - 1] * (n_action - 1)
    return [padded[start : start + sequence] for start in range(len(padded) - sequence + 1)]


@pytest.mark.parametrize(("n_obs", "horizon", "n_action"), [(2, 8, 4), (1, 4, 3), (3, 4, 1), (2, 4, 4)])
def test_windows_equal_sequences_over_padded_episodes(n_obs, horizon, n_action):
    lengths = [9, 12, 8]
    rows = window_rows(lengths, n_obs, 1, horizon, n_action)
    expected, start = [], 0
    for length in lengths:
        expected += [[start + row for row in window] for window in dp3_windows(length, n_obs, horizon, n_action)]
        start += length
    assert rows.state.tolist() == [window[:n_obs] for window in expected]
    assert rows.action.tolist() == [window[n_obs - 1 :] for window in expected]
    assert rows.cloud[:, 0].tolist() == [window[n_obs - 1] for window in expected]


def test_an_episode_shorter_than_the_horizon_still_gives_a_window():
    rows = window_rows([3], 2, 2, 8, 4)
    assert rows.action.tolist() == [[0, 1, 2, 2, 2, 2, 2, 2]]
    assert rows.cloud.tolist() == [[0, 0]]


def test_windows_never_cross_episodes():
    rows = window_rows([5, 6], 3, 2, 4, 3)
    for state, action in zip(rows.state, rows.action, strict=True):
        assert (max(action) < 5) == (max(state) < 5)
        assert (min(action) >= 5) == (min(state) >= 5)


def test_batches_hold_the_rows_and_the_first_points():
    data = demonstrations()
    windows = Windows(data, data.contract, CPU)
    rows = window_rows(data.lengths, 2, 1, 4, 2)
    indices = torch.tensor([0, 3, len(windows) - 1])
    batch = windows.batch(indices)
    np.testing.assert_array_equal(batch.observation.state, data.state[rows.state[indices]])
    np.testing.assert_array_equal(batch.action, data.action[rows.action[indices]])
    np.testing.assert_array_equal(batch.observation.point_cloud, clouds_of(data)[rows.cloud[indices]][:, :, :12])


def test_random_points_are_distinct_points_of_the_same_cloud():
    data = demonstrations()
    windows = Windows(data, data.contract, CPU)
    batch = windows.batch(torch.tensor([4, 5]), Draws(CPU, torch.Generator().manual_seed(0)))
    rows = window_rows(data.lengths, 2, 1, 4, 2)
    for index, window in enumerate((4, 5)):
        cloud = {tuple(point) for point in clouds_of(data)[rows.cloud[window, 0]].tolist()}
        assert batch.observation.point_cloud is not None
        chosen = {tuple(point) for point in batch.observation.point_cloud[index, 0].tolist()}
        assert len(chosen) == 12
        assert chosen <= cloud


def store(path, contract: Contract, action_scale: float = 1.0):
    episodes = EpisodeStore.create(path, contract)
    data = demonstrations(contract=contract)
    start = 0
    for length in data.lengths:
        rows = slice(start, start + length)
        episodes.append(Episode(data.state[rows], data.action[rows] * action_scale, clouds_of(data)[rows]))
        start += length
    return data


def test_a_stored_dataset_loads_with_its_actions_inside_the_bounds(tmp_path):
    data = store(tmp_path / "data.zarr", small_contract(), action_scale=3.0)
    loaded = Demonstrations.load(str(tmp_path / "data.zarr"))
    assert loaded.lengths == data.lengths
    np.testing.assert_array_equal(loaded.action, (data.action * 3).clip(-1, 1))
    assert loaded.normaliser(loaded.contract).action.low == pytest.approx((-1, -1))


def test_a_state_that_hardly_moves_is_not_scaled_up_to_its_noise():
    data = demonstrations()
    data.state[:, 0] = 0.04 + 0.0001 * np.sin(np.arange(len(data.state)))
    data.action[:, 0] = 0.3
    statistics = data.normaliser(data.contract)
    middle = (statistics.state.high[0] + statistics.state.low[0]) / 2
    assert (0.0 - middle) / ((statistics.state.high[0] - statistics.state.low[0]) / 2) == pytest.approx(-4, abs=0.1)
    assert statistics.action.high[0] - statistics.action.low[0] == pytest.approx(2e-4)


def test_holding_out_episodes_keeps_the_first_for_training():
    data = demonstrations((5, 6, 7))
    kept, held_out = data.split(1)
    assert held_out is not None
    assert (kept.lengths, held_out.lengths) == ([5, 6], [7])
    np.testing.assert_array_equal(held_out.state, data.state[11:])
    with pytest.raises(DatasetError, match="3 episodes to hold out of 3"):
        data.split(3)


@pytest.mark.parametrize(
    ("first", "second", "disturbed"),
    [
        ({}, {"camera_noise": "d4xx"}, False),
        ({}, {"disturbed": True}, "half"),
        ({"disturbed": True}, {"disturbed": True}, True),
    ],
)
def test_demonstrations_say_which_of_their_episodes_are_disturbed(tmp_path, first, second, disturbed):
    data = demonstrations((16,))
    episodes = EpisodeStore.create(tmp_path / "store", data.contract)
    for seed, led in enumerate((first, second)):
        episodes.append(Episode(data.state, data.action, clouds_of(data)), {"seed": seed, **led})
    loaded = Demonstrations.load(str(tmp_path / "store"))
    assert loaded.disturbed == disturbed
    assert loaded.observed(data.contract).disturbed == disturbed
