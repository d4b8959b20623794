"""However a run ends, its files are whole and its status says how it ended."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.graph import Graph, NodeProcess, graph
from helpers.linear_policy import LinearPolicy
from sdm_core.results import read_results
from sdm_sim.metaworld.task import metaworld_contract
from std_msgs.msg import String

TASK = "metaworld/drawer-close"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path, use_sim_time=True) as started:
        yield started


def start_policy(nodes: Graph, folder: Path, startup_wait_s: float = 0.0) -> NodeProcess:
    checkpoint = folder / "policy"
    LinearPolicy(metaworld_contract("drawer-close"), seed=2, gain=2.0).write(checkpoint)
    return nodes.start(
        "policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True, startup_wait_s=startup_wait_s
    )


def start_bridge(nodes: Graph, folder: Path, episodes: int) -> NodeProcess:
    return nodes.start(
        "bridge_node",
        task=TASK,
        episodes=episodes,
        seed0=1,  # the policy below soon succeeds
        results=folder / "results.jsonl",
        traces=folder / "traces.jsonl",
        video=folder / "film.mp4",
        answer_timeout_s=2.0,
        use_sim_time=False,
    )


def is_whole_video(path: Path) -> bool:
    """Whether it is an mp4 whose index, which is written last, is there."""
    data = path.read_bytes()
    return data[4:8] == b"ftyp" and b"moov" in data


def test_a_run_that_finishes_leaves_a_line_an_episode_a_trace_an_image_and_a_video(
    nodes: Graph, tmp_path: Path
) -> None:
    progress: list[dict] = []
    nodes.node.create_subscription(
        String, "bridge_node/progress", lambda message: progress.append(json.loads(message.data)), 10
    )
    start_policy(nodes, tmp_path)
    bridge = start_bridge(nodes, tmp_path, episodes=2)
    assert nodes.spin_until(lambda: bridge.process.poll() is not None, 60), nodes.outputs()
    assert bridge.process.returncode == 0, nodes.outputs()
    assert (2, 2, 2) in [(line["episode"], line["of"], line["successes"]) for line in progress]
    results, traces = (read_results(tmp_path / f"{name}.jsonl") for name in ("results", "traces"))
    assert [(line["seed"], line["success"]) for line in results] == [(1, True), (2, True)]
    images = [-(-line["steps"] // 4) for line in results]
    assert [sum(trace["seed"] == line["seed"] for trace in traces) for line in results] == images
    assert all(trace["commands"] == 4 and trace["loop_ms"] > 0 for trace in traces)
    assert is_whole_video(tmp_path / "film.mp4")
    assert not list(tmp_path.glob(".*.mp4"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_cleanly(nodes: Graph, tmp_path: Path, number: signal.Signals) -> None:
    start_policy(nodes, tmp_path)
    bridge = start_bridge(nodes, tmp_path, episodes=100_000)
    assert nodes.spin_until(lambda: len(read_results(tmp_path / "results.jsonl")) >= 2, 60), nodes.outputs()
    assert bridge.end(number) == 0, bridge.output
    assert "Traceback" not in bridge.output
    assert read_results(tmp_path / "traces.jsonl")
    assert is_whole_video(tmp_path / "film.mp4")


def test_a_policy_that_dies_is_named_and_what_was_measured_stays(nodes: Graph, tmp_path: Path) -> None:
    policy = start_policy(nodes, tmp_path)
    bridge = start_bridge(nodes, tmp_path, episodes=100_000)
    assert nodes.spin_until(lambda: bool(read_results(tmp_path / "results.jsonl")), 60), nodes.outputs()
    policy.end(signal.SIGKILL)
    assert bridge.process.wait(30) == 1
    assert "policy_node" in bridge.output.splitlines()[-1]
    assert "Traceback" not in bridge.output
    assert all(line["kind"] == "episode" for line in read_results(tmp_path / "results.jsonl"))


def test_a_policy_that_is_slow_to_start_is_waited_for(nodes: Graph, tmp_path: Path) -> None:
    bridge = start_bridge(nodes, tmp_path, episodes=1)
    start_policy(nodes, tmp_path, startup_wait_s=3.0)
    assert bridge.process.wait(60) == 0, nodes.outputs()
