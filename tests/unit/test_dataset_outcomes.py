"""What the operator said of each episode: kept beside them, in the layout that others read, and heeded in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import FAILURE, SUCCESS, UNLABELLED, Episode, EpisodeStore
from sdm_core.errors import DatasetError
from sdm_training.data.windows import Demonstrations


def episode(value: float, steps: int = 3) -> Episode:
    """Of the small contract; every number is `value`."""
    state, action, cloud = (np.full((steps, *shape), value, np.float32) for shape in ((4,), (3,), (32, 3)))
    return Episode(state, action, cloud)


def judged(path: Path, contract: Contract, *outcomes: bool | None) -> EpisodeStore:
    """A store of episodes 0, 1, … with these outcomes."""
    store = EpisodeStore.create(path, contract)
    for index, outcome in enumerate(outcomes):
        store.append(episode(0.1 * index), success=outcome)
    return store


def test_outcomes_come_back_as_they_were_judged(tmp_path: Path, contract: Contract) -> None:
    judged(tmp_path / "a.zarr", contract, None, True, None, False, None)
    store = EpisodeStore.open(tmp_path / "a.zarr")
    assert store.outcomes.tolist() == [UNLABELLED, SUCCESS, UNLABELLED, FAILURE, UNLABELLED]


def test_a_store_that_nobody_judged_is_as_it_was_before(tmp_path: Path, contract: Contract) -> None:
    store = judged(tmp_path / "a.zarr", contract, None, None)
    assert not (tmp_path / "a.zarr/meta/episode_success").exists()
    assert store.outcomes.tolist() == [UNLABELLED, UNLABELLED]


def test_an_episode_can_be_judged_later_and_otherwise(tmp_path: Path, contract: Contract) -> None:
    store = judged(tmp_path / "a.zarr", contract, None, True)
    store.label(1, success=False)
    store.label(0, success=True)
    assert EpisodeStore.open(tmp_path / "a.zarr").outcomes.tolist() == [SUCCESS, FAILURE]
    with pytest.raises(DatasetError, match="has no episode 2 to label; it holds 2"):
        store.label(2, success=True)


def test_an_interrupted_append_leaves_no_outcome(tmp_path: Path, contract: Contract, monkeypatch) -> None:
    store = judged(tmp_path / "a.zarr", contract, False)

    def killed(end: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_extend_ends", killed)
    with pytest.raises(KeyboardInterrupt):
        store.append(episode(1.0), success=True)
    store = EpisodeStore.open(tmp_path / "a.zarr")
    assert store.outcomes.tolist() == [FAILURE]
    store.append(episode(1.0))
    store.append(episode(2.0), success=False)
    assert store.outcomes.tolist() == [FAILURE, UNLABELLED, FAILURE]


def test_other_readers_find_one_more_array_under_meta_in_format_2(tmp_path: Path, contract: Contract) -> None:
    judged(tmp_path / "a.zarr", contract, True, False)
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="r", zarr_format=2)
    meta = {name: np.asarray(array) for name, array in root["meta"].arrays()}  # pyright: ignore[reportAttributeAccessIssue]
    # Diffusion Policy's reader copies every array of meta, and wants all of data as long as the last end.
    assert {name: values.tolist() for name, values in meta.items()} == {
        "episode_ends": [3, 6],
        "episode_success": [1, 0],
    }
    assert not list((tmp_path / "a.zarr").rglob("zarr.json"))


def test_training_may_leave_failures_out(tmp_path: Path, contract: Contract) -> None:
    judged(tmp_path / "a.zarr", contract, True, False, None)
    loaded = Demonstrations.load(str(tmp_path / "a.zarr"), leave_out_failures=True)
    assert loaded.lengths == [3, 3]
    assert loaded.action[:, 0] == pytest.approx([0.0] * 3 + [0.2] * 3)
    assert loaded.point_cloud is not None
    assert loaded.point_cloud[:, 0, 0] == pytest.approx([0.0] * 3 + [0.2] * 3)
    assert Demonstrations.load(str(tmp_path / "a.zarr")).lengths == [3, 3, 3]
    judged(tmp_path / "b.zarr", contract, False)
    with pytest.raises(DatasetError, match="all 1 episodes are labelled failures"):
        Demonstrations.load(str(tmp_path / "b.zarr"), leave_out_failures=True)
