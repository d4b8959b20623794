"""What an episode has on the table: one thing of its kind, drawn anew, with a part that is to be moved."""

from __future__ import annotations

from dataclasses import dataclass

# Names in every thing's MJCF: the joint of the part that is to be moved, and the place where fingers move it.
JOINT, HOLD = "part", "hold"
# In the MJCF of a thing that hangs: its lowest point.
BOTTOM = "bottom"


@dataclass(frozen=True)
class Article:
    """Its body as MJCF, and how far its part is to be moved."""

    body: str
    travel: float
    """Of JOINT, from 0, where it begins: rad, or m where it slides."""
