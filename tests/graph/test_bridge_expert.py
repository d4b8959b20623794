"""An expert that drives on the graph, recorded: the same demonstrations as those made without a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.toy_task import ToyTask
from rclpy.parameter import Parameter
from sdm_core.datasets.dataset import EpisodeStore
from sdm_sim.bridge import bridge_node
from sdm_sim.bridge.peers import Peers
from sdm_sim.demonstrations import MIN_SUCCESS_STEPS, demonstrate
from sdm_sim.programs.demos import record
from sdm_sim.registry import make_task

SEED, EPISODES = 3, 2


@pytest.mark.parametrize(("task", "sink"), [("metaworld/door-close", "native"), ("franka/pick-place", "pose")])
def test_what_is_recorded_on_the_graph_is_what_the_expert_shows_without_it(task: str, sink: str, tmp_path: Path):
    contract, output = tmp_path / "contract.yaml", tmp_path / "graph.zarr"
    make_task(task).contract.save(contract)
    with graph(tmp_path, use_sim_time=True) as world:
        world.start(
            "recorder_node", checkpoint=contract, output=output, reliable_sensors=True, pairing="order", sink=sink
        )
        bridge = world.start("bridge_node", task=task, mode="expert", episodes=EPISODES, seed0=SEED, record=True)
        assert bridge.process.wait(120) == 0, world.outputs()
        assert "leaked" not in bridge.output  # all that the expert's smoother made has been freed
    shown = record(task, EPISODES, SEED, 1, False, str(tmp_path / "direct.zarr"))
    recorded = EpisodeStore.view(output)
    assert len(recorded) == len(shown) == EPISODES
    for name in ("state", "action", "point_cloud"):
        np.testing.assert_array_equal(recorded.read(name), shown.read(name), err_msg=name)


@pytest.mark.parametrize("solved", [MIN_SUCCESS_STEPS - 1, MIN_SUCCESS_STEPS])
def test_the_recorder_keeps_what_counts_as_a_demonstration_without_a_graph(
    solved: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ToyTask()
    task.step_limit, kept = 0, None
    while task.success_steps < solved:
        task.step_limit += 1
        kept = demonstrate(task, SEED)
    told: list[bool] = []
    monkeypatch.setattr(bridge_node, "make_task", lambda name: task)
    monkeypatch.setattr(Peers, "end_recording", lambda self, keep: told.append(keep))
    with graph(tmp_path) as world, bridge(world, mode="expert", episodes=1, seed0=SEED, real_time_factor=4.0) as node:
        (outcome,) = node.run()
    assert outcome.success
    assert told == [kept is not None] == [solved == MIN_SUCCESS_STEPS]


def test_a_run_without_end_keeps_nothing_of_its_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = ToyTask()
    reset = task.reset

    def begin(seed: int) -> None:
        reset(seed)
        if len(task.seeds) == EPISODES:  # another task ends it
            node.set_parameters([Parameter("task", value="fork/reach")])

    monkeypatch.setattr(task, "reset", begin)
    monkeypatch.setattr(bridge_node, "make_task", lambda name: task)
    with graph(tmp_path) as world, bridge(world, mode="expert", episodes=0, real_time_factor=4.0) as node:
        assert node.run() == []
        assert node.succession is not None
        assert node.succession.episodes_begun == EPISODES
