"""Where a robot's tool stands and where a chunk leads it, as far as the contract's names and units tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract

from sdm_cockpit.snapshot import Box, Pose

_AXES, _TURN = ("x", "y", "z"), ("qx", "qy", "qz", "qw")
_UPRIGHT = (0.0, 0.0, 0.0, 1.0)
_STEP_UNIT = re.compile(r"([\d.]+) mm per step")


class ToolPath:
    """Reads states and targets of one contract; of several tools the first one counts.

    A tool stands where the states `….x`, `….y`, `….z` (m) say: those that the cloud is centred on, or else the first
    ones of these names. Targets lead it to places (`x y z`, in m), by steps (`dx dy dz`, in "10 mm per step") or at
    velocities (`vx vy vz`, in m/s); those of joints and actuators name no place.
    """

    def __init__(self, contract: Contract) -> None:
        names = contract.state_names
        cloud = contract.observation.cloud
        self._place = _columns(cloud.centre, names) if cloud and cloud.centre else _first(names, _AXES)
        prefix = names[self._place[0]].rpartition(".")[0] if self._place else ""
        self._turn = _columns([f"{prefix}.{part}" for part in _TURN], names)
        entries = contract.action.entries
        parts = [entry.name.rpartition(".")[2] for entry in entries]
        self._targets, self._per_step = _moved(parts, [entry.unit for entry in entries], contract.dt)
        self._bounds = None
        if self._targets and self._per_step is None and len(self._targets) == len(_AXES):
            bounds = np.array([(entries[index].low, entries[index].high) for index in self._targets.values()])
            if np.isfinite(bounds).all():
                self._bounds = Box(bounds[:, 0], bounds[:, 1])

    @property
    def workspace(self) -> Box | None:
        """The box that the contract bounds the tool's targets by, where it does."""
        return self._bounds

    def pose(self, state: NDArray) -> Pose | None:
        """Where a state [S] says that the tool stands; without a measured turn it stands upright."""
        if not self._place:
            return None
        turn = state[list(self._turn)] if self._turn else _UPRIGHT
        return Pose(state[list(self._place)].astype(np.float64), np.asarray(turn, np.float64))

    def places(self, states: NDArray) -> NDArray[np.float64] | None:
        """The tool's places float64[T,3] of states [T,S]."""
        return states[:, list(self._place)].astype(np.float64) if self._place else None

    def path(self, targets: NDArray, start: NDArray | None) -> NDArray[np.float64] | None:
        """Where anchored targets [H,A] lead a tool that stands at `start` [3], float64[H,3]; None where nobody knows.

        An axis that the targets do not name stays where it is.
        """
        if start is None or not self._targets:
            return None
        path = np.tile(np.asarray(start, np.float64), (len(targets), 1))
        for axis, column in self._targets.items():
            if self._per_step is None:
                path[:, axis] = targets[:, column]
            else:
                path[:, axis] += np.cumsum(targets[:, column]) * self._per_step
        return path


def _moved(parts: list[str], units: list[str], dt: float) -> tuple[dict[int, int], float | None]:
    """Which entry moves which axis, and by how many m a step of value 1; None: the values are places."""
    for form in ("{}", "d{}", "v{}"):
        names = [form.format(axis) for axis in _AXES]
        found = {axis: parts.index(name) for axis, name in enumerate(names) if name in parts}
        for unit in {units[column] for column in found.values()}:
            step = _STEP_UNIT.fullmatch(unit)
            if form == "{}" and unit == "m":
                return found, None
            if form == "d{}" and step:
                return found, float(step[1]) * 1e-3
            if form == "v{}" and unit == "m/s":
                return found, dt
    return {}, None


def _columns(wanted: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Where the wanted names stand, in their order; none unless all are there."""
    return tuple(names.index(name) for name in wanted) if set(wanted) <= set(names) else ()


def _first(names: Sequence[str], parts: Sequence[str]) -> tuple[int, ...]:
    """The columns of the first prefix that has all parts."""
    for prefix in dict.fromkeys(name.rpartition(".")[0] for name in names):
        if found := _columns([f"{prefix}.{part}" for part in parts], names):
            return found
    return ()
