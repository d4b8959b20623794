"""The family's tasks and how hard they are; the simulator is only imported where one is built."""

from __future__ import annotations

from sdm_sim.optional_packages import require_package
from sdm_sim.task import Task

# By how much must be held to solve them: nothing, an edge, a heavier edge, a bail that swings.
DIFFICULTY: dict[str, tuple[str, ...]] = {"easy": ("faucet",), "medium": ("laptop", "toilet"), "hard": ("bucket",)}

TASKS = ("bucket", "faucet", "laptop", "toilet")


def build(task: str) -> Task:
    """Builds `dexhand/<task>`. Raises TaskError where the package that has the hand is not installed."""
    require_package(f"dexhand/{task}", "gymnasium-robotics", "pip install gymnasium-robotics==1.4.2")
    from sdm_sim.dexhand.task import DexHandTask

    return DexHandTask(task)
