"""`pusht/push-t`: push a T-shaped block into a fixed pose, as people demonstrated it for Diffusion Policy.

The policy observes the disc that it moves and a depth camera above the table; it commands where the disc shall go. The
table's frame is the camera's (see camera.py), in m. Seeds give the starts of Diffusion Policy's environment; its
demonstrations are those of seeds 0 to 205.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import ActionSpec, CloudSpec, Contract
from sdm_core.errors import TaskError

from sdm_sim.pusht import camera
from sdm_sim.pusht.camera import DISC_HEIGHT, EXTRINSICS, IMAGE_SIZE, INTRINSICS, TABLE
from sdm_sim.pusht.world import CONTROL_HZ, PushTWorld
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_contract import actions, depth_camera, states, task_contract

NAME = "pusht/push-t"
STEP_LIMIT = 300
SUCCESS_COVERAGE = 0.95
STATE_NAMES = ("agent.x", "agent.y", "agent.z")
MM_PER_M = 1000.0


def pusht_contract() -> Contract:
    """The contract of `pusht/push-t`."""
    return task_contract(
        NAME,
        CONTROL_HZ,
        states("m", *STATE_NAMES),
        CloudSpec(
            frame="table",
            # Above the table, whose plane is z = 0, z pointing down.
            crop_low=(0.0, 0.0, -DISC_HEIGHT - 0.01),
            crop_high=(TABLE, TABLE, -0.004),
            centre=STATE_NAMES,
            scale=0.3,
        ),
        ActionSpec(
            kind="native",
            entries=actions("m", 0.0, TABLE, "target.x", "target.y"),
            base_frame="table",
            tool_frame="agent",
            hold=(None, None),  # the disc stays with its last target
        ),
        (depth_camera(IMAGE_SIZE),),
    )


def sensor_frame(state: NDArray[np.float64], depth: bool = True, images: bool = False) -> SensorFrame:
    """What is observed of a world in `state` (see PushTWorld), simulated or recorded."""
    values = np.array([*state[:2] / MM_PER_M, 0.0])
    colour = {"camera": camera.picture(state, IMAGE_SIZE, IMAGE_SIZE)} if images else {}
    return SensorFrame(STATE_NAMES, values, camera.depth(state) if depth else None, colour)


class PushTTask(SolvedOnce):
    """See Task. Its score is Diffusion Policy's: the greatest coverage of the goal, in units of what succeeds."""

    name = NAME
    step_limit = STEP_LIMIT
    intrinsics, extrinsics = INTRINSICS, EXTRINSICS
    expert_kind = None
    way = None

    def __init__(self) -> None:
        self.contract = pusht_contract()
        self._world = PushTWorld()
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._world.reset_seeded(seed)
        self._coverage = 0.0
        self._success_steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        self._world.step(MM_PER_M * np.clip(action, 0.0, TABLE))
        coverage = self._world.coverage()
        self._coverage = max(self._coverage, coverage)
        self._success_steps += coverage >= SUCCESS_COVERAGE

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        return sensor_frame(self._world.state, depth, images)

    @property
    def score(self) -> float | None:
        return min(self._coverage / SUCCESS_COVERAGE, 1.0)

    def expert(self) -> NDArray[np.float64]:
        raise TaskError(f"{NAME} has no scripted expert: people showed it; take their demonstrations with source=FILE")

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return camera.picture(self._world.state, width, height)

    def close(self) -> None:
        """Nothing to free."""
