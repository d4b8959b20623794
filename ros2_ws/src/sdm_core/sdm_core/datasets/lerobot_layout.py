"""A dataset in the layout of LeRobot's datasets, version 3: parquet files and JSON beside them.

`data/chunk-000/file-000.parquet` holds an episode's rows (a file each), `meta/episodes` where each episode lies,
`meta/tasks.parquet` the task's name, `meta/info.json` all features with shapes and names, `meta/stats.json` their
statistics. Images are PNG within the rows. The contract and the operator's judgement are added, and harm no reader.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdm_core.atomic import atomic_folder
from sdm_core.datasets.dataset import EpisodeStore, image_arrays, require_absent
from sdm_core.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow

CODEBASE_VERSION = "v3.0"
_FILES_A_CHUNK = 1000
_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_VIDEOS = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
# The column that every reader of LeRobot expects beside the features.
_COUNTERS = ("frame_index", "episode_index", "index", "task_index")
_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def export_to_lerobot(store: EpisodeStore, output: Path) -> None:
    """Writes the whole dataset into the new folder `output`. Raises DatasetError where one lies there, the library
    pyarrow is missing, no episode is to be written, or the control rate is none that LeRobot knows."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DatasetError("LeRobot's layout needs the library pyarrow; pip install 'sdm_core[lerobot]'") from None
    require_absent(output)
    if not len(store):
        raise DatasetError(f"{store.path}: holds no episode to export")
    rate = store.contract.rates.control_hz
    if not rate.is_integer():
        raise DatasetError(
            f"{store.path}: its control rate is {rate:g} Hz, and LeRobot's fps is a whole number, by which its readers "
            "check every time stamp; record at a whole rate for them"
        )
    rows = _Rows(store)
    with atomic_folder(output) as room:
        for episode in range(len(store)):
            _write(room / _DATA.format(**_place(episode)), rows.table(pa, episode), pq)
        _write(room / "meta/episodes/chunk-000/file-000.parquet", rows.episodes(pa), pq)
        _write(room / "meta/tasks.parquet", _tasks(pa, store.contract.task), pq)
        (room / "meta/info.json").write_text(json.dumps(rows.info(), indent=4))
        (room / "meta/stats.json").write_text(json.dumps(rows.statistics(), indent=4))
        store.contract.save(room / "meta/contract.yaml")


