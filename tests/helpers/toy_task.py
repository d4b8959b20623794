"""A task small enough to be followed by hand: push a point to a goal, seen by a depth camera of 16×12 pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics
from sdm_sim.task import SensorFrame, SolvedOnce

from helpers.contracts import small_contract

GOAL = np.array([0.3, 0.2])
STEP = 0.05
REACH = 0.04


class ToyTask(SolvedOnce):
    """See sdm_sim.task.Task. The expert stands still in the episodes of `hopeless` seeds, and so fails."""

    expert_kind: str | None = "scripted"
    way: str | None = None
    score: float | None = None

    def __init__(self, hopeless: tuple[int, ...] = ()) -> None:
        self.contract = small_contract(task="test/toy")
        self.name = self.contract.task
        self.step_limit = 30
        self.intrinsics = Intrinsics(12.0, 12.0, 7.5, 5.5, 16, 12)
        self.extrinsics = Extrinsics((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.2))  # from above
        self.hopeless, self.seeds, self.closed = hopeless, [], False
        self._place = np.zeros(2)
        self._gap = 0.0
        self._success_steps = 0

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)
        self._place = np.random.default_rng(seed).uniform(-0.4, 0.0, 2)
        self._gap, self._success_steps = 0.1, 0

    def step(self, action: NDArray[np.float64]) -> None:
        self._place = self._place + STEP * action[:2]
        self._gap = 0.05 * (1 - action[2])
        self._success_steps += bool(np.linalg.norm(self._place - GOAL) < REACH)

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        names = ("gap", "elsewhere", "hand.z", "hand.y", "hand.x")
        values = np.array([self._gap, 9.0, 0.1, self._place[1], self._place[0]])
        colour = {"camera": self._colour()} if images else {}
        return SensorFrame(names, values, self._image() if depth else None, colour)

    def _image(self) -> NDArray[np.uint16]:
        """A rough table 1.2 m below, and a mound where the point is."""
        u, v = np.meshgrid(np.arange(16), np.arange(12))
        x, y = (u - 7.5) / 12 * 1.2, -(v - 5.5) / 12 * 1.2
        mound = 200 * np.exp(-((x - self._place[0]) ** 2 + (y - self._place[1]) ** 2) / 0.02)
        return (1150 + 7 * ((u * 5 + v * 3) % 11) - mound).astype(np.uint16)

    def _colour(self) -> NDArray[np.uint8]:
        """A red mound on a table of many colours."""
        height = self._image().astype(int)
        u, v = np.meshgrid(np.arange(16), np.arange(12))
        return np.stack([(1300 - height) % 256, 16 * u % 256, 20 * v % 256], axis=-1).astype(np.uint8)

    def expert(self) -> NDArray[np.float64]:
        if self.seeds[-1] in self.hopeless:
            return np.zeros(3)
        return np.clip(np.append((GOAL - self._place) / STEP, 1.0), -1, 1)

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return np.zeros((height, width, 3), np.uint8)

    def close(self) -> None:
        self.closed = True
