"""Human demonstrations of PushT: what a file of that layout becomes, and that no other file is taken."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import zarr
from numcodecs import Blosc
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, TaskError
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_sim.programs import demos
from sdm_sim.pusht.demonstrations import PushTDemonstrations
from sdm_sim.pusht.task import PushTTask, pusht_contract
from sdm_sim.pusht.world import PushTWorld
from zarr.storage import ZipStore

LENGTHS = (6, 4, 9)


def driven(lengths: tuple[int, ...] = LENGTHS) -> dict[str, np.ndarray]:
    """Episodes of seeds 0, 1, …, pushed about at random: the arrays of such a file."""
    world, rng = PushTWorld(), np.random.default_rng(0)
    states, actions = [], []
    for seed, length in enumerate(lengths):
        world.reset_seeded(seed)
        for action in rng.uniform(100, 400, (length, 2)).astype(np.float32):
            states.append(world.state)
            actions.append(action)
            world.step(action.astype(np.float64))
    return {
        "data/state": np.array(states, np.float32),
        "data/action": np.array(actions),
        "meta/episode_ends": np.cumsum(lengths).astype(np.int64),
    }


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A zip of that layout, with the pictures and key points that are not read."""
    rows = len(arrays.get("data/state", ()))
    arrays = {**arrays, "data/img": np.zeros((rows, 4, 4, 3), np.float32), "data/keypoint": np.zeros((rows, 9, 2))}
    with ZipStore(path, mode="w") as store:
        root: Any = zarr.open_group(store, mode="w", zarr_format=2)
        for name, values in arrays.items():
            chunks = (min(5, max(1, len(values))), *values.shape[1:])
            array = root.create_array(name, shape=values.shape, chunks=chunks, dtype=values.dtype, compressors=Blosc())
            array[:] = values
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "pusht.zarr.zip", driven())


def convert(source: Path | None, output: Path, episodes: int | None = None, task: str = "pusht/push-t") -> EpisodeStore:
    return demos.record(task, episodes, 0, 0, False, str(output), None if source is None else str(source))


def test_states_and_actions_are_the_file_s_in_metres(source: Path, tmp_path: Path) -> None:
    store, arrays = convert(source, tmp_path / "a.zarr"), driven()
    assert store.episode_ends.tolist() == arrays["meta/episode_ends"].tolist()
    assert store.contract == pusht_contract()
    np.testing.assert_allclose(store.read("action"), arrays["data/action"] / 1000, rtol=1e-6)
    np.testing.assert_allclose(store.read("state")[:, :2], arrays["data/state"][:, :2] / 1000, rtol=1e-6)
    assert (store.read("state")[:, 2] == 0).all()


def test_clouds_are_those_that_the_task_shows(source: Path, tmp_path: Path) -> None:
    store, spec = convert(source, tmp_path / "a.zarr"), pusht_contract().observation.cloud
    assert spec is not None
    clouds, task, states = CloudPipeline(spec), PushTTask(), driven()["data/state"]
    for row in (0, 7, 18):
        task._world.reset(states[row].astype(np.float64))
        frame = task.observe()
        assert frame.depth is not None
        shown = clouds.from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics)
        assert store.read("point_cloud")[row].tobytes() == shown.tobytes()


def test_fewer_episodes_are_taken_in_order_and_the_rest_follows(source: Path, tmp_path: Path) -> None:
    whole = convert(source, tmp_path / "whole.zarr")
    assert len(convert(source, tmp_path / "a.zarr", episodes=1)) == 1
    store = convert(source, tmp_path / "a.zarr")
    assert store.provenance == [{"seed": seed, "expert": "recorded", "task": "pusht/push-t"} for seed in range(3)]
    for name in ("state", "action", "point_cloud"):
        assert store.read(name).tobytes() == whole.read(name).tobytes()


def test_more_than_there_is_cannot_be_had(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds 3 episodes from number 0 on"):
        convert(source, tmp_path / "a.zarr", episodes=4)
    assert not (tmp_path / "a.zarr").exists()


def test_what_people_showed_is_not_disturbed(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.zarr"
    message = rf"^{source}: was recorded as it is; leave disturbed=… out$"
    with pytest.raises(TaskError, match=message):
        demos.record("pusht/push-t", None, 0, 0, False, str(output), str(source), disturbed=True)
    assert not output.exists()


def without(name: str) -> Callable[[dict], dict]:
    return lambda arrays: {key: values for key, values in arrays.items() if key != name}


def replaced(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], dict]:
    return lambda arrays: {**arrays, name: change(arrays[name])}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without("data/state"), "it lacks a readable data/state"),
        (without("meta/episode_ends"), "it lacks a readable"),
        (replaced("data/state", lambda state: state[:, :4]), r"data/state has shape \(19, 4\) of float32"),
        (replaced("data/action", lambda action: action[:-1]), "19 states and 18 actions do not pair"),
        (replaced("data/action", lambda action: action / 1000 - 1), "places lie beyond its table of 512 mm"),
        (replaced("data/state", lambda state: np.where(state > 300, np.nan, state)), "places lie beyond"),
        (replaced("meta/episode_ends", lambda ends: ends[:-1]), "episode_ends do not divide its 19 rows"),
        (replaced("meta/episode_ends", lambda ends: ends[[1, 0, 2]]), "episode_ends do not divide"),
        (replaced("meta/episode_ends", lambda ends: ends[:0]), "episode_ends do not divide"),
        (replaced("data/state", lambda state: state.astype("S8")), "data/state has shape"),
    ],
)
def test_another_layout_is_refused_in_one_line(change: Callable[[dict], dict], reason: str, tmp_path: Path) -> None:
    path = write(tmp_path / "other.zip", change(driven()))
    with pytest.raises(DatasetError, match=reason) as caught:
        convert(path, tmp_path / "a.zarr")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.zarr").exists()


def test_an_array_that_would_be_unpickled_is_not_touched(tmp_path: Path) -> None:
    trace = tmp_path / "unpickled"

    class Trap:
        def __reduce__(self) -> tuple:
            return trace.touch, ()

    whole = write(tmp_path / "whole.zip", driven())
    for dtype in ("|O", "<f4"):
        path = tmp_path / "trapped.zip"
        with ZipFile(whole) as source, ZipFile(path, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if name == "data/state/.zarray":
                    encoded = {"dtype": dtype, "filters": [{"id": "pickle", "protocol": 5}], "compressor": None}
                    content = json.dumps({**json.loads(content), "fill_value": 0, **encoded}).encode()
                elif name.startswith("data/state/") and not name.endswith(".zattrs"):
                    content = pickle.dumps(Trap())
                target.writestr(name, content)
        with pytest.raises(DatasetError, match="not PushT demonstrations"):
            PushTDemonstrations(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Trap()))
    assert trace.exists()  # the trap was set


def test_what_is_no_zip_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(DatasetError, match=r"text\.zip: not PushT demonstrations .* it is no zip file"):
        PushTDemonstrations(tmp_path / "text.zip")
    with pytest.raises(DatasetError, match=r"none\.zip: no such file"):
        PushTDemonstrations(tmp_path / "none.zip")


def test_a_task_has_a_source_or_an_expert(source: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="pusht/push-t has no scripted expert: people showed it"):
        convert(None, tmp_path / "a.zarr")
    with pytest.raises(TaskError, match="fork/reach has no reader of recorded demonstrations; leave source out"):
        convert(source, tmp_path / "a.zarr", task="fork/reach")
    assert not (tmp_path / "a.zarr").exists()
