"""The tasks of the campaign: Adroit's three and all of MetaWorld's, by difficulty."""

from __future__ import annotations

from sdm_sim.metaworld.suite import DIFFICULTY, with_goal_shown

METAWORLD = "metaworld/"
ADROIT = ("adroit/hammer", "adroit/door", "adroit/pen")
DIFFICULTIES = tuple(DIFFICULTY)


def metaworld() -> dict[str, list[str]]:
    """MetaWorld's fifty tasks by difficulty, hidden goals shown."""
    return {label: [METAWORLD + with_goal_shown(task) for task in tasks] for label, tasks in DIFFICULTY.items()}


def domains() -> dict[str, tuple[str, ...]]:
    """The 53 tasks: `Adroit`, `MetaWorld easy`, …, as the papers' tables name them."""
    return {"Adroit": ADROIT, **{f"MetaWorld {label}": tuple(tasks) for label, tasks in metaworld().items()}}
