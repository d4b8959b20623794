"""Episodes in zarr, in the layout that DP3 and Diffusion Policy read.

`data/point_cloud` [T,N,channels], `data/state` [T,S], `data/action` [T,A], optional `data/img` [T,H,W,3] (of further
cameras `data/img_<camera>`) and `data/depth`, and `meta/episode_ends` [E], in zarr format 2, with the contract in the
root's attributes. Where an operator judged episodes, `meta/episode_success` [E] says how. `action[t]` is the first
command after observation t. Rows beyond the last episode end are an append that goes on or was interrupted: who looks
leaves them alone, who opens the store to append rolls them back. With `every_chunk` among the root's attributes all
chunks are files, those of nothing but zeros too; older stores lack it, and may leave those out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numcodecs import Blosc
from numpy.typing import NDArray

from sdm_core.atomic import atomic_folder
from sdm_core.contract import Contract, ImageSpec
from sdm_core.datasets.write_lock import write_lock
from sdm_core.errors import DatasetError, SdmError

SUCCESS, FAILURE, UNLABELLED = 1, 0, -1
"""What `EpisodeStore.outcomes` and `meta/episode_success` say of an episode."""

# What no training can use with a value that is not finite; kept depth in m may say by it that it saw nothing.
_FINITE = ("state", "action", "point_cloud")
_CHUNK_ROWS = 64
_OUTCOMES = "episode_success"
_EVERY_CHUNK = "every_chunk"
_ZARR_MAJOR = int(zarr.__version__.split(".")[0])
# zarr 2, which Python 3.10 is left with, writes format 2 and knows no other name for it.
_FORMAT: dict[str, Any] = {"zarr_format": 2} if _ZARR_MAJOR >= 3 else {"zarr_version": 2}


@dataclass(frozen=True)
class Episode:
    """One demonstration of T steps: state [T,S], action [T,A], point_cloud [T,N,channels] where there are clouds.

    Others are in `extra`: depth [T,H,W], images uint8 [T,H,W,3] under the names of `image_arrays`.
    """

    state: NDArray
    action: NDArray
    point_cloud: NDArray | None = None
    extra: dict[str, NDArray] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray]:
        cloud = {} if self.point_cloud is None else {"point_cloud": self.point_cloud}
        return {"state": self.state, "action": self.action, **cloud, **self.extra}


def image_arrays(contract: Contract) -> dict[str, ImageSpec]:
    """The name below `data/` of each camera's images: `img` for the first one, as in Diffusion Policy."""
    images = contract.observation.images
    return {f"img_{image.camera}" if index else "img": image for index, image in enumerate(images)}


def row_shapes(contract: Contract) -> dict[str, tuple[int, ...]]:
    """The shape of one row of each array of `data/` that the contract knows."""
    shapes: dict[str, tuple[int, ...]] = {"state": (contract.state_dim,), "action": (contract.action_dim,)}
    if cloud := contract.observation.cloud:
        shapes["point_cloud"] = (cloud.points, cloud.channels)
    for name, image in image_arrays(contract).items():
        shapes[name] = (*reversed(image.size), 3)
    return shapes


def require_absent(output: Path) -> None:
    """Raises DatasetError where something lies at a path that is about to be written."""
    if output.exists():
        raise DatasetError(f"{output}: exists already; remove it, or choose another path")


