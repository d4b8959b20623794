"""The cell's tasks and their difficulty; the simulator is only imported where one is built."""

from __future__ import annotations

from sdm_sim.task import Task

DIFFICULTY: dict[str, tuple[str, ...]] = {"medium": ("pick-place",), "hard": ("insert", "pick-moving")}

TASKS = tuple(sorted(task for tasks in DIFFICULTY.values() for task in tasks))


def build(task: str) -> Task:
    """Builds `franka/<task>`."""
    from sdm_sim.franka.cell import FrankaTask
    from sdm_sim.franka.insert import Insert
    from sdm_sim.franka.pick_moving import PickMoving
    from sdm_sim.franka.pick_place import PickPlace

    scenarios = {"insert": Insert, "pick-moving": PickMoving, "pick-place": PickPlace}
    return FrankaTask(f"franka/{task}", scenarios[task]())
