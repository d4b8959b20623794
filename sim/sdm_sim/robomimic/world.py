"""A robosuite environment of Robomimic's: built, seeded, stepped and put into recorded states.

Of robosuite's own sensors and cameras nothing runs: they would take more time than its physics.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.robomimic.arm import Arm
from sdm_sim.robomimic.contract import CONTROL_HZ, arm_prefixes
from sdm_sim.robomimic.pose import Pose

ENVIRONMENTS = {
    "lift": "Lift",
    "can": "PickPlaceCan",
    "square": "NutAssemblySquare",
    "tool-hang": "ToolHang",
    "transport": "TwoArmTransport",
}
# robosuite collides the geoms of group 0 and shows those of group 1; this one is not drawn.
_COLLIDING, _HIDDEN = 0, 3


class World(MujocoWorld):
    """The environment of one task. What robosuite draws when it builds one (the sizes of things) is that of seed 0."""

    def __init__(self, task: str) -> None:
        self._env = _environment(task)
        super().__init__(self._env.sim.model._model, self._env.sim.data._data)
        self.model.geom_group[self.model.geom_group == _COLLIDING] = _HIDDEN
        self.arms = [Arm(self.model, self.data, number) for number in range(len(self._env.robots))]

    def reset(self, seed: int) -> None:
        """The start of a seed: robosuite draws all of it from one generator."""
        self._env.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        self._env.reset()
        for robot in self._env.robots:
            for gripper in robot.gripper.values():
                gripper.current_action = np.zeros(gripper.dof)  # which robosuite leaves as the last episode had it

    def step(self, action: NDArray[np.float64]) -> None:
        """One control period under an action [A]."""
        self._env.step(action)
        mujoco.mj_forward(self.model, self.data)  # places as of the end of the step, for sensors and cameras

    def restore(self, state: NDArray[np.float64]) -> None:
        """Puts the world into a recorded state [state_dim]."""
        positions = 1 + self.model.nq
        self.data.time = state[0]
        self.data.qpos[:], self.data.qvel[:] = state[1:positions], state[positions:]
        mujoco.mj_forward(self.model, self.data)

    def body(self, name: str) -> Callable[[], Pose]:
        """Tells where a body of the model is whenever it is asked."""
        body = self.data.body(name)
        return lambda: _pose(body)

    def site(self, name: str) -> Callable[[], Pose]:
        """Tells where a site of the model is whenever it is asked."""
        site = self.data.site(name)
        return lambda: _pose(site)

    def geom(self, name: str) -> Callable[[], Pose]:
        """Tells where a geom of the model is whenever it is asked."""
        geom = self.data.geom(name)
        return lambda: _pose(geom)

    @property
    def state_dim(self) -> int:
        """The size of a state as Robomimic records it: the time, then all positions and velocities."""
        return 1 + self.model.nq + self.model.nv

    @property
    def state(self) -> NDArray[np.float64]:
        """The present state [state_dim]."""
        return np.concatenate([[self.data.time], self.data.qpos, self.data.qvel])

    @property
    def solved(self) -> bool:
        """Robosuite's own rule, as things stand now."""
        return bool(self._env._check_success())


def _environment(task: str) -> Any:
    robosuite = _robosuite()
    controller = robosuite.load_composite_controller_config(robot="Panda")
    controller["body_parts"]["right"]["input_ref_frame"] = "world"
    env = robosuite.make(
        ENVIRONMENTS[task],
        robots=["Panda"] * len(arm_prefixes(task)),
        controller_configs=controller,
        has_offscreen_renderer=False,
        use_camera_obs=False,
        use_object_obs=False,
        control_freq=CONTROL_HZ,
        ignore_done=True,
        hard_reset=False,
        seed=0,
    )
    env._observables.clear()
    return env


def _robosuite() -> ModuleType:
    """robosuite, silent about what else could be installed, and leaving MuJoCo's renderer as it was chosen."""
    gl = os.environ["MUJOCO_GL"]
    logging.getLogger("robosuite_logs").disabled = True
    import robosuite  # pyright: ignore[reportMissingImports] (an extra)

    os.environ["MUJOCO_GL"] = gl
    return robosuite


def _pose(element: Any) -> Pose:
    return Pose(element.xpos.copy(), Rotation.from_matrix(element.xmat.reshape(3, 3)))
