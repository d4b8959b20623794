"""What an operator's hands say, whatever device they are on."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Key(Enum):
    """What is asked for once, by a key or a button."""

    GRIPPER = "gripper"
    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"
    DISCARD = "discard"
    REST = "rest"
    QUIT = "quit"


class OperatorInput(Protocol):
    """A device that is read while it is open. It is a dead man's switch: who lets go of it asks for no motion."""

    def open(self) -> None:
        """Begins to listen. Raises SdmError where the device, or what reads it, is missing."""
        ...

    def close(self) -> None:
        """Leaves the device as it was."""
        ...

    def twist(self) -> NDArray[np.float64]:
        """The motion asked for now: [6], linear then angular, in the base frame, shares of full speed in [-1, 1]."""
        ...

    def pressed(self) -> list[Key]:
        """What was asked for since the last call."""
        ...