class _Rows:
    """The store's arrays under LeRobot's names."""

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store
        contract = store.contract
        self._ends = store.episode_ends.tolist()
        self._vectors = {"observation.state": store.read("state"), "action": store.read("action")}
        self._names = {
            "observation.state": list(contract.state_names),
            "action": [entry.name for entry in contract.action.entries],
        }
        self._clouds = {}
        if contract.observation.cloud:
            self._clouds["observation.point_cloud"] = store.read("point_cloud").astype(np.float32)
        self._images = {
            f"observation.images.{image.camera}": store.read(name) for name, image in image_arrays(contract).items()
        }

    def table(self, pa: Any, episode: int) -> pyarrow.Table:
        """The rows of one episode."""
        first, end = self._span(episode)
        columns: dict[str, Any] = {}
        for name, values in self._vectors.items():
            vector = pa.list_(pa.float32(), values.shape[1])
            columns[name] = pa.array(list(values[first:end].astype(np.float32)), type=vector)
        for name, values in self._clouds.items():
            cloud = pa.list_(pa.list_(pa.float32()))
            columns[name] = pa.array([list(rows) for rows in values[first:end]], type=cloud)
        for name, values in self._images.items():
            picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
            columns[name] = pa.array([{"bytes": _png(image), "path": None} for image in values[first:end]], picture)
        count = np.arange(end - first)
        columns["timestamp"] = pa.array((count * self._store.contract.dt).astype(np.float32))
        for name, numbers in zip(_COUNTERS, (count, count * 0 + episode, count + first, count * 0), strict=True):
            columns[name] = pa.array(numbers.astype(np.int64))
        return pa.table(columns)

    def episodes(self, pa: Any) -> pyarrow.Table:
        """Where each episode lies, and how its operator judged it."""
        spans = [self._span(episode) for episode in range(len(self._ends))]
        places = [_place(episode) for episode in range(len(self._ends))]
        return pa.table(
            {
                "episode_index": list(range(len(spans))),
                "tasks": [[self._store.contract.task]] * len(spans),
                "length": [end - first for first, end in spans],
                "data/chunk_index": [place["chunk_index"] for place in places],
                "data/file_index": [place["file_index"] for place in places],
                "dataset_from_index": [first for first, _ in spans],
                "dataset_to_index": [end for _, end in spans],
                "meta/episodes/chunk_index": [0] * len(spans),
                "meta/episodes/file_index": [0] * len(spans),
                "success": self._store.outcomes.astype(np.int64).tolist(),
            }
        )

    def info(self) -> dict[str, Any]:
        """What `meta/info.json` says."""
        return {
            "codebase_version": CODEBASE_VERSION,
            "robot_type": None,
            "total_episodes": len(self._ends),
            "total_frames": self._ends[-1],
            "total_tasks": 1,
            "chunks_size": _FILES_A_CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": int(self._store.contract.rates.control_hz),
            "splits": {"train": f"0:{len(self._ends)}"},
            "data_path": _DATA,
            "video_path": _VIDEOS,
            "features": self._features(),
        }

    def statistics(self) -> dict[str, Any]:
        """Of each feature over all rows; of images for each channel, in [0, 1]."""
        counters = {
            "timestamp": np.concatenate([np.arange(n) * self._store.contract.dt for n in self._lengths()]),
            "frame_index": np.concatenate([np.arange(n) for n in self._lengths()]),
            "episode_index": np.repeat(np.arange(len(self._ends)), self._lengths()),
            "index": np.arange(self._ends[-1]),
            "task_index": np.zeros(self._ends[-1]),
        }
        flat = {name: values.reshape(len(values), -1) for name, values in {**self._vectors, **counters}.items()}
        statistics = {name: _statistics(values) for name, values in flat.items()}
        for name, values in self._clouds.items():
            statistics[name] = _statistics(values.reshape(-1, values.shape[-1]))
        for name, values in self._images.items():
            channels = _statistics(values.reshape(-1, 3) / 255.0)
            statistics[name] = {
                key: value if key == "count" else [[[each]] for each in value] for key, value in channels.items()
            }
        return statistics

    def _features(self) -> dict[str, Any]:
        features: dict[str, Any] = {}
        for name, values in self._vectors.items():
            features[name] = {"dtype": "float32", "shape": [values.shape[1]], "names": self._names[name]}
        for name, values in self._clouds.items():
            features[name] = {"dtype": "float32", "shape": list(values.shape[1:]), "names": ["points", "channels"]}
        for name, values in self._images.items():
            names = ["height", "width", "channels"]
            features[name] = {"dtype": "image", "shape": list(values.shape[1:]), "names": names}
        features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
        return {**features, **{name: {"dtype": "int64", "shape": [1], "names": None} for name in _COUNTERS}}

    def _lengths(self) -> list[int]:
        return np.diff(self._ends, prepend=0).tolist()

    def _span(self, episode: int) -> tuple[int, int]:
        return (self._ends[episode - 1] if episode else 0), self._ends[episode]


def _place(episode: int) -> dict[str, int]:
    chunk, file = divmod(episode, _FILES_A_CHUNK)
    return {"chunk_index": chunk, "file_index": file}


def _tasks(pa: Any, task: str) -> pyarrow.Table:
    """One row, whose index for pandas is the task's name."""
    index = "__index_level_0__"
    columns = [
        {"name": name, "field_name": field, "pandas_type": kind, "numpy_type": stored, "metadata": None}
        for name, field, kind, stored in (
            ("task_index", "task_index", "int64", "int64"),
            (None, index, "unicode", "object"),
        )
    ]
    pandas = {"index_columns": [index], "column_indexes": [], "columns": columns, "pandas_version": "2.0"}
    table = pa.table({"task_index": pa.array([0], pa.int64()), index: [task]})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _write(path: Path, table: pyarrow.Table, pq: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _png(image: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG")
    return file.getvalue()


def _statistics(values: NDArray) -> dict[str, Any]:
    """Over rows [R, D]."""
    return {
        "min": values.min(0).tolist(),
        "max": values.max(0).tolist(),
        "mean": values.mean(0).tolist(),
        "std": values.std(0).tolist(),
        "count": [len(values)],
        **{name: np.quantile(values, share, axis=0).tolist() for name, share in _QUANTILES.items()},
    }
