"""How far an episode of Adroit has come, by the quantities that its success is judged by."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.adroit_hand import PALM_SITE
from sdm_sim.progress import Progress

# Above the table; as the environments' rewards have it.
_LIFTED_M = 0.04
_PEN_DROPPED_M = 0.075
_OPEN_RAD = 1.35

Place = Callable[[str], NDArray[np.float64]]
"""A site's place in m."""


@dataclass(frozen=True)
class Meter:
    """What is measured in one task, and the unit of what is lacking."""

    unit: str
    measure: Callable[[mujoco.MjData, Place], Progress]

    def progress(self, data: mujoco.MjData) -> Progress:
        """The present instant."""
        return self.measure(data, lambda site: np.array(data.site(site).xpos))


def _door(data: mujoco.MjData, place: Place) -> Progress:
    """The handle is reached for; the door's hinge is to turn."""
    handle = place("S_handle")
    lacking = max(0.0, np.degrees(_OPEN_RAD - data.joint("door_hinge").qpos[0]))
    return Progress(_distance(place(PALM_SITE), handle), None, handle, float(lacking))


def _hammer(data: mujoco.MjData, place: Place) -> Progress:
    """The hammer is taken, and the nail is to go in."""
    hammer = np.array(data.body("Object").xpos)
    held = bool(min(hammer[2], place("tool")[2]) > _LIFTED_M)
    return Progress(_distance(place(PALM_SITE), hammer), held, hammer, _distance(place("S_target"), place("nail_goal")))


def _pen(data: mujoco.MjData, place: Place) -> Progress:
    """The pen is in the hand, and is to point as the target does."""
    pen, target = (place(f"{which}_top") - place(f"{which}_bottom") for which in ("object", "target"))
    alike = pen @ target / (np.linalg.norm(pen) * np.linalg.norm(target))
    middle = np.array(data.body("Object").xpos)
    angle = float(np.degrees(np.arccos(np.clip(alike, -1.0, 1.0))))
    return Progress(_distance(place(PALM_SITE), middle), bool(middle[2] > _PEN_DROPPED_M), middle, angle)


def _relocate(data: mujoco.MjData, place: Place) -> Progress:
    """The ball is taken, and is to be brought to the target."""
    ball = np.array(data.body("Object").xpos)
    return Progress(
        _distance(place(PALM_SITE), ball), bool(ball[2] > _LIFTED_M), ball, _distance(ball, place("target"))
    )


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(first - second))


METERS = {
    "door": Meter("°", _door),
    "hammer": Meter("m", _hammer),
    "pen": Meter("°", _pen),
    "relocate": Meter("m", _relocate),
}
