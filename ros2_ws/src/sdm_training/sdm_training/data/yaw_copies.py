"""Demonstrations turned about the vertical, robot, scene and commands together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_space import multiply, quaternion
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.errors import DatasetError
from sdm_core.quaternion_sign import canonical

from sdm_training.data.windows import Demonstrations

_POSITION, _QUATERNION = ("x", "y"), ("qx", "qy", "qz", "qw")
_VECTORS = (("dx", "dy"), ("vx", "vy"), ("wx", "wy"))
_ALONG_THE_AXIS = ("z", "dz", "vz", "wz")


MOST_DEG = 30.0


def with_yaw_copies(demonstrations: Demonstrations, copies: int) -> Demonstrations:
    """The demonstrations, and after them so many copies of each, at angles evenly over ± MOST_DEG degrees.

    What an entry is, its name tells: `….x`, `….y` are a position, `….dx`, `….vx`, `….wx` parts of a displacement or a
    rate, `….qx` … `….qw` an orientation; a length or a gripper stays as it is. The commands' bounds turn along, so
    that a turned command may lie beyond the contract's; what a policy gives is limited to these all the same.

    Raises DatasetError where there are images, displacements under a pose's names (`ee_delta`), or an entry of which
    its name does not tell how it turns.
    """
    contract, cloud = demonstrations.contract, demonstrations.contract.observation.cloud
    if cloud is None or contract.observation.images:
        raise DatasetError(f"{contract.task}: images cannot be turned as clouds can; leave yaw_copies out")
    if contract.action.kind == "ee_delta":
        raise DatasetError(
            f"{contract.task}: displacements of kind ee_delta cannot be turned yet; leave yaw_copies out"
        )
    pivot = (np.asarray(cloud.crop_low) + cloud.crop_high)[:2] / 2
    state = _Parts.of(contract, contract.observation.state)
    action = _Parts.of(contract, contract.action.entries)
    clouds = _Parts(positions=[(0, 1)])
    yaws = [0.0, *np.radians(np.linspace(-MOST_DEG, MOST_DEG, copies))]

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
    """Which columns of the last axis belong together. native: an environment's own, whose quaternions keep its sign."""

    positions: Sequence[tuple[int, ...]] = ()
    vectors: Sequence[tuple[int, ...]] = ()
    quaternions: Sequence[tuple[int, ...]] = ()
    native: bool = False

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
                    "leave yaw_copies out"
                )
        return cls(positions, vectors, quaternions, contract.action.kind == "native")

    def turned(self, rows: NDArray[np.float32], yaw: float, pivot: NDArray[np.float64]) -> NDArray[np.float32]:
        """A copy [..., D], turned by `yaw` (rad) about the vertical through pivot (x, y)."""
        rotation = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        result = rows.copy()
        for columns in self.positions:
            result[..., columns] = (rows[..., columns] - pivot) @ rotation.T + pivot
        for columns in self.vectors:
            result[..., columns] = rows[..., columns] @ rotation.T
        turn = quaternion(np.array([0.0, 0.0, yaw]))
        for columns in self.quaternions:
            orientations = np.moveaxis(multiply(turn, np.moveaxis(rows[..., columns].astype(np.float64), -1, 0)), 0, -1)
            if not self.native:
                flat = orientations.reshape(-1, len(columns)).tolist()
                orientations = np.array(list(map(canonical, flat))).reshape(orientations.shape)
            result[..., columns] = orientations
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
