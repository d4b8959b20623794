"""How far an episode has come, in words that all manipulation shares: reach the object, hold it, move it, bring it to
the goal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdm_sim.task import Task

# The last steps of an episode, in which a policy that has run out of time still gets on.
LATE_STEPS = 20


@dataclass(frozen=True, eq=False)
class Progress:
    """One instant. reach_m: how far the gripper is from the object; held: whether it has it, None where that cannot be
    told; place: the object's, float64[3] in m; lacking: what lacks to the goal, in the task's `lacking_unit`."""

    reach_m: float
    held: bool | None
    place: NDArray[np.float64]
    lacking: float


@runtime_checkable
class TellsProgress(Protocol):
    """A task that knows how far its episode is; it sees more than a policy does."""

    lacking_unit: str

    def progress(self) -> Progress:
        """The present instant, from the first step of an episode on."""
        ...


@dataclass(frozen=True)
class Course:
    """What an episode came to. Steps are counted from 1; `held_steps` is None where holding cannot be told.

    `nearest_m` is the least distance of the gripper to the object, `moved_m` the object's greatest from where it lay.
    `late_gain` is by how much less was lacking at the end than LATE_STEPS before.
    """

    steps: int
    success_steps: int
    nearest_m: float
    nearest_step: int
    held_steps: int | None
    held_at_end: bool | None
    moved_m: float
    lacking_at_first: float
    least_lacking: float
    least_lacking_step: int
    lacking_at_end: float
    late_gain: float


@dataclass
class Witness:
    """Watches an episode of a task that tells its progress."""

    seen: list[Progress] = field(default_factory=list)

    def see(self, task: TellsProgress) -> Progress:
        """Notes the present instant; to be called after each step."""
        self.seen.append(task.progress())
        return self.seen[-1]

    def course(self, task: Task) -> Course:
        """What the episode came to that the task has ended."""
        reach = [one.reach_m for one in self.seen]
        lacking = [one.lacking for one in self.seen]
        held = [one.held for one in self.seen if one.held is not None]
        first = self.seen[0].place
        return Course(
            steps=len(self.seen),
            success_steps=task.success_steps,
            nearest_m=min(reach),
            nearest_step=1 + int(np.argmin(reach)),
            held_steps=sum(held) if held else None,
            held_at_end=held[-1] if held else None,
            moved_m=max(float(np.linalg.norm(one.place - first)) for one in self.seen),
            lacking_at_first=lacking[0],
            least_lacking=min(lacking),
            least_lacking_step=1 + int(np.argmin(lacking)),
            lacking_at_end=lacking[-1],
            late_gain=lacking[max(0, len(lacking) - 1 - LATE_STEPS)] - lacking[-1],
        )
