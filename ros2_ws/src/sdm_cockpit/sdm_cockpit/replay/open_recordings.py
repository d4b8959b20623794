"""Recorded episodes by their address, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sdm_core.contract import Contract
from sdm_core.errors import DatasetError

from sdm_cockpit.replay.bag_recordings import BagRecordings
from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.replay.recording import Recording

ADDRESS = "a dataset (.zarr) or a bag (its folder, or a .mcap file), and the number of an episode, as in data/x.zarr:3"

_NUMBERED = re.compile(r"(.+):(\d+)")


class Recordings(Protocol):
    """The episodes of one source, under one contract. They are read when they are asked for."""

    source: str
    contract: Contract
    problems: tuple[str, ...]
    """A line for each thing that is missing or wrong."""

    def __len__(self) -> int: ...

    def success(self, index: int) -> bool | None:
        """How an episode was judged; None: not at all."""
        ...

    def __iter__(self) -> Iterator[Recording]: ...

    def __getitem__(self, index: int) -> Recording: ...


def open_recordings(path: Path, convert_options: Sequence[str] = ()) -> Recordings:
    """`convert_options`: those of `sdm-convert`, for a bag that does not say all. Raises SdmError where there is no
    episode."""
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder; give {ADDRESS}")
    if (path / ".zgroup").is_file():
        return DatasetRecordings(path)
    return BagRecordings(path, convert_options)


def addressed(address: str, convert_options: Sequence[str] = ()) -> tuple[Recordings, Sequence[int]]:
    """The source of an address, and the numbers of the episodes that it names: all of them, where it names none. Raises
    as open_recordings."""
    numbered = None if Path(address).exists() else _NUMBERED.fullmatch(address)
    if numbered:
        return open_recordings(Path(numbered[1]), convert_options), [int(numbered[2])]
    recordings = open_recordings(Path(address), convert_options)
    return recordings, range(len(recordings))
