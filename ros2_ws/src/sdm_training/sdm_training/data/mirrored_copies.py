"""Demonstrations as a mirror beside the robot would show them, robot, scene and commands together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.errors import DatasetError
from sdm_core.quaternion_sign import canonical

from sdm_training.data.entry_names import QUATERNION, groups, split
from sdm_training.data.windows import Demonstrations

Axis = Literal["x", "y"]

_AXES = ("x", "y", "z")
_SIDES = ("left", "right")


def with_mirrored_copies(demonstrations: Demonstrations, axis: Axis) -> Demonstrations:
    """The demonstrations, and after them a copy of each in which `axis` of the base frame points the other way.

    The robot has to be its own mirror image there, but for its arm: MetaWorld's hand along x, a Franka's along y. What
    an entry is, its name tells, as in `with_yaw_copies`. Entries of a left and a right one, as fingers, change places
    where these lie apart along the axis.

    Raises DatasetError where there are images, or an entry of which its name does not tell how it is mirrored.
    """
    contract, cloud = demonstrations.contract, demonstrations.contract.observation.cloud
    if cloud is None or contract.observation.images:
        raise DatasetError(f"{contract.task}: images cannot be mirrored as clouds can; leave mirrored out")
    states, actions = contract.observation.state, contract.action.entries
    sides = _sides_changed([entry.name for entry in states], demonstrations.state, axis)

    def and_mirrored(points: NDArray[np.float32]) -> NDArray[np.float32]:
        copy = points.copy()
        copy[..., _AXES.index(axis)] *= -1  # padding is at the origin, and stays there
        return np.concatenate([points, copy])

    state, action = demonstrations.state, demonstrations.action
    assert demonstrations.point_cloud is not None
    return dataclasses.replace(
        demonstrations,
        lengths=demonstrations.lengths * 2,
        state=np.concatenate([state, _mirrored(contract, states, state[:, sides], axis)]),
        action=np.concatenate([action, _mirrored(contract, actions, action, axis)]),
        point_cloud=and_mirrored(demonstrations.point_cloud),
        noisy_clouds=tuple(map(and_mirrored, demonstrations.noisy_clouds)),
    )


def _mirrored(
    contract: Contract, entries: Sequence[StateEntry | ActionEntry], rows: NDArray[np.float32], axis: Axis
) -> NDArray[np.float32]:
    """Of rows [N, D], those of the mirror."""
    result = rows * _signs(contract, entries, axis)
    if contract.action.kind != "native":  # an environment's own quaternions keep its sign
        for columns in groups([entry.name for entry in entries], QUATERNION):
            result[:, columns] = [canonical(orientation) for orientation in result[:, columns].tolist()]
    return result


def _signs(contract: Contract, entries: Sequence[StateEntry | ActionEntry], axis: Axis) -> NDArray[np.float32]:
    """What each column is multiplied by: places, displacements and rates along the axis turn round, and rotations about
    the other two."""
    along = {f"{kind}{axis}": -1.0 for kind in ("", "d", "v")}
    about = {f"{kind}{other}": -1.0 for kind in ("w", "q") for other in _AXES if other != axis}
    known = {f"{kind}{one}": 1.0 for kind in ("", "d", "v", "w", "q") for one in _AXES}
    known |= {"qw": 1.0, "gripper": 1.0, **along, **about}
    signs = []
    for entry in entries:
        suffix = split(entry.name)[1]
        if suffix not in known and entry.unit != "m":
            raise DatasetError(
                f"{contract.task}: nobody can tell how '{entry.name}' ({entry.unit}) is mirrored; leave mirrored out"
            )
        signs.append(known.get(suffix, 1.0))  # a length stays
    return np.array(signs, np.float32)


def _sides_changed(names: list[str], state: NDArray[np.float32], axis: Axis) -> list[int]:
    """The column that each is taken from: the other side's, of pairs that lie apart most of all along the axis."""
    order = list(range(len(names)))
    for place in groups(names, _AXES):
        stem = split(names[place[0]])[0]
        other = _other_side(stem)
        if other is None or f"{other}.x" not in names:
            continue
        opposite = [names.index(f"{other}.{one}") for one in _AXES]
        apart = np.abs(state[:, place] - state[:, opposite]).mean(0)
        if np.argmax(apart) == _AXES.index(axis):
            for column in (column for column, name in enumerate(names) if split(name)[0] == stem):
                order[column] = names.index(f"{other}.{split(names[column])[1]}")
    return order


def _other_side(stem: str) -> str | None:
    for side, other in (_SIDES, _SIDES[::-1]):
        if side in stem:
            return stem.replace(side, other)
    return None
