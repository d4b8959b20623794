"""Replay buffers of Diffusion Policy and DP3, recorded elsewhere: this project's layout without its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from sdm_core.atomic import atomic_folder
from sdm_core.contract import Contract
from sdm_core.dataset import Episode, EpisodeStore, image_arrays
from sdm_core.errors import DatasetError


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr group, of either format."""
    return any((path / name).is_file() for name in (".zgroup", "zarr.json"))


def adopt(source: Path, output: Path, contract: Contract) -> EpisodeStore:
    """Copies every episode of `source` into the new dataset `output` under a contract, which its owner has written.

    `data/state` [T,S] and `data/action` [T,A] must have the contract's entries in its order and units, action[t] being
    the command after observation t; `data/point_cloud` [T,N,≥channels] its number of points, in its cloud's frame and
    cropped as it says; `data/img` (of further cameras `data/img_<camera>`) [T,H,W,3] whole numbers of 0 to 255, of any
    type. What the contract does not name is left out. Raises DatasetError where something lies at `output`, or an array
    is missing or does not fit; then nothing is written.
    """
    if output.exists():
        raise DatasetError(f"{output}: exists already; remove it, or choose another path")
    arrays, ends = _read(source, contract)
    with atomic_folder(output) as room:
        room.rmdir()  # the store makes its folder by itself
        store = EpisodeStore.create(room, contract)
        for number, (first, last) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            rows = {name: array[first:last] for name, array in arrays.items()}
            core = {name: rows.pop(name) for name in ("state", "action", "point_cloud") if name in rows}
            store.append(Episode(**core, extra=rows), {"adopted": source.name, "episode": number})
    return EpisodeStore.view(output)


def _read(source: Path, contract: Contract) -> tuple[dict[str, NDArray], list[int]]:
    """What the contract names of a replay buffer, as the store has it, and the row after each episode's last one."""
    try:
        root: Any = zarr.open_group(str(source), mode="r")
        data, described_ends = root["data"], root["meta/episode_ends"]
        stored = sorted(data.array_keys())
    except Exception:  # zarr raises anything from KeyError to its own errors
        raise DatasetError(
            f"{source}: no replay buffer of Diffusion Policy or DP3 (a zarr group of data/… and meta/episode_ends)"
        ) from None
    cloud, images = contract.observation.cloud, image_arrays(contract)
    names = ("state", "action", *(("point_cloud",) if cloud else ()), *images)
    missing = [name for name in names if name not in stored]
    if missing:
        raise DatasetError(f"{source}: has no data/{missing[0]}, which the contract names, but {', '.join(stored)}")
    ends = _numbers(f"{source}: meta/episode_ends", described_ends).astype(int)
    if not len(ends) or (np.diff(ends, prepend=0) < 1).any():
        raise DatasetError(f"{source}: meta/episode_ends do not rise from above 0")
    arrays = {name: _numbers(f"{source}: data/{name}", data[name]) for name in names}
    for name, array in arrays.items():
        if len(array) != ends[-1]:
            raise DatasetError(f"{source}: data/{name} has {len(array)} rows, and its episodes end at row {ends[-1]}")
        if name in images:
            arrays[name] = _as_bytes(f"{source}: data/{name}", array)
        elif not np.isfinite(array).all():
            raise DatasetError(f"{source}: data/{name} holds NaN or infinite values")
        else:
            arrays[name] = array.astype(np.float32)
    if cloud:
        arrays["point_cloud"] = arrays["point_cloud"][..., : cloud.channels]
    return arrays, ends.tolist()


def _numbers(name: str, array: Any) -> NDArray:
    """The array's values. Objects, which could be pickled, are refused before a chunk of them is decoded."""
    if array.dtype.kind not in "fiu":
        raise DatasetError(f"{name} is of {array.dtype}, numbers expected")
    return np.asarray(array[:])


def _as_bytes(name: str, pixels: NDArray) -> NDArray[np.uint8]:
    """Pixels as uint8, which some buffers hold as float32 of the same numbers."""
    found = pixels.astype(np.uint8)
    if not np.array_equal(found, pixels):
        raise DatasetError(f"{name} is not of whole numbers of 0 to 255")
    return found
