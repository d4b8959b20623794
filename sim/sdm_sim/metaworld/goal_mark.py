"""`metaworld/<task>+goal`: a ball marks the goal, for the policy's cameras too.

MetaWorld's own marks are sites, which a depth camera shows or not as it is told, and of which many are elsewhere than
the goal. This ball has the place by which success is judged. Where that is not a point, the ball is at the point that
MetaWorld aims for, of which the rule takes one coordinate (buttons, handles, locks, `door-open` and windows), two
(`sweep-into`, and `assembly`, whose ring must be below it), or the height to rise above (`disassemble`); `hammer` and
`lever-pull` judge how far nail and lever went. It is no obstacle, and alters nothing that moves.

What hides a goal hides its ball: buttons are pressed to a place inside their box, and DP3's picture ends before the
goals of `stick-pull`, `stick-push` and `sweep`.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from numpy.typing import NDArray

from sdm_sim.metaworld.task import MetaWorldTask

MARK, RADIUS, COLOUR = "goal mark", 0.02, (0.1, 0.85, 0.2, 1.0)
# Basketball's ball must be at this height above the hoop's mark, in m.
HOOP_HEIGHT = 0.3


class MarkedMetaWorldTask(MetaWorldTask):
    """A MetaWorld task whose goal is to be seen. See Task."""

    variant = "+goal"

    def __init__(self, task: str) -> None:
        super().__init__(task)
        self._above_hoop = task == "basketball"
        self._model.site_rgba[:, 3] = 0.0  # MetaWorld's own marks, which would only confuse

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self._model.body(MARK).pos = self._data.body(MARK).xpos = self._data.geom(MARK).xpos = self.goal

    @property
    def goal(self) -> NDArray[np.float64]:
        """Where the ball is in this episode: float64[3] in m, in the world."""
        goal = np.array(self._env._target_pos)
        if self._above_hoop:
            goal[2] = HOOP_HEIGHT
        return goal

    def _environment(self, kind: type[SawyerXYZEnv]) -> SawyerXYZEnv:
        return _with_mark(kind)()


def _with_mark(kind: type[SawyerXYZEnv]) -> type[SawyerXYZEnv]:
    """The environment with the ball in its model, where everything else keeps its place."""

    class Marked(kind):
        def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
            spec = mujoco.MjSpec.from_file(self.fullpath)
            spec.worldbody.add_body(name=MARK).add_geom(
                name=MARK, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=(RADIUS, 0, 0), rgba=COLOUR, contype=0, conaffinity=0
            )
            model = spec.compile()
            return model, mujoco.MjData(model)

    return Marked
