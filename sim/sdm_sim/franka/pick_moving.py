"""`franka/pick-moving`: as pick-place, but somebody pulls the carton away from the hand that is about to take it.

Like OneDP's moving milk box: the hand is let come near, then the carton is led along one of ten fixed trajectories, and
stays there: ten seeds in a row are all ten. A policy that acts on what it saw a second ago grasps at nothing.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.franka.pick_place import CARTON, PickPlace
from sdm_sim.franka.robot import Robot
from sdm_sim.franka.things import Fixture

Vector = NDArray[np.float64]

# The carton is pulled once the tool is so near to its centre (m).
ALARM = 0.13
# Its way: length (m), duration (s), and how far it bows aside.
LENGTH, DURATION, BOW = 0.14, 1.1, 0.04
TRAJECTORIES = 10
# Where it may lie before, so that every way stays on the table and clear of the bin.
LOW, HIGH = np.array([0.46, -0.15]), np.array([0.56, -0.06])

_GUIDE = '<body name="guide" mocap="true"/>'
_LEAD = """
<equality>
  <weld name="lead" body1="guide" body2="carton" relpose="0 0 0 1 0 0 0" active="false" solref="0.01 1"
    solimp="0.98 0.995 0.001"/>
</equality>"""


def trajectory(number: int, progress: float) -> Vector:
    """How far [2] (m) the carton has been led on a trajectory, 0 to 9, after a share of its duration.

    They point all around, bow to one side and the other in turn, and begin and end at rest.
    """
    share = min(max(progress, 0.0), 1.0)
    travelled = share**3 * (10 - 15 * share + 6 * share**2)
    angle = 2 * np.pi * number / TRAJECTORIES
    ahead, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    bow = BOW * np.sin(np.pi * travelled) * (1 if number % 2 else -1)
    return LENGTH * travelled * ahead + bow * aside


class PickMoving(PickPlace):
    """See Scenario. The carton can be grasped while it is led, and is let go of once it is held or has arrived."""

    step_limit = 300
    bodies = PickPlace.bodies + _GUIDE
    extras = _LEAD

    def bind(self, model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> None:
        super().bind(model, data, robot)
        self._data = data
        self._guide, self._lead = Fixture(model, data, "guide"), model.equality("lead").id

    def reset(self, seed: int, rng: np.random.Generator) -> None:
        super().reset(seed, rng)
        self.carton.put(np.append(rng.uniform(LOW, HIGH), CARTON[2]), rng.uniform(-0.3, 0.3))
        self.trajectory = seed % TRAJECTORIES
        self._pulled_at: float | None = None
        self._data.eq_active[self._lead] = False

    def before_step(self) -> None:
        if self._pulled_at is None:
            if np.linalg.norm(self._robot.pose[:3] - self.carton.position) > ALARM:
                return
            self._pulled_at, self._origin = self._data.time, self.carton.position
            self._guide.put(self._origin, self.carton.wxyz)
            self._data.eq_active[self._lead] = True
        if not self._data.eq_active[self._lead]:
            return
        progress = (self._data.time - self._pulled_at) / DURATION
        self._guide.put(self._origin + np.append(trajectory(self.trajectory, progress), 0.0))
        if progress > 1.0 or self._held():
            self._data.eq_active[self._lead] = False

    def _held(self) -> bool:
        """Whether the hand has closed on the carton."""
        near = np.linalg.norm(self._robot.pose[:3] - self.carton.position) < CARTON[2]
        return bool(near and self._robot.width < 2 * CARTON[1] + 0.004)
