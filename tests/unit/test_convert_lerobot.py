"""Datasets in LeRobot's layout: what its readers look up is there, and says what the dataset says."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import image_contract, small_contract
from PIL import Image
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_policy_node.convert.program import main

pq = pytest.importorskip("pyarrow.parquet")
CONTRACT = image_contract(with_cloud=True)


@pytest.fixture
def store(tmp_path: Path) -> EpisodeStore:
    """Three episodes of clouds and images, the second a failure."""
    made = EpisodeStore.create(tmp_path / "data.zarr", CONTRACT)
    random = np.random.default_rng(0)
    for steps, success in ((4, True), (3, False), (5, None)):
        images = random.integers(0, 256, (steps, 6, 8, 3)).astype(np.uint8)
        state, action = (random.random((steps, size), np.float32) for size in (4, 3))
        made.append(Episode(state, action, random.random((steps, 32, 3), np.float32), {"img": images}), None, success)
    return made


@pytest.fixture
def exported(store: EpisodeStore, tmp_path: Path) -> Path:
    main([str(store.path), "--lerobot", "-o", str(tmp_path / "lerobot")])
    return tmp_path / "lerobot"


def test_rows_are_the_dataset_s(store: EpisodeStore, exported: Path) -> None:
    info = json.loads((exported / "meta/info.json").read_text())
    episodes = pq.read_table(exported / "meta/episodes").to_pylist()
    assert [episode["length"] for episode in episodes] == [4, 3, 5]
    assert [episode["success"] for episode in episodes] == [1, 0, -1]
    state, action, clouds, images = (store.read(name) for name in ("state", "action", "point_cloud", "img"))
    for number, episode in enumerate(episodes):
        place = {"chunk_index": episode["data/chunk_index"], "file_index": episode["data/file_index"]}
        rows = pq.read_table(exported / info["data_path"].format(**place)).to_pylist()
        span = slice(episode["dataset_from_index"], episode["dataset_to_index"])
        assert [row["index"] for row in rows] == list(range(span.start, span.stop))
        assert {row["episode_index"] for row in rows} == {number}
        assert [row["frame_index"] for row in rows] == list(range(len(rows)))
        assert [row["timestamp"] for row in rows] == pytest.approx(np.arange(len(rows)) / info["fps"])
        np.testing.assert_array_equal([row["observation.state"] for row in rows], state[span])
        np.testing.assert_array_equal([row["action"] for row in rows], action[span])
        np.testing.assert_array_equal([row["observation.point_cloud"] for row in rows], clouds[span])
        pictures = [Image.open(io.BytesIO(row["observation.images.camera"]["bytes"])) for row in rows]
        np.testing.assert_array_equal([np.asarray(picture) for picture in pictures], images[span])


def test_what_is_said_of_the_features_is_so(store: EpisodeStore, exported: Path) -> None:
    info = json.loads((exported / "meta/info.json").read_text())
    assert (info["codebase_version"], info["total_episodes"], info["total_frames"]) == ("v3.0", 3, 12)
    features = info["features"]
    assert features["observation.state"] == {"dtype": "float32", "shape": [4], "names": list(CONTRACT.state_names)}
    assert features["observation.images.camera"]["shape"] == [6, 8, 3]
    columns = pq.read_table(exported / "data/chunk-000/file-000.parquet").column_names
    assert set(columns) == set(features)
    statistics = json.loads((exported / "meta/stats.json").read_text())
    assert set(statistics) == set(features)
    np.testing.assert_allclose(statistics["action"]["mean"], store.read("action").mean(0), rtol=1e-6)
    assert np.shape(statistics["observation.images.camera"]["max"]) == (3, 1, 1)
    tasks = pq.read_table(exported / "meta/tasks.parquet").to_pylist()
    assert tasks == [{"task_index": 0, "__index_level_0__": CONTRACT.task}]


def test_coloured_points_keep_their_colours(tmp_path: Path) -> None:
    made = EpisodeStore.create(tmp_path / "coloured.zarr", small_contract(cloud={"channels": 6}))
    state, action, clouds = (np.random.default_rng(0).random((4, *size), np.float32) for size in ((4,), (3,), (32, 6)))
    made.append(Episode(state, action, clouds))
    main([str(made.path), "--lerobot", "-o", str(tmp_path / "lerobot")])
    rows = pq.read_table(tmp_path / "lerobot/data/chunk-000/file-000.parquet").to_pylist()
    np.testing.assert_array_equal([row["observation.point_cloud"] for row in rows], clouds)
    info = json.loads((tmp_path / "lerobot/meta/info.json").read_text())
    assert info["features"]["observation.point_cloud"]["shape"] == [32, 6]
    statistics = json.loads((tmp_path / "lerobot/meta/stats.json").read_text())
    assert np.shape(statistics["observation.point_cloud"]["max"]) == (6,)


def test_without_pyarrow_it_is_one_line(store: EpisodeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SystemExit, match=r"pip install 'sdm_core\[lerobot\]'"):
        main([str(store.path), "--lerobot", "-o", str(tmp_path / "lerobot")])
    assert not (tmp_path / "lerobot").exists()


def test_a_rate_that_its_format_cannot_say_is_refused(tmp_path: Path) -> None:
    contract = CONTRACT.model_copy(update={"rates": CONTRACT.rates.model_copy(update={"control_hz": 12.5})})
    made = EpisodeStore.create(tmp_path / "slow.zarr", contract)
    images = {"img": np.zeros((4, 6, 8, 3), np.uint8)}
    made.append(
        Episode(np.zeros((4, 4), np.float32), np.zeros((4, 3), np.float32), np.zeros((4, 32, 3), np.float32), images)
    )
    with pytest.raises(SystemExit, match=r"its control rate is 12\.5 Hz, and LeRobot's fps is a whole number"):
        main([str(made.path), "--lerobot", "-o", str(tmp_path / "lerobot")])
    assert not (tmp_path / "lerobot").exists()
