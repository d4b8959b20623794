"""Replay buffers of DP3 and Diffusion Policy become datasets, under the contract that their owner writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from helpers.contracts import image_contract, small_contract
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError
from sdm_policy_node.convert.program import main

ENDS = (7, 12, 20)


def theirs(path: Path, ends: Any = ENDS, **changes: Any) -> Path:
    """DP3's layout, as its scripts write it: float32, coloured points, images, further arrays. None leaves one out."""
    random, rows = np.random.default_rng(0), ENDS[-1]
    arrays: dict[str, Any] = {
        "state": random.random((rows, 4), np.float32),
        "action": random.random((rows, 3), np.float32).astype(np.float64),
        "point_cloud": random.random((rows, 32, 6), np.float32),
        "img": random.integers(0, 256, (rows, 6, 8, 3)).astype(np.float32),
        "full_state": random.random((rows, 9), np.float32),
    }
    root: Any = zarr.open_group(str(path), mode="w", zarr_format=2)
    for name, values in {**arrays, **changes}.items():
        if values is not None:
            root.create_group("data", overwrite=False) if "data" not in root else None
            root["data"].create_array(name, data=values)
    root.create_group("meta").create_array("episode_ends", data=np.asarray(ends))
    return path


def converted(source: Path, contract: Contract, output: Path) -> EpisodeStore:
    file = output.with_suffix(".yaml")
    contract.save(file)
    main([str(source), "--contract", str(file), "-o", str(output)])
    return EpisodeStore.view(output)


def test_its_episodes_are_the_dataset_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = theirs(tmp_path / "theirs.zarr")
    store = converted(source, small_contract(), tmp_path / "mine.zarr")
    assert capsys.readouterr().out == f"{tmp_path / 'mine.zarr'} holds 3 episodes\n"
    buffer: Any = zarr.open_group(str(source), mode="r")
    np.testing.assert_array_equal(store.episode_ends, ENDS)
    np.testing.assert_array_equal(store.read("state"), buffer["data/state"][:])
    np.testing.assert_array_equal(store.read("action"), buffer["data/action"][:].astype(np.float32))
    np.testing.assert_array_equal(store.read("point_cloud"), buffer["data/point_cloud"][..., :3])
    assert "img" not in store
    assert store.provenance[2] == {"adopted": "theirs.zarr", "episode": 2}


