"""What a depth camera's noise makes of a task's clouds."""

from __future__ import annotations

import numpy as np
from sdm_sim.camera_noise import CameraNoise
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task


def test_a_table_just_below_the_crop_box_comes_back_through_noise() -> None:
    """The crop ends 4 mm above MetaWorld's table, which is as much as such a camera errs there."""
    task = make_task("metaworld/drawer-open")
    task.reset(0)
    perception, frame = Perception(task.contract, task.intrinsics, task.extrinsics), task.observe()
    task.close()

    def share_near_the_table(noise: str) -> float:
        cloud = perception.cloud(CameraNoise(noise, task.intrinsics).apply(frame, 0, 0))
        assert cloud is not None
        return float(np.mean(cloud[:, 2] < 0.02))

    assert share_near_the_table("none") < 0.1
    assert share_near_the_table("d4xx") > 0.3, "farthest points are spread evenly, over the table too"
