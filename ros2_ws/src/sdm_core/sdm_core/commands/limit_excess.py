"""By how much a stream of commands exceeds the limits of its contract."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import Contract

Vector = NDArray[np.float64]


def excess(contract: Contract, start: Vector, commands: Sequence[Vector | None], period: float) -> dict[str, float]:
    """For commands that begin at rest at `start`, as shares of each limit (≤ 0: within); bounds in their own units.

    Velocity, acceleration and jerk are the differences of the commands themselves, in the space of CommandSpace. A None
    is a period without a command.
    """
    space = CommandSpace(contract.action)
    stream = [start, start, start, *(command for command in commands if command is not None)]
    velocity = np.array([space.difference(a, b) for a, b in pairwise(stream)]) / period
    acceleration = np.diff(velocity, axis=0) / period
    jerk = np.diff(acceleration, axis=0) / period
    values = np.array(stream)
    return {
        "bounds": float(np.maximum(values - space.high, space.low - values).max()),
        "velocity": float((np.abs(velocity) / space.max_velocity).max() - 1),
        "acceleration": float((np.abs(acceleration) / space.max_acceleration).max() - 1),
        "jerk": float((np.abs(jerk) / space.max_jerk).max() - 1),
    }
