"""The tasks of the campaign: Adroit's three and all of MetaWorld's, by difficulty."""

from __future__ import annotations

from sdm_sim.registry import difficulty, task_names

METAWORLD = "metaworld/"
ADROIT = ("adroit/hammer", "adroit/door", "adroit/pen")
DIFFICULTIES = ("easy", "medium", "hard", "very hard")


def metaworld() -> dict[str, list[str]]:
    """MetaWorld's fifty tasks by difficulty."""
    tasks = [name for name in task_names() if name.startswith(METAWORLD) and "+" not in name]
    return {label: [task for task in tasks if difficulty(task) == label] for label in DIFFICULTIES}


def domains() -> dict[str, tuple[str, ...]]:
    """The 53 tasks: `Adroit`, `MetaWorld easy`, …, as the papers' tables name them."""
    return {"Adroit": ADROIT, **{f"MetaWorld {label}": tuple(tasks) for label, tasks in metaworld().items()}}
