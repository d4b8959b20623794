"""What no dataset is made of: values of no use, copies that lost files, places where nothing can be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from helpers.contracts import small_contract
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import DatasetError

# Two episodes of so many rows are three chunks.
STEPS = 80


def episode(value: float = 1.0) -> Episode:
    state, action, cloud = (np.full((STEPS, *shape), value, np.float32) for shape in ((4,), (3,), (32, 3)))
    return Episode(state, action, cloud, {"depth": np.full((STEPS, 4, 6), value, np.uint16)})


def filled(path: Path, contract: Contract, *values: float) -> EpisodeStore:
    store = EpisodeStore.create(path, contract)
    for value in values:
        store.append(episode(value))
    return store


@pytest.mark.parametrize("name", ["state", "action", "point_cloud"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_episode_that_no_training_could_use_is_not_taken(
    name: str, value: float, tmp_path: Path, contract: Contract
) -> None:
    store = filled(tmp_path / "a.zarr", contract, 1.0)
    values = episode().arrays()[name].copy()
    values[7, 0] = value
    with pytest.raises(DatasetError, match=f"the episode's {name} holds NaN or infinite values; check its source"):
        store.append(replace(episode(), **{name: values}))
    assert len(EpisodeStore.open(tmp_path / "a.zarr")) == 1


@pytest.mark.parametrize("lost", ["state/1.0", "action/2.0", "point_cloud/0.0.0", "depth/2.0.0"])
@pytest.mark.parametrize("look", [EpisodeStore.view, EpisodeStore.open], ids=["view", "open"])
def test_a_copy_that_has_lost_a_chunk_is_refused_and_not_read_as_zeros(
    look: Callable[[Path], EpisodeStore], lost: str, tmp_path: Path, contract: Contract
) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, 1.0, 1.0)
    (path / "data" / lost).unlink()
    name, file = lost.split("/")
    with pytest.raises(DatasetError, match=rf"a\.zarr: data/{name} lacks 1 files, such as {file}; copy it anew"):
        look(path)


def test_chunks_of_zeros_are_files_too_also_after_an_append_was_rolled_back(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, 0.0)
    zarr.open_array(str(path / "data" / "action"), mode="r+", zarr_format=2).resize((1000, 3))  # it was interrupted
    store = EpisodeStore.open(path)
    store.append(episode(0.0))
    assert sorted(file.name for file in (path / "data" / "action").glob("[0-9]*")) == ["0.0", "1.0", "2.0"]
    assert not EpisodeStore.view(path).read("action").any()


def test_a_store_of_before_may_lack_chunks_of_zeros(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, 0.0)
    del zarr.open_group(str(path), mode="r+", zarr_format=2).attrs["every_chunk"]
    (path / "data" / "action" / "1.0").unlink()
    assert len(EpisodeStore.view(path)) == 1
    EpisodeStore.open(path).append(episode())
    assert EpisodeStore.view(path).read("action").sum() == STEPS * 3


@pytest.mark.parametrize("make", ["create", "open_or_create", "whole"])
def test_where_nothing_can_be_written_one_line_names_the_path_and_why(make: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def made() -> None:
        if make == "whole":
            with EpisodeStore.whole(tmp_path / "file" / "a.zarr", small_contract()):
                pass
        else:
            getattr(EpisodeStore, make)(tmp_path / "file" / "a.zarr", small_contract())

    with pytest.raises(
        DatasetError, match=r"a\.zarr: File exists \(.*/file\); make it writable, or choose another path"
    ):
        made()


@pytest.mark.parametrize("stands", [False, True])
def test_a_folder_that_is_closed_to_us_is_one_line(
    stands: bool, tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zarr"
    if stands:
        filled(path, contract, 1.0)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    monkeypatch.setattr("os.open", refused)
    with pytest.raises(DatasetError, match=r"a\.zarr: Permission denied"):
        EpisodeStore.open_or_create(path, contract)
