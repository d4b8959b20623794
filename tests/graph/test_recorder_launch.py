"""record.launch.py with the simulated twin: an operator's episode in the dataset, and once more out of the bag."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.graph import graph
from helpers.operator import Operator
from sdm_core.datasets.dataset import SUCCESS, EpisodeStore
from sdm_policy_node.convert.program import main as convert
from sdm_sim.colour_contract import with_coloured_cloud
from sdm_sim.registry import make_task

ROS2 = str(Path(sys.executable).parent / "ros2-embedded")
TASK = "franka/pick-place"


@pytest.mark.slow
@pytest.mark.parametrize("coloured", [False, True])
def test_a_launch_records_dataset_and_bag(coloured: bool, tmp_path: Path) -> None:
    contract = tmp_path / "contract.yaml"
    task = make_task(TASK)
    (with_coloured_cloud(task.contract) if coloured else task.contract).save(contract)
    task.close()
    arguments = {"sim": "true", "contract": contract, "output": tmp_path / "demos.zarr", "bag": tmp_path / "bag"}
    with graph(tmp_path) as world:
        log = (tmp_path / "launch.log").open("w+b")
        launch = subprocess.Popen(
            [
                ROS2,
                "launch",
                "sdm_bringup",
                "record.launch.py",
                *(f"{name}:={value}" for name, value in arguments.items()),
            ],
            env={**os.environ, "ROS_DOMAIN_ID": str(world.domain), "PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

        def printed() -> str:
            return (tmp_path / "launch.log").read_text()

        try:
            assert world.spin_until(
                lambda: "topic '/recorder_node/episode_event'" in printed() and "'/target_pose'" in printed(), 90.0
            ), printed()
            operator = Operator(world, contract)
            assert world.spin_until(lambda: "q  quit" in operator.screen, 60.0), operator.screen
            operator.press("\r")
            assert world.spin_until(lambda: "recording episode 0" in operator.screen, 60.0), operator.screen + printed()
            world.spin_for(1.0)
            for _ in range(20):
                operator.press("w")
                world.spin_for(0.1)
            operator.press("y")
            assert world.spin_until(lambda: "images missing, a success" in operator.screen, 60.0), operator.screen
            assert operator.close() == 0, operator.screen
            world.spin_for(2.0)
        finally:
            launch.send_signal(signal.SIGINT)
            launch.wait(60)
    convert([str(tmp_path / "bag"), "-o", str(tmp_path / "again.zarr")])
    live, again = EpisodeStore.view(tmp_path / "demos.zarr"), EpisodeStore.view(tmp_path / "again.zarr")
    assert live.outcomes.tolist() == again.outcomes.tolist() == [SUCCESS]
    assert live.episode_ends.tolist() == again.episode_ends.tolist()
    np.testing.assert_array_equal(again.read("point_cloud"), live.read("point_cloud"))
    assert live.read("point_cloud").shape[2] == (6 if coloured else 3)
    np.testing.assert_array_equal(again.read("state"), live.read("state"))
    assert np.ptp(live.read("action")[:, 0]) > 0.05
