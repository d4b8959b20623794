"""Replay buffers of Diffusion Policy and DP3, recorded elsewhere: this project's layout without its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore, image_arrays, require_absent, row_shapes
from sdm_core.errors import DatasetError


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr group, of either format."""
    return any((path / name).is_file() for name in (".zgroup", "zarr.json"))


def adopt(source: Path, output: Path, contract: Contract) -> EpisodeStore:
    """Copies every episode of `source` into the new dataset `output` under a contract, which its owner has written.

    `data/state` [T,S] and `data/action` [T,A] must have the contract's entries in its order and units, action[t] being
    the command after observation t; `data/point_cloud` [T,N,≥channels] its number of points, in its cloud's frame,
    cropped as it says and in farthest-point order, with colours in [0, 1] or whole numbers of 0 to 255; `data/img` (of
    further cameras `data/img_<camera>`) [T,H,W,3] whole numbers of 0 to 255, of any type. What the contract does not
    name is left out. Raises DatasetError where something lies at `output`, `source` is a dataset of this project
    already, or an array is missing or does not fit; then nothing is written.
    """
    require_absent(output)
    arrays, ends = _read(source, contract)
    with EpisodeStore.whole(output, contract) as store:
        for number, (first, last) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            rows = {name: array[first:last] for name, array in arrays.items()}
            core = {name: rows.pop(name) for name in ("state", "action", "point_cloud") if name in rows}
            store.append(Episode(**core, extra=rows), {"adopted": source.name, "episode": number})
    return EpisodeStore.view(output)


def _read(source: Path, contract: Contract) -> tuple[dict[str, NDArray], list[int]]:
    """What the contract names of a replay buffer, as the store has it, and the row after each episode's last one."""
    try:
        root: Any = zarr.open_group(str(source), mode="r")
        data, meta, ours = root["data"], root["meta"], "contract" in root.attrs
    except Exception:  # zarr raises anything from KeyError to its own errors
        raise DatasetError(
            f"{source}: no replay buffer of Diffusion Policy or DP3 (a zarr group of data/… and meta/episode_ends)"
        ) from None
    if ours:
        raise DatasetError(f"{source}: is a dataset of this project already, with a contract of its own")
    ends = _numbers(f"{source}: meta/episode_ends", meta, "episode_ends").astype(int)
    if not len(ends) or (np.diff(ends, prepend=0) < 1).any():
        raise DatasetError(f"{source}: meta/episode_ends do not rise from above 0")
    images, cloud = image_arrays(contract), contract.observation.cloud
    arrays = {}
    for name, shape in row_shapes(contract).items():
        where = f"{source}: data/{name}"
        array = _numbers(where, data, name)
        if name == "point_cloud":
            array = array[..., : shape[-1]]
        if array.shape != (ends[-1], *shape):
            raise DatasetError(f"{where} has shape {array.shape}, {(int(ends[-1]), *shape)} expected by the contract")
        if not np.isfinite(array).all():
            raise DatasetError(f"{where} holds NaN or infinite values")
        arrays[name] = _as_bytes(where, array) if name in images else array.astype(np.float32)
    if cloud and cloud.coloured:
        arrays["point_cloud"][..., 3:] = _as_shares(f"{source}: data/point_cloud", arrays["point_cloud"][..., 3:])
    return arrays, ends.tolist()


def _numbers(where: str, group: Any, name: str) -> NDArray:
    """An array's values. Objects, which could be pickled, are refused before a chunk of them is decoded."""
    try:
        array = group[name]
    except Exception:  # of an array that zarr cannot describe, too
        raise DatasetError(f"{where} is missing or unreadable; a dataset needs it") from None
    if array.dtype.kind not in "fiu":
        raise DatasetError(f"{where} is of {array.dtype}, numbers expected")
    try:
        return np.asarray(array[:])
    except Exception:  # the codec's errors share no base class
        raise DatasetError(f"{where} has a broken chunk; copy it anew") from None


def _as_bytes(where: str, pixels: NDArray) -> NDArray[np.uint8]:
    """Pixels as uint8, which some buffers hold as float32 of the same numbers."""
    found = pixels.clip(0, 255).astype(np.uint8)
    if not np.array_equal(found, pixels):
        raise DatasetError(f"{where} is not of whole numbers of 0 to 255")
    return found


def _as_shares(where: str, colours: NDArray) -> NDArray:
    """Colours in [0, 1], which DP3's buffers hold as whole numbers of 0 to 255."""
    if colours.min() >= 0 and colours.max() <= 1:
        return colours
    return _as_bytes(f"{where}'s colour", colours) / np.float32(255)
