"""Which result lines a table is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Line = dict[str, Any]

# What every reported success has in common: the last weights, on evaluation seeds that no recipe was chosen by.
FINAL: Line = {"kind": "success", "protocol": "final", "mode": "direct", "eval_seed0": 30000}

# What the students in `models/` were evaluated by; their lines lie in a file of their own, for the same cells are run
# again in comparisons.
PROTOCOL: Line = {**FINAL, "network": "small", "seed": 0, "demos": 10, "episodes": 100}
SHIPPED: Line = {**PROTOCOL, "collection": "shipped"}


def matching(lines: Iterable[Line], **wanted: Any) -> list[Line]:
    """The lines whose entries equal `wanted`; None also matches an entry that is absent."""
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def newest(lines: Iterable[Line], **wanted: Any) -> Line | None:
    """The last line whose entries equal `wanted`."""
    return next(reversed(matching(lines, **wanted)), None)
