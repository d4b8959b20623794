"""A cell of the comparison: what one result line reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """The identity of a result line: a cell is done when a line has all of these values, and not before."""

    task: str
    method: str
    network: str
    seed: int
    nfe: int
    episodes: int
    eval_seed0: int
    demos: int
    variant: str | None = None
    repeats: int = 1
    protocol: str = "final"
    snapshot: int | None = None

    def reported_by(self, line: dict[str, Any]) -> bool:
        """Whether a result line is this cell's. A line leaves out what is as usual."""
        usual = {"repeats": 1, "mode": "direct"}
        wanted = {**asdict(self), "kind": "success", "mode": "direct"}
        return all(line.get(key, usual.get(key)) == value for key, value in wanted.items())
