"""Demonstrations turned about the vertical, robot, scene and commands together: to physics they are equally true."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.errors import DatasetError

from sdm_training.data.windows import Demonstrations

_POSITION, _QUATERNION = ("x", "y"), ("qx", "qy", "qz", "qw")
_VECTORS = (("dx", "dy"), ("vx", "vy"), ("wx", "wy"))
_ALONG_THE_AXIS = ("z", "dz", "vz", "wz")


@dataclass(frozen=True)
class YawCopies:
    """So many copies of each demonstration, at angles evenly over ± `most_deg` degrees, beside it.

    What an entry is, its name tells: `….x`, `….y` are a position, `….dx`, `….vx`, `….wx` parts of a displacement or a
    rate, `….qx` … `….qw` an orientation; a length or a gripper stays as it is. What a policy must know and does not
    see, such as a goal that nothing in the cloud shows, must turn along, or the copies are wrong: nobody can tell here.
    """

    copies: int
    most_deg: float

    def of(self, demonstrations: Demonstrations) -> Demonstrations:
        """The demonstrations, and after them their copies. Raises DatasetError where there are images, or an entry
        of which its name does not tell how it turns."""
        contract, cloud = demonstrations.contract, demonstrations.contract.observation.cloud
        if cloud is None or contract.observation.images:
            raise DatasetError(f"{contract.task}: images cannot be turned as clouds can; set yaw_copies=0")
        pivot = (np.asarray(cloud.crop_low) + cloud.crop_high)[:2] / 2
        state = _Parts.of(contract, contract.observation.state)
        action = _Parts.of(contract, contract.action.entries)
        clouds = _Parts(positions=[(0, 1)])
        yaws = [0.0, *np.radians(np.linspace(-self.most_deg, self.most_deg, self.copies))]

        def turned(parts: _Parts, rows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.concatenate([parts.turned(rows, yaw, pivot) for yaw in yaws])

        def turned_cloud(points: NDArray[np.float32]) -> NDArray[np.float32]:
            padding = ~points.any(-1, keepdims=True)
            return np.where(np.tile(padding, (len(yaws), 1, 1)), np.float32(0), turned(clouds, points))

        assert demonstrations.point_cloud is not None
        return dataclasses.replace(
            demonstrations,
            lengths=demonstrations.lengths * len(yaws),
            state=turned(state, demonstrations.state),
            action=turned(action, demonstrations.action),
            point_cloud=turned_cloud(demonstrations.point_cloud),
            noisy_clouds=tuple(map(turned_cloud, demonstrations.noisy_clouds)),
        )


@dataclass(frozen=True)
class _Parts:
    """Which columns of the last axis belong together."""

    positions: Sequence[tuple[int, ...]] = ()
    vectors: Sequence[tuple[int, ...]] = ()
    quaternions: Sequence[tuple[int, ...]] = ()

    @classmethod
    def of(cls, contract: Contract, entries: Sequence[StateEntry | ActionEntry]) -> _Parts:
        names = [entry.name for entry in entries]
        positions = list(_found(names, _POSITION))
        vectors = [columns for suffixes in _VECTORS for columns in _found(names, suffixes)]
        quaternions = list(_found(names, _QUATERNION))
        grouped = {names[column] for columns in (*positions, *vectors, *quaternions) for column in columns}
        for entry in entries:
            if entry.name not in grouped and not _stays(entry):
                raise DatasetError(
                    f"{contract.task}: nobody can tell how '{entry.name}' ({entry.unit}) turns about the vertical; "
                    "set yaw_copies=0"
                )
        return cls(positions, vectors, quaternions)

    def turned(self, rows: NDArray[np.float32], yaw: float, pivot: NDArray[np.float64]) -> NDArray[np.float32]:
        """A copy [..., D], turned by `yaw` (rad) about the vertical through pivot (x, y)."""
        rotation = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        result = rows.copy()
        for columns in self.positions:
            result[..., columns] = (rows[..., columns] - pivot) @ rotation.T + pivot
        for columns in self.vectors:
            result[..., columns] = rows[..., columns] @ rotation.T
        sine, cosine = np.sin(yaw / 2), np.cos(yaw / 2)
        for columns in self.quaternions:
            x, y, z, w = np.moveaxis(rows[..., columns], -1, 0)
            turned = (cosine * x - sine * y, cosine * y + sine * x, cosine * z + sine * w, cosine * w - sine * z)
            result[..., columns] = np.stack(turned, -1)
        return result


def _stays(entry: StateEntry | ActionEntry) -> bool:
    suffix = _split(entry.name)[1]
    horizontal = suffix in {*_POSITION, *(name for pair in _VECTORS for name in pair)}
    return suffix in (*_ALONG_THE_AXIS, "gripper") or (entry.unit == "m" and not horizontal)


def _split(name: str) -> tuple[str, str]:
    stem, _, suffix = name.rpartition(".")
    return stem, suffix


def _found(names: Sequence[str], suffixes: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """The columns of each group of entries of one stem that end in all of `suffixes`."""
    for stem in dict.fromkeys(_split(name)[0] for name in names):
        group = [f"{stem}.{suffix}" if stem else suffix for suffix in suffixes]
        if set(group) <= set(names):
            yield tuple(names.index(name) for name in group)
