"""Expert demonstrations with the policy's own observations."""

from __future__ import annotations

import numpy as np
from sdm_core.dataset import Episode
from sdm_core.point_cloud import CloudPipeline
from sdm_core.state_vector import StateVector

from sdm_sim.task import Task

# DP3's rule: a demonstration counts where the task is solved for so many steps.
MIN_SUCCESS_STEPS = 5
# It ends, as an operator would end it, once the task has been solved for this long: all 200 steps, which DP3 keeps,
# would spend most of a training on standing still.
ENOUGH_SUCCESS_STEPS = 10


def demonstrate(task: Task, seed: int, keep_depth: bool = False) -> Episode | None:
    """The expert's episode of `seed`, up to ENOUGH_SUCCESS_STEPS solved steps; None where the expert fails."""
    spec = task.contract.observation.cloud
    assert spec is not None
    clouds, states = CloudPipeline(spec), StateVector(task.contract.observation.state)
    task.reset(seed)
    rows: dict[str, list] = {"state": [], "action": [], "point_cloud": [], "depth": []}
    for _ in range(task.step_limit):
        frame = task.observe()
        assert frame.depth is not None
        action = task.expert()
        rows["state"].append(states.gather(frame.names, frame.values))
        rows["action"].append(action)
        rows["point_cloud"].append(clouds.from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics))
        if keep_depth:
            rows["depth"].append(frame.depth)
        task.step(action)
        if task.success_steps == ENOUGH_SUCCESS_STEPS:
            break
    if task.success_steps < MIN_SUCCESS_STEPS:
        return None
    arrays = {name: np.stack(values) for name, values in rows.items() if values}
    return Episode(
        arrays["state"].astype(np.float32),
        arrays["action"].astype(np.float32),
        arrays["point_cloud"],
        {"depth": arrays["depth"]} if keep_depth else {},
    )
