"""What a simulated task is. A task knows no method, no node and no dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics


@dataclass(frozen=True)
class SensorFrame:
    """One instant of the sensors: named scalars (SI units), and, where asked for, a depth image uint16[H,W] in mm and
    the colour of each camera of the contract, rgb8 uint8[H,W,3]."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    depth: NDArray[np.uint16] | None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    hand_depth: NDArray[np.uint16] | None = None
    """What a camera at the hand sees meanwhile, as `depth`, where somebody listens to it."""


class Task(Protocol):
    """A simulated task at its own control rate. The same seed gives the same episode, bit for bit."""

    name: str
    contract: Contract
    """The contract of its observations and actions, without normaliser statistics."""
    step_limit: int
    """Control steps in an episode."""
    intrinsics: Intrinsics
    extrinsics: Extrinsics
    """Pose of the camera's optical frame in the contract's base frame."""

    def reset(self, seed: int) -> None:
        """Starts the episode of a seed."""
        ...

    def step(self, action: NDArray[np.float64]) -> None:
        """Advances by one control period under an action [A] of the contract."""
        ...

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        """What the sensors show now. Raises TaskError where colour is asked for and cannot be rendered."""
        ...

    @property
    def succeeded(self) -> bool:
        """Whether this episode is a success if it ends now."""
        ...

    @property
    def decided(self) -> bool:
        """Whether nothing that follows can undo the success, so that the episode may end.

        It is so from the first success on in most tasks, and never in those that must be solved at their last step.
        """
        ...

    @property
    def success_steps(self) -> int:
        """Steps of this episode at which the task counted as done."""
        ...

    @property
    def way(self) -> str | None:
        """Which of several equally good ways this episode took, as one character (`L`, `R`).

        None where the task has but one, or none has been taken yet.
        """
        ...

    @property
    def score(self) -> float | None:
        """The task's own graded success so far, in [0, 1]; None where it has no grades but success."""
        ...

    @property
    def expert_kind(self) -> str | None:
        """What acts in `expert`: `scripted`, a `network` or a `planner`; None where the task has no expert."""
        ...

    def expert(self) -> NDArray[np.float64]:
        """The expert's action [A] for the present state; it may see what the policy may not.

        Raises TaskError where the task has no expert.
        """
        ...

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        """A picture rgb8 [H,W,3] for people. Raises TaskError where nothing can be rendered."""
        ...

    def close(self) -> None:
        """Frees the renderers."""
        ...


class SolvedOnce:
    """For tasks that are solved by the first step at which they are done; `reset` and `step` keep `_success_steps`."""

    _success_steps: int

    @property
    def succeeded(self) -> bool:
        return self._success_steps > 0

    @property
    def decided(self) -> bool:
        return self.succeeded

    @property
    def success_steps(self) -> int:
        return self._success_steps
