"""How far an episode of MetaWorld has come, from what its simulator knows of every task."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from typing import Any

import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from numpy.typing import NDArray

from sdm_sim.progress import Progress

# Tasks of whose object `obj_to_target` says nothing: it is always 0, or the gripper's way.
_SILENT = {"assembly", "box-close", "disassemble", "door-open", "hammer", "lever-pull"}
# Where the object is taken by its handle, the site that is to come to the goal.
_CENTRES = {"assembly": "RoundNut", "disassemble": "RoundNut"}
_FINGERS = ({"leftpad", "leftclaw"}, {"rightpad", "rightclaw"})


class ProgressMeter:
    """Reads one environment. The object is the one that the gripper is to reach, the first of the task's."""

    def __init__(self, task: str, env: SawyerXYZEnv) -> None:
        self._env, self._silent, self._centre = env, task in _SILENT, _CENTRES.get(task)
        names = [env.model.body(body).name for body in env.model.geom_bodyid]
        self._fingers = [np.flatnonzero([name in finger for name in names]) for finger in _FINGERS]

    def progress(self, info: dict[str, Any]) -> Progress:
        """The present instant, of which the environment's last step said `info`."""
        places = self._env._get_pos_objects()
        place = np.array(places[:3], np.float64)
        lacking = self._way(places) if self._silent else info["obj_to_target"]
        return Progress(float(np.linalg.norm(place - self._env.tcp_center)), self._held(), place, float(lacking))

    def _way(self, places: NDArray[np.float64]) -> float:
        """From the last of the objects to the goal; the last is the one that the goal is of."""
        place = places[-3:] if self._centre is None else self._env.data.site(self._centre).xpos
        return float(np.linalg.norm(place - self._env._get_pos_goal()))

    def _held(self) -> bool:
        """Whether both fingers press on one and the same body."""
        contact = self._env.data.contact
        pairs = contact.geom[contact.efc_address >= 0]
        bodies = self._env.model.geom_bodyid
        left, right = (
            {bodies[other] for one, other in (*pairs, *pairs[:, ::-1]) if one in finger} for finger in self._fingers
        )
        return bool(left & right - {0})
