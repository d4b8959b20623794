"""The policies of Rajeswaran et al. (https://github.com/aravindr93/hand_dapg, `dapg/policies`).

Their folder, which holds a file for each task, is where SDM_ADROIT_EXPERTS says, else beside the working directory.
"""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.adroit.pickled_policy import SHIFTS, read_pickled

FOLDER = "SDM_ADROIT_EXPERTS"
# The folder's name that asks for the planner even where there are policies.
PLANNER = "planner"
PICKLED = ".pickle"
_BESIDE = (Path("data/adroit_experts"), Path("../shared/data/adroit_experts"))
# hand_dapg's own, against divisors of zero.
_EPSILON = 1e-8


class HandPolicy:
    """A tanh network from the environment's full observation to the mean of its action. See expert.Expert."""

    kind = "network"

    def __init__(self, path: Path) -> None:
        """Raises TaskError where the file holds no such policy."""
        arrays = read_pickled(path) if path.suffix == PICKLED else _read_arrays(path)
        layers = range(max(1, sum(name.startswith("W") for name in arrays)))
        if not {*SHIFTS, *(f"{kind}{index}" for kind in "Wb" for index in layers)} <= set(arrays):
            raise TaskError(f"{path}: no policy of hand_dapg; fetch it anew, or remove it to plan")
        self._in_shift, self._in_scale = arrays["in_shift"], arrays["in_scale"] + _EPSILON
        self._out_shift, self._out_scale = arrays["out_shift"], arrays["out_scale"]
        *self._hidden, self._last = [(arrays[f"W{index}"], arrays[f"b{index}"]) for index in layers]

    def reset(self, seed: int) -> None:
        """It has no memory."""

    def action(self, observation: NDArray[np.float64]) -> NDArray[np.float64]:
        values = (observation - self._in_shift) / self._in_scale
        for weight, bias in self._hidden:
            values = np.tanh(weight @ values + bias)
        weight, bias = self._last
        return (weight @ values + bias) * self._out_scale + self._out_shift


def _read_arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    """The file's arrays by name; none where it is no archive of arrays."""
    try:
        with np.load(path) as file:
            return dict(file)
    except (OSError, EOFError, TypeError, ValueError, BadZipFile):
        return {}


def policy_file(task: str) -> Path | None:
    """The file of a task's policy; None where the planner is asked for, or nothing else is there.

    Raises TaskError where the folder that is asked for lacks it.
    """
    named = os.environ.get(FOLDER)
    if named == PLANNER:
        return None
    names = (f"{task}.npz", f"{task}-v0{PICKLED}")
    folders = (Path(named),) if named else _BESIDE
    found = next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)
    if named and found is None:
        raise TaskError(f"{FOLDER}={named}: holds no {' or '.join(names)}; {FOLDER}={PLANNER} does without")
    return found
