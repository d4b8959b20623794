"""`dexhand/laptop` and its like: a hand opens, turns or lifts the part of a thing, which differs in each episode.

Success is that the part has gone most of the way that it can, or the bucket a hand's breadth up; the score is the
greatest share of that way so far. They are our own, in the spirit of DexArt (Bao et al., 2023) and not its assets.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import CloudSpec, Contract

from sdm_sim.adroit_hand import PALM, PALM_SITE, actuator_names, position_targets
from sdm_sim.dexhand.article import JOINT, Article
from sdm_sim.dexhand.bucket import draw_bucket
from sdm_sim.dexhand.faucet import draw_faucet
from sdm_sim.dexhand.hand import SLIDES
from sdm_sim.dexhand.laptop import draw_laptop
from sdm_sim.dexhand.objectives import lift, push
from sdm_sim.dexhand.scene import CAMERA, TIMESTEP, refit, scene
from sdm_sim.dexhand.toilet import draw_toilet
from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.sampling_planner import Objective, SamplingPlanner, add_places
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_camera import TaskCamera
from sdm_sim.task_contract import depth_camera, states, task_contract

CONTROL_HZ = 25.0
IMAGE_SIZE = 128
_STEPS = round(1 / CONTROL_HZ / TIMESTEP)


@dataclass(frozen=True)
class Kind:
    """Draws an episode's thing, and what the expert wants of it, given where in qpos the part's joint is."""

    draw: Callable[[np.random.Generator], Article]
    objective: Callable[[int], Objective]
    step_limit: int = 120


KINDS = {
    "bucket": Kind(draw_bucket, lift),
    "faucet": Kind(draw_faucet, push),
    "laptop": Kind(draw_laptop, push),
    "toilet": Kind(draw_toilet, push),
}


def dexhand_contract(name: str, actuators: tuple[str, ...]) -> Contract:
    """The contract of a task of this family; `actuators` are the carrier's and, last, the hand's."""
    return task_contract(
        name,
        CONTROL_HZ,
        states("m", *SLIDES) + states("rad", *actuators[len(SLIDES) :]) + states("m", *PALM),
        # The table's own points, z = 0, say nothing.
        CloudSpec(frame="world", crop_low=(-0.4, -0.45, 0.005), crop_high=(0.4, 0.4, 0.7), centre=PALM, scale=0.3),
        position_targets(actuators),
        (depth_camera(IMAGE_SIZE),),
    )


class DexHandTask(SolvedOnce):
    """One of the family's tasks. See Task."""

    way = None

    def __init__(self, task: str) -> None:
        self.name = f"dexhand/{task}"
        self._kind = KINDS[task]
        self.step_limit = self._kind.step_limit
        self._model, self._travel = self._drawn(0)
        self._data = mujoco.MjData(self._model)
        self.world = MujocoWorld(self._model, self._data)
        self._part = self._model.joint(JOINT).qposadr[0]
        # What the planner imagines in: a model of its own, as it steps through it while the world stands still.
        self._imagined = copy.copy(self._model)
        objective = self._kind.objective(self._part)
        self._planner = SamplingPlanner(self._model, self._data, self._imagined, 1 / CONTROL_HZ, objective)
        self.contract = dexhand_contract(self.name, actuator_names(self._model))
        self._names = self.contract.state_names
        self._camera = TaskCamera(self._model, self._data, CAMERA, IMAGE_SIZE)
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics
        low, high = self._model.actuator_ctrlrange.T
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self.reset(0)

    def reset(self, seed: int) -> None:
        drawn, self._travel = self._drawn(seed)
        # In place, as cameras and planner keep their model.
        for model in (self._model, self._imagined):
            refit(model, drawn)
        mujoco.mj_resetData(self._model, self._data)
        mujoco.mj_forward(self._model, self._data)
        self._planner.reset(seed)
        self._success_steps = 0
        self._score = 0.0

    def step(self, action: NDArray[np.float64]) -> None:
        self._data.ctrl[:] = self._middle + self._half * np.clip(action, -1.0, 1.0)
        mujoco.mj_step(self._model, self._data, _STEPS)
        mujoco.mj_forward(self._model, self._data)
        share = float(self._data.qpos[self._part]) / self._travel
        self._success_steps += share >= 1.0
        self._score = max(self._score, min(share, 1.0))

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        # The actuated joints come first, in the actuators' order.
        values = np.concatenate([self._data.qpos[: self._model.nu], self._data.site(PALM_SITE).xpos])
        return self._camera.frame(self._names, values, depth, images)

    @property
    def score(self) -> float | None:
        return self._score

    @property
    def expert_kind(self) -> str | None:
        return self._planner.kind

    def expert(self) -> NDArray[np.float64]:
        return self._planner.next_action()

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self._camera.picture(width, height)

    def close(self) -> None:
        self._camera.close()

    def _drawn(self, seed: int) -> tuple[mujoco.MjModel, float]:
        """The model with the thing of a seed, and how far its part is to be moved."""
        article = self._kind.draw(np.random.default_rng(seed))
        spec = scene(article.body)
        add_places(spec, self._kind.objective(0).places)
        return spec.compile(), float(article.travel)
