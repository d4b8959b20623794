"""DexArt's tasks (Bao et al., 2023) and how hard they are."""

from __future__ import annotations

import warnings

from sdm_sim.optional_packages import require_package
from sdm_sim.task import Task

# By what DP3 reaches in SDM's Table 7: 83, 82, 63 and 46 %. DexArt itself has no such labels.
DIFFICULTY: dict[str, tuple[str, ...]] = {"easy": ("laptop", "toilet"), "medium": ("faucet",), "hard": ("bucket",)}

TASKS = ("laptop", "faucet", "toilet", "bucket")


def build(task: str) -> Task:
    """Builds `dexart/<task>`. Raises TaskError where the simulator or the assets are not there."""
    require_package(f"dexart/{task}", "sapien", "pip install sapien==3.0.3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sapien's, of graphics drivers, which are not used here
        from sdm_sim.dexart.task import DexArtTask

    return DexArtTask(task)
