"""An expert that drives on the graph, recorded: the same demonstrations as those made without a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.graph import graph
from sdm_core.dataset import EpisodeStore
from sdm_sim.programs.demos import record
from sdm_sim.registry import make_task

SEED, EPISODES = 3, 2


@pytest.mark.parametrize(("task", "sink"), [("metaworld/door-close", "native"), ("franka/pick-place", "pose")])
def test_what_is_recorded_on_the_graph_is_what_the_expert_shows_without_it(task: str, sink: str, tmp_path: Path):
    contract, output = tmp_path / "contract.yaml", tmp_path / "graph.zarr"
    make_task(task).contract.save(contract)
    with graph(tmp_path, use_sim_time=True) as world:
        world.start("recorder_node", checkpoint=contract, output=output, reliable_sensors=True, sink=sink)
        bridge = world.start("bridge_node", task=task, mode="expert", episodes=EPISODES, seed0=SEED, record=True)
        assert bridge.process.wait(120) == 0, world.outputs()
        assert "leaked" not in bridge.output  # all that the expert's smoother made has been freed
    shown = record(task, EPISODES, SEED, 1, False, str(tmp_path / "direct.zarr"))
    recorded = EpisodeStore.open(output)
    assert len(recorded) == len(shown) == EPISODES
    for name in ("state", "action", "point_cloud"):
        np.testing.assert_array_equal(recorded.read(name), shown.read(name), err_msg=name)
