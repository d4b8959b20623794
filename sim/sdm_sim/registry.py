"""All tasks by name, `family/task`, and their variants: in `family/task+moving` the object moves, in
`family/task+goal` the goal is marked for the policy to see."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sdm_core.errors import TaskError

from sdm_sim.adroit import suite as adroit
from sdm_sim.dexart import suite as dexart
from sdm_sim.dexhand import suite as dexhand
from sdm_sim.franka import tasks as franka
from sdm_sim.metaworld import suite as metaworld
from sdm_sim.robomimic import suite as robomimic
from sdm_sim.task import Task


def _fork(task: str) -> Task:
    from sdm_sim.fork.task import ForkTask  # here, as the simulator takes a second to import

    return ForkTask()


def _pusht(task: str) -> Task:
    from sdm_sim.pusht.task import PushTTask

    return PushTTask()


@dataclass(frozen=True)
class _Family:
    source: str
    """Where its worlds come from."""
    tasks: tuple[str, ...]
    build: Callable[[str], Task]
    difficulty: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Its tasks by label."""
    variants: Mapping[str, Callable[[str], Task]] = field(default_factory=dict)
    """What builds its tasks' variants, by what follows the plus in their names."""
    brought_along: bool = False
    """Whether its worlds are files that each user brings, and so not there for everyone."""


_FAMILIES = {
    "metaworld": _Family("metaworld 3.1.1", metaworld.TASKS, metaworld.build, metaworld.DIFFICULTY, metaworld.VARIANTS),
    "fork": _Family("own", ("reach",), _fork),
    "pusht": _Family("own, as Diffusion Policy's", ("push-t",), _pusht),
    "adroit": _Family("gymnasium-robotics 1.4.2", adroit.TASKS, adroit.build, adroit.DIFFICULTY),
    "dexhand": _Family("own, a hand of gymnasium-robotics 1.4.2", dexhand.TASKS, dexhand.build, dexhand.DIFFICULTY),
    "franka": _Family("own", franka.TASKS, franka.build, franka.DIFFICULTY),
    "robomimic": _Family("robosuite 1.5.2", robomimic.TASKS, robomimic.build, robomimic.DIFFICULTY),
    "dexart": _Family(
        "DexArt's assets in sapien 3.0.3", dexart.TASKS, dexart.build, dexart.DIFFICULTY, brought_along=True
    ),
}


def families() -> dict[str, tuple[str, ...]]:
    """The tasks of each family, without its name."""
    return {family: its.tasks for family, its in _FAMILIES.items()}


def public_families() -> dict[str, tuple[str, ...]]:
    """The families whose worlds come with their packages, as opposed to files that a user must bring."""
    return {family: tasks for family, tasks in families().items() if not _FAMILIES[family].brought_along}


def task_names() -> tuple[str, ...]:
    """All registered names, sorted by family; variants are not among them."""
    return tuple(f"{family}/{task}" for family, tasks in families().items() for task in tasks)


def tasks_named(name: str) -> tuple[str, ...]:
    """All tasks of the family of that name; of another name, that alone, whether it is one or not."""
    return tuple(f"{name}/{task}" for task in families()[name]) if name in families() else (name,)


def make_task(name: str) -> Task:
    """Builds a task or a variant of it. Raises TaskError on an unknown name, with the nearest known ones, and where
    the task has no such variant."""
    return _builder(name)()


def require_task(name: str) -> None:
    """Raises TaskError on a name of which make_task knows no task, and builds none."""
    _builder(name)


def _builder(name: str) -> Callable[[], Task]:
    plain, _, variant = name.partition("+")
    having = [family for family, its in _FAMILIES.items() if variant in its.variants]
    family, task = _known(plain if having else name)
    if not having:
        return partial(_FAMILIES[family].build, task)
    if family not in having:
        raise TaskError(f"{name}: the tasks of {family} have no {variant} variants; those of {', '.join(having)} have")
    return partial(_FAMILIES[family].variants[variant], task)


def difficulty(name: str) -> str | None:
    """The label of a task and of its variants, such as `very hard`; None where nobody labels its family. Raises
    TaskError as make_task."""
    family, task = _known(name.partition("+")[0])
    return next((label for label, tasks in _FAMILIES[family].difficulty.items() if task in tasks), None)


def source(name: str) -> str:
    """Where a task's world comes from. Raises TaskError as make_task."""
    return _FAMILIES[_known(name)[0]].source


def _known(name: str) -> tuple[str, str]:
    if name not in task_names():
        near = difflib.get_close_matches(name, task_names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"families: {', '.join(_FAMILIES)}"
        raise TaskError(f"unknown task '{name}'; {hint}")
    family, task = name.split("/", 1)
    return family, task
