"""A cell of the comparison: what one result line reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sdm_sim.disturbance import Disturbed

USUAL = {"repeats": 1, "mode": "direct", "disturbed": False}


@dataclass(frozen=True)
class Cell:
    """The identity of a result line: a cell is done when a line has all of these values, and not before.

    teacher: the method of what was distilled. replan_steps: executed actions, None for as many as the contract says.
    """

    task: str
    method: str
    network: str
    seed: int
    nfe: int
    episodes: int
    eval_seed0: int
    demos: int
    disturbed: Disturbed = False
    variant: str | None = None
    teacher: str | None = None
    repeats: int = 1
    replan_steps: int | None = None
    protocol: str = "final"
    snapshot: int | None = None

    def reported_by(self, line: dict[str, Any]) -> bool:
        """Whether a result line is this cell's."""
        usual = {"mode": "direct", "camera_noise": None, "backend": None, "noise_scale": None}
        wanted = {**asdict(self), **usual, "kind": "success"}
        return all(reported(line, key) == value for key, value in wanted.items())


def reported(line: dict[str, Any], key: str) -> Any:
    """What a result line, or a checkpoint's metrics, say of one of a cell's values. What is as usual is left out there,
    and the teacher is named with its seed, as `dp3 seed 0`."""
    value = line.get(key, USUAL.get(key))
    return value.partition(" seed ")[0] if key == "teacher" and value is not None else value
