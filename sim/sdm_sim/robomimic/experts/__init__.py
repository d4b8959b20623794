"""Scripted experts: each is a generator of actions that looks at the world whenever the next one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sdm_sim.robomimic.experts.can import can
from sdm_sim.robomimic.experts.lift import lift
from sdm_sim.robomimic.experts.square import square
from sdm_sim.robomimic.experts.tool_hang import tool_hang
from sdm_sim.robomimic.experts.transport import transport
from sdm_sim.robomimic.world import World

EXPERTS: dict[str, Callable[[World], Iterator[NDArray[np.float64]]]] = {
    "lift": lift,
    "can": can,
    "square": square,
    "tool-hang": tool_hang,
    "transport": transport,
}
