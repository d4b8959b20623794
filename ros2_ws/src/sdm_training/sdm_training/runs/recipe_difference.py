"""Where two records of a training differ."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

# Settings that came later, and what every training had before they came.
BEFORE = {"leave_out_failures": False, "validation_episodes": 0, "camera_noise": None, "yaw_copies": None}


def recipe_difference(recorded: dict[str, Any], wanted: dict[str, Any], indifferent: Collection[str]) -> str | None:
    """The first key in which the recorded settings of a training differ from those wanted now, both with defaults.

    Any other key that only one of them has is a setting that was added or has gone since, and is not compared.
    """
    recorded = {**BEFORE, **recorded}
    if wanted.get("diffusion") is None:  # a student's is its teacher's, which its record told once
        recorded["diffusion"] = None
    return first_difference(recorded, wanted, indifferent, shared=True)


def first_difference(
    recorded: dict[str, Any], wanted: dict[str, Any], indifferent: Collection[str] = (), *, shared: bool = False
) -> str | None:
    """The first key, as `distiller.steps`, whose values differ; None where there is none.

    indifferent: keys that may; shared: whether only those count that both have.
    """
    for key in dict.fromkeys((*recorded, *wanted)):
        if key in indifferent or (shared and not (key in recorded and key in wanted)):
            continue
        before, now = recorded.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            deeper = [name.removeprefix(f"{key}.") for name in indifferent if name.startswith(f"{key}.")]
            below = first_difference(before, now, deeper, shared=shared)
            if below is not None:
                return f"{key}.{below}"
        elif before != now:
            return key
    return None