class EpisodeStore:
    """A growing set of episodes on disk."""

    def __init__(self, path: Path, root: Any, contract: Contract) -> None:
        self.path, self.contract = path, contract
        self._root: Any = root  # a zarr.Group; its typing knows no paths
        self._viewed_ends: NDArray[np.int64] | None = None

    @classmethod
    def create(cls, path: str | Path, contract: Contract) -> EpisodeStore:
        """Makes an empty store. Raises DatasetError where something lies there already, or none can be written."""
        path = Path(path)
        with _refused_by_the_system(path):
            if path.exists():
                raise DatasetError(f"{path}: exists already; open it, or remove it to start afresh")
            with atomic_folder(path) as room:
                root = zarr.open_group(str(room), mode="w", **_FORMAT)
                root.attrs.update({"contract": contract.document(), _EVERY_CHUNK: True})
                root.create_group("data")
                root.create_group("meta")
                cls(room, root, contract)._array("meta", "episode_ends", np.zeros(0, np.int64))
            return cls.open(path)

    @classmethod
    @contextmanager
    def whole(cls, path: Path, contract: Contract) -> Iterator[EpisodeStore]:
        """Yields an empty store beside `path`, and puts it there when the block ends without an error.

        Raises DatasetError where something lies there already, or none can be written.
        """
        with ExitStack() as stack:
            with _refused_by_the_system(path):
                require_absent(path)
                room = stack.enter_context(atomic_folder(path))
            room.rmdir()  # the store makes its folder by itself
            yield cls.create(room, contract)

    @classmethod
    def open(cls, path: str | Path) -> EpisodeStore:
        """Opens a store to append to it, and rolls an interrupted append back; one that goes on in another process is
        waited for. Raises DatasetError where it is missing or malformed."""
        path = _existing(path)
        with write_lock(path):
            for stray in path.rglob("*.partial"):  # zarr's temporary file of a chunk that was being written
                stray.unlink(missing_ok=True)
            store = cls._as_stored(path, "r+")
            store._require_whole()
            store._roll_back()
        return store

    @classmethod
    def view(cls, path: str | Path) -> EpisodeStore:
        """Opens a store to look at the whole episodes that it has now. Changes nothing and sees no later ones, so
        another process may be appending to it; else as open."""
        store = cls._as_stored(_existing(path), "r")
        store._viewed_ends = store.episode_ends
        store._require_whole()
        return store

    @classmethod
    def count(cls, path: str | Path) -> int:
        """Whole episodes in a store, 0 where none is. Changes nothing, so another process may be appending to it."""
        return len(cls._as_stored(Path(path), "r")) if Path(path).is_dir() else 0

    @classmethod
    def _as_stored(cls, path: Path, mode: Literal["r", "r+"]) -> EpisodeStore:
        try:
            root = zarr.open_group(str(path), mode=mode, **_FORMAT)
            if "contract" not in root.attrs and "data" in root:
                raise DatasetError(
                    f"{path}: holds no contract, so that nobody knows what its arrays are; write one, and "
                    f"`sdm-convert {path} --contract FILE -o NEW` makes a dataset of it (or copy it anew)"
                )
            store = cls(path, root, Contract.parse(root.attrs["contract"], f"{path}: contract"))
            _ = store.episode_ends, dict(store._data())  # raise where they cannot be read
        except SdmError:
            raise
        except Exception:  # zarr raises anything from KeyError to its own errors on a broken store
            raise DatasetError(
                f"{path}: not a whole dataset of this project (contract, data or meta/episode_ends cannot be read); "
                "copy or record it anew"
            ) from None
        return store

    @classmethod
    def open_or_create(cls, path: str | Path, contract: Contract) -> EpisodeStore:
        """Continues a store. Raises DatasetError where it was recorded under another contract, or cannot be written."""
        with _refused_by_the_system(Path(path)):
            store = cls.open(path) if Path(path).exists() else cls.create(path, contract)
        differences = store.contract.differences(contract)
        if differences:
            raise DatasetError(f"{path}: recorded under another contract ({differences[0]}); choose another path")
        return store

    @property
    def episode_ends(self) -> NDArray[np.int64]:
        """Row after each episode's last one, int64[E]."""
        if self._viewed_ends is not None:
            return self._viewed_ends
        ends = np.asarray(self._root["meta/episode_ends"][:], np.int64)
        rises = np.diff(ends, prepend=0) > 0
        # The array grows before its new end is written: interrupted in between, the last entry is still the fill value.
        if len(ends) and not rises[-1]:
            ends, rises = ends[:-1], rises[:-1]
        if not rises.all():
            raise DatasetError(f"{self.path}: meta/episode_ends do not rise; the copy is incomplete, copy it anew")
        return ends

    def __len__(self) -> int:
        return len(self.episode_ends)

    def __contains__(self, name: str) -> bool:
        """Whether there is such an array of `data/`."""
        return f"data/{name}" in self._root

    def read(self, name: str, rows: slice | None = None) -> NDArray:
        """An array of `data/`, in memory: the rows of all episodes, or some."""
        rows = slice(self._rows) if rows is None else rows
        try:
            return np.asarray(self._root[f"data/{name}"][rows])
        except KeyError:
            raise DatasetError(f"{self.path}: has no data/{name}; record it, or leave it out of the training") from None
        except Exception:  # the codec's errors share no base class
            raise DatasetError(f"{self.path}: data/{name} has a broken chunk; copy or record it anew") from None

    @property
    def provenance(self) -> list[dict[str, Any]]:
        """What was noted of each episode, such as its seed."""
        return list(self._root.attrs.get("provenance", []))[: len(self)]

    @property
    def outcomes(self) -> NDArray[np.int8]:
        """How each episode was judged, int8[E]: SUCCESS, FAILURE or UNLABELLED."""
        outcomes = np.full(len(self), UNLABELLED, np.int8)
        stored = self._outcomes()
        if stored is not None:
            known = np.asarray(stored[: len(outcomes)], np.int8)
            outcomes[: len(known)] = known
        return outcomes

    def label(self, index: int, success: bool) -> None:
        """Judges an episode, whatever was said of it before. Raises DatasetError where there is none, or on a full
        disk."""
        if not 0 <= index < len(self):
            raise DatasetError(f"{self.path}: has no episode {index} to label; it holds {len(self)}")
        try:
            with write_lock(self.path):
                self._write_outcome(index, SUCCESS if success else FAILURE)
        except OSError as error:
            raise DatasetError(f"{self.path}: {error.strerror}; episode {index} is not labelled") from None

    def append(self, episode: Episode, provenance: dict[str, Any] | None = None, success: bool | None = None) -> None:
        """Adds an episode, whole or not at all, after those that others have added meanwhile; `success` None: nobody
        judged it. Raises DatasetError on shapes that do not fit, values that are not finite, or a full disk."""
        with write_lock(_existing(self.path)), _writing_every_chunk():
            self._append(episode, provenance, success)

    def _append(self, episode: Episode, provenance: dict[str, Any] | None, success: bool | None) -> None:
        arrays = episode.arrays()
        try:
            self._root = zarr.open_group(str(self.path), mode="r+", **_FORMAT)  # its attributes are those of opening
            self._roll_back()  # what an earlier append left, and a full disk had no room to undo
            self._check(arrays)
            rows, episodes = self._rows, len(self)
            for name, values in arrays.items():
                self._extend(name, values, rows)
            self._root.attrs["provenance"] = [*self.provenance, provenance or {}]
            if success is not None:
                self._write_outcome(episodes, SUCCESS if success else FAILURE)
            # The end counts the episode in: written last, it makes the append atomic.
            self._extend_ends(rows + len(episode.state))
        except OSError as error:
            with suppress(OSError):  # no room even to shrink: the next append or opening does it
                self._roll_back()
            raise DatasetError(
                f"{self.path}: {error.strerror}; the episode is dropped, earlier ones are whole"
            ) from None

    @property
    def _rows(self) -> int:
        """How many rows the episodes have together."""
        ends = self.episode_ends
        return int(ends[-1]) if len(ends) else 0

    def _require_whole(self) -> None:
        """Raises DatasetError unless the stored arrays are the contract's, and have all rows of all episodes."""
        if not len(self):
            return
        stored, rows = dict(self._data()), self._rows
        for name, shape in row_shapes(self.contract).items():
            if name not in stored:
                raise DatasetError(f"{self.path}: has no readable data/{name}; copy or record it anew")
            if stored[name].shape[1:] != shape:
                raise DatasetError(
                    f"{self.path}: data/{name} has rows of shape {stored[name].shape[1:]}, {shape} expected "
                    "by its contract; record it anew"
                )
        for name, array in stored.items():
            if array.shape[0] < rows:
                raise DatasetError(
                    f"{self.path}: data/{name} has {array.shape[0]} rows, {rows} expected; the copy is incomplete"
                )
            if self._root.attrs.get(_EVERY_CHUNK) and (lost := self._lost_chunks(name, array, rows)):
                raise DatasetError(f"{self.path}: data/{name} lacks {len(lost)} files, such as {lost[0]}; copy it anew")

    def _lost_chunks(self, name: str, array: zarr.Array, rows: int) -> list[str]:
        """The chunks of so many rows that are not there, and that zarr would read as zeros."""
        folder, rest = self.path / "data" / name, ".0" * (array.ndim - 1)
        files = (f"{chunk}{rest}" for chunk in range(math.ceil(rows / array.chunks[0])))
        listed = set(os.listdir(folder))  # which may miss a file that is replaced meanwhile
        return [file for file in files if file not in listed and not (folder / file).exists()]

    def _check(self, arrays: dict[str, NDArray]) -> None:
        lengths = {len(values) for values in arrays.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise DatasetError(f"episode arrays have lengths {sorted(lengths)}; one length above zero expected")
        stored, named = dict(self._data()), row_shapes(self.contract)
        shapes = {**{name: array.shape[1:] for name, array in stored.items()}, **named}
        missing = sorted(set(named) - set(arrays))
        if missing:
            raise DatasetError(f"{self.path}: the episode lacks {', '.join(missing)}, which the contract names")
        for name in image_arrays(self.contract):
            if arrays[name].dtype != np.uint8:
                raise DatasetError(f"{self.path}: {name} of type {arrays[name].dtype} given, uint8 expected")
        for name, values in arrays.items():
            known = stored.get(name)
            if known is not None and name not in named and values.dtype != known.dtype:
                raise DatasetError(  # depth in m would become whole mm: 0
                    f"{self.path}: {name} of type {values.dtype} given, the episodes before have {known.dtype}; "
                    "record it as they are, or into another dataset"
                )
            shape = shapes.get(name, values.shape[1:])
            if values.shape[1:] != shape:
                raise DatasetError(f"{self.path}: {name} rows of shape {values.shape[1:]} given, {shape} expected")
            if name in _FINITE and not np.isfinite(values).all():
                raise DatasetError(f"{self.path}: the episode's {name} holds NaN or infinite values; check its source")
        if stored and set(stored) != set(arrays):
            raise DatasetError(f"{self.path}: holds {sorted(stored)}, the episode brings {sorted(arrays)}")

    def _data(self) -> list[tuple[str, zarr.Array]]:
        group = self._root["data"]
        return [(name, group[name]) for name in sorted(group.array_keys())]

    def _outcomes(self) -> zarr.Array | None:
        return self._root["meta"].get(_OUTCOMES)

    def _write_outcome(self, index: int, outcome: int) -> None:
        stored = self._outcomes()
        if stored is None:
            stored = self._array("meta", _OUTCOMES, np.zeros(0, np.int8), fill_value=UNLABELLED)
        known = stored.shape[0]
        if known <= index:
            stored.resize((index + 1,))
            # Said, and not left to the fill value: what was rolled back still lies in the chunk.
            stored[known:] = np.full(index + 1 - known, UNLABELLED, np.int8)
        stored[index : index + 1] = np.array([outcome], np.int8)

    def _array(self, group: str, name: str, like: NDArray, fill_value: int = 0) -> zarr.Array:
        chunks = (_CHUNK_ROWS, *like.shape[1:])
        options = {
            "shape": (0, *like.shape[1:]),
            "chunks": chunks,
            "dtype": like.dtype,
            "fill_value": fill_value,
        }
        codec = Blosc(cname="zstd", clevel=3, shuffle=Blosc.SHUFFLE)
        if _ZARR_MAJOR >= 3:
            return self._root[group].create_array(name, compressors=codec, **options)
        return self._root[group].create_dataset(name, compressor=codec, **options)

    def _extend(self, name: str, values: NDArray, rows: int) -> None:
        key = f"data/{name}"
        array = self._root[key] if key in self._root else self._array("data", name, values)
        array.resize((rows + len(values), *values.shape[1:]))
        array[rows:] = values

    def _extend_ends(self, end: int) -> None:
        ends = self._root["meta/episode_ends"]
        count = ends.shape[0]
        ends.resize((count + 1,))
        ends[count:] = np.array([end])

    def _roll_back(self) -> None:
        """Takes away what an interrupted append left: arrays of no episode, rows beyond the last end, an unset end."""
        ends = self.episode_ends
        for name, array in self._data():
            if not len(ends):
                del self._root["data"][name]
            elif array.shape[0] > ends[-1]:
                array.resize((int(ends[-1]), *array.shape[1:]))
        for stored in (self._root["meta/episode_ends"], self._outcomes()):
            if stored is not None and stored.shape[0] > len(ends):
                stored.resize((len(ends),))


def _writing_every_chunk() -> AbstractContextManager:
    """zarr 3 would leave chunks of nothing but zeros out, and a lost chunk would look like one of them."""
    return zarr.config.set({"array.write_empty_chunks": True}) if _ZARR_MAJOR >= 3 else nullcontext()


@contextmanager
def _refused_by_the_system(path: Path) -> Iterator[None]:
    """Tells what the operating system refuses as a DatasetError."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise DatasetError(
            f"{path}: {error.strerror or error}{where}; make it writable, or choose another path"
        ) from None


def _existing(path: str | Path) -> Path:
    """The path itself. Raises DatasetError where no folder is."""
    path = Path(path)
    if not path.is_dir():
        raise DatasetError(f"{path}: no such dataset; `sdm-demos` or the recorder makes one")
    return path
