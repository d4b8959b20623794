"""All tasks by name, `family/task`."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from sdm_core.errors import TaskError

from sdm_sim.franka import tasks as franka
from sdm_sim.metaworld import suite as metaworld
from sdm_sim.task import Task


def _fork(task: str) -> Task:
    from sdm_sim.fork.task import ForkTask  # here, as the simulator takes a second to import

    return ForkTask()


def _pusht(task: str) -> Task:
    from sdm_sim.pusht.task import PushTTask

    return PushTTask()


# A family: its task names, and the function that builds one of them.
_FAMILIES: dict[str, tuple[tuple[str, ...], Callable[[str], Task]]] = {
    "metaworld": (metaworld.TASKS, metaworld.build),
    "fork": (("reach",), _fork),
    "pusht": (("push-t",), _pusht),
    "franka": (franka.TASKS, franka.build),
}


def task_names() -> tuple[str, ...]:
    """All registered names, sorted by family."""
    return tuple(f"{family}/{task}" for family, (tasks, _) in _FAMILIES.items() for task in tasks)


def make_task(name: str) -> Task:
    """Builds a task. Raises TaskError on an unknown name, with the nearest known ones."""
    if name not in task_names():
        near = difflib.get_close_matches(name, task_names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"families: {', '.join(_FAMILIES)}"
        raise TaskError(f"unknown task '{name}'; {hint}")
    family, task = name.split("/", 1)
    return _FAMILIES[family][1](task)
