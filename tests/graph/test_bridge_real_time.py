"""In real time the world steps at its own rate, and what comes too late is a miss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.bridge import bridge
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from sdm_core.results import read_results
from sdm_sim.bridge.errors import BridgeError
from sdm_sim.metaworld.task import metaworld_contract

TASK = "metaworld/drawer-close"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Graph]:
    """policy_node and command_node, on a simulated clock."""
    checkpoint = tmp_path / "policy"
    LinearPolicy(metaworld_contract("drawer-close"), seed=2, gain=2.0).write(checkpoint)
    with graph(tmp_path, use_sim_time=True) as started:
        started.start("policy_node", checkpoint=checkpoint)
        started.start("command_node", checkpoint=checkpoint)
        yield started


def test_commands_reach_the_world_and_every_step_is_accounted_for(nodes: Graph, tmp_path: Path) -> None:
    traces = tmp_path / "traces.jsonl"
    with bridge(nodes, task=TASK, mode="realtime", episodes=2, seed0=1, traces=traces) as node:
        outcomes = node.run()
    for outcome in outcomes:
        moved = (outcome.actions[:, :3] != 0).any(axis=1).sum()
        assert 0 < moved <= outcome.steps - outcome.misses
        assert outcome.refused == 0
    assert {trace["node"] for trace in read_results(traces)} == {"policy_node", "command_node"}


def test_the_world_goes_on_where_images_are_lost(nodes: Graph, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    with bridge(nodes, task=TASK, mode="realtime", episodes=1, drop_rate=0.8, results=results) as node:
        (outcome,) = node.run()
    assert outcome.dropped_images > 0
    (line,) = read_results(results)
    assert (line["steps"], line["misses"]) == (outcome.steps, outcome.misses)
    assert line["dropped_images"] == outcome.dropped_images


def test_a_policy_that_never_answers_is_an_error(nodes: Graph) -> None:
    with (
        bridge(nodes, task=TASK, mode="realtime", episodes=1, latency_ms=10_000.0) as node,
        pytest.raises(BridgeError, match="policy_node never answered"),
    ):
        node.run()
