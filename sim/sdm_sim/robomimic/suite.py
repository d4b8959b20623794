"""Robomimic's five tasks (Mandlekar et al., 2021) and how hard they are."""

from __future__ import annotations

from sdm_sim.optional_packages import require_package
from sdm_sim.task import Task

# In the order in which policies that clone people's demonstrations find them.
DIFFICULTY: dict[str, tuple[str, ...]] = {
    "easy": ("lift", "can"),
    "medium": ("square",),
    "hard": ("transport",),
    "very hard": ("tool-hang",),
}

TASKS = ("lift", "can", "square", "tool-hang", "transport")


def build(task: str) -> Task:
    """Builds `robomimic/<task>`. Raises TaskError where the package that has the robot is not installed."""
    require_package(f"robomimic/{task}", "robosuite", "make robomimic, or pip install robosuite==1.5.2 h5py")
    from sdm_sim.robomimic.task import RobomimicTask

    return RobomimicTask(task)
