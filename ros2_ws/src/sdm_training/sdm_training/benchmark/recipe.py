"""Whether a run was trained as it would be trained now."""

from __future__ import annotations

from typing import Any

# What may change without making another policy.
INDIFFERENT = ("compute", "export", "loop", "run")


def recipe_difference(recorded: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """The first key, as `distiller.steps`, to which two configurations give other values; None where there is none.

    A key that only one of them has is a default that has been added or has gone since.
    """
    for key in recorded:
        if key not in wanted or key in INDIFFERENT:
            continue
        if isinstance(recorded[key], dict) and isinstance(wanted[key], dict):
            below = recipe_difference(recorded[key], wanted[key])
            if below is not None:
                return f"{key}.{below}"
        elif recorded[key] != wanted[key]:
            return key
    return None
