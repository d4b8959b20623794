"""Adroit's tasks (Rajeswaran et al., 2018) and how hard they are."""

from __future__ import annotations

from sdm_sim.optional_packages import require_package
from sdm_sim.task import Task

# By what DP3 reaches from ten demonstrations in SDM's Table 7: 100, 62 and 43 %. The papers leave `relocate` out.
DIFFICULTY: dict[str, tuple[str, ...]] = {"easy": ("hammer",), "medium": ("door",), "hard": ("pen", "relocate")}

TASKS = ("door", "hammer", "pen", "relocate")


def build(task: str) -> Task:
    """Builds `adroit/<task>`. Raises TaskError where the package that has the hand is not installed."""
    require_package(f"adroit/{task}", "gymnasium-robotics", "pip install gymnasium-robotics==1.4.2")
    from sdm_sim.adroit.task import AdroitTask

    return AdroitTask(task)