def test_images_of_whole_numbers_are_bytes(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr")
    store = converted(source, image_contract(), tmp_path / "mine.zarr")
    buffer: Any = zarr.open_group(str(source), mode="r")
    assert store.read("img").dtype == np.uint8
    np.testing.assert_array_equal(store.read("img"), buffer["data/img"][:])
    assert "point_cloud" not in store


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": None}, r"data/state is missing or unreadable"),
        ({"state": np.zeros((20, 5))}, r"data/state has shape \(20, 5\), \(20, 4\) expected by the contract"),
        ({"point_cloud": np.zeros((20, 64, 3))}, r"data/point_cloud has shape \(20, 64, 3\), \(20, 32, 3\) expected"),
        ({"action": np.zeros((19, 3))}, r"data/action has shape \(19, 3\), \(20, 3\) expected"),
        ({"action": np.full((20, 3), np.nan)}, r"data/action holds NaN or infinite values"),
        ({"action": np.full((20, 3), "1")}, r"data/action is of <U1, numbers expected"),
        ({"ends": (7, 7, 20)}, r"meta/episode_ends do not rise from above 0"),
        ({"ends": ()}, r"meta/episode_ends do not rise from above 0"),
    ],
)
def test_what_does_not_fit_the_contract_is_one_line_and_leaves_nothing(
    changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = theirs(tmp_path / "theirs.zarr", **changes)
    with pytest.raises(SystemExit, match=rf"^error: {source}: {message}") as ended:
        converted(source, small_contract(), tmp_path / "mine.zarr")
    assert "\n" not in str(ended.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "theirs.zarr"]


def test_images_that_are_no_bytes_are_refused(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr", img=np.full((20, 6, 8, 3), 0.5, np.float32))
    with pytest.raises(SystemExit, match="data/img is not of whole numbers of 0 to 255"):
        converted(source, image_contract(), tmp_path / "mine.zarr")


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr", action=None)
    root: Any = zarr.open_group(str(source), mode="r+", zarr_format=2)
    made = root["data"].create_array("action", shape=(20,), dtype="<f8", filters=[numcodecs.Delta("<f8")])
    made[:] = 0
    described = source / "data/action/.zarray"
    described.write_text(described.read_text().replace('"<f8"', '"|O"').replace('"delta"', '"pickle"'))
    with pytest.raises(SystemExit, match=r"data/action is missing or unreadable"):
        converted(source, small_contract(), tmp_path / "mine.zarr")


def test_colours_of_bytes_become_shares(tmp_path: Path) -> None:
    clouds = np.random.default_rng(0).random((20, 32, 6), np.float32)
    clouds[..., 3:] = np.round(255 * clouds[..., 3:])
    source = theirs(tmp_path / "theirs.zarr", point_cloud=clouds)
    store = converted(source, small_contract(cloud={"channels": 6}), tmp_path / "mine.zarr")
    np.testing.assert_allclose(store.read("point_cloud")[..., 3:], clouds[..., 3:] / 255, rtol=1e-6)
    np.testing.assert_array_equal(store.read("point_cloud")[..., :3], clouds[..., :3])
    shares = theirs(tmp_path / "shares.zarr")
    store = converted(shares, small_contract(cloud={"channels": 6}), tmp_path / "same.zarr")
    np.testing.assert_array_equal(store.read("point_cloud"), zarr.open_group(str(shares), mode="r")["data/point_cloud"])
    odd = theirs(tmp_path / "odd.zarr", point_cloud=1.5 * clouds + 0.25)
    with pytest.raises(SystemExit, match="point_cloud's colour is not of whole numbers of 0 to 255"):
        converted(odd, small_contract(cloud={"channels": 6}), tmp_path / "none.zarr")


def test_a_broken_chunk_is_one_line(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr")
    next((source / "data/state").glob("[0-9]*")).write_bytes(b"junk")
    with pytest.raises(SystemExit, match=r"theirs\.zarr: data/state has a broken chunk; copy it anew"):
        converted(source, small_contract(), tmp_path / "mine.zarr")


def test_a_dataset_of_this_project_keeps_its_judgements_and_is_not_adopted(tmp_path: Path) -> None:
    converted(theirs(tmp_path / "theirs.zarr"), small_contract(), tmp_path / "mine.zarr")
    with pytest.raises(SystemExit, match=r"mine\.zarr: is a dataset of this project already"):
        converted(tmp_path / "mine.zarr", small_contract(), tmp_path / "again.zarr")


def test_options_for_bags_are_refused(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr")
    with pytest.raises(SystemExit, match="is a zarr group, and the option of actions is for bags; leave it out"):
        main([str(source), "--actions", "measured", "-o", str(tmp_path / "mine.zarr")])


def test_without_a_contract_it_is_no_dataset_and_the_error_says_how_it_becomes_one(tmp_path: Path) -> None:
    source = theirs(tmp_path / "theirs.zarr")
    with pytest.raises(
        DatasetError, match=r"holds no contract, .* `sdm-convert .*theirs\.zarr --contract FILE -o NEW`"
    ):
        EpisodeStore.view(source)
    with pytest.raises(
        SystemExit, match="is a zarr group: --lerobot exports a dataset, --contract says what a replay buffer holds"
    ):
        main([str(source), "-o", str(tmp_path / "mine.zarr")])


def test_another_group_is_no_replay_buffer(tmp_path: Path) -> None:
    zarr.open_group(str(tmp_path / "theirs.zarr"), mode="w", zarr_format=2)
    with pytest.raises(SystemExit, match=r"theirs\.zarr: no replay buffer of Diffusion Policy or DP3"):
        converted(tmp_path / "theirs.zarr", small_contract(), tmp_path / "mine.zarr")
