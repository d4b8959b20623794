"""People may touch a running world: pause it, hasten it, push its things, end its episode, and ask for another."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from helpers.domain import own_domain
from helpers.graph import Graph, NodeProcess, graph
from helpers.linear_policy import LinearPolicy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sdm_core.results import read_results
from sdm_sim.bridge import bridge_node
from sdm_sim.bridge.bridge_node import BridgeNode, Succession
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.operated import SceneRequests
from sdm_sim.fork.task import fork_contract
from sdm_sim.pusht.task import pusht_contract
from sdm_sim.registry import make_task
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

TASK = "fork/reach"


@dataclass
class Watcher:
    """Somebody who follows a bridge's progress and clock, and asks it for things."""

    nodes: Graph
    progress: list[dict[str, Any]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        node = self.nodes.node
        node.create_subscription(String, "bridge_node/progress", self._on_progress, 10)
        node.create_subscription(Clock, "/clock", self._on_clock, 10)

    def sees(self, timeout_s: float = 120.0, **wanted: Any) -> bool:
        """Whether progress comes to have these entries; a wanted predicate is asked."""

        def matches(line: dict[str, Any]) -> bool:
            return all(value(line[name]) if callable(value) else line[name] == value for name, value in wanted.items())

        begun = len(self.progress)
        return self.nodes.spin_until(lambda: any(map(matches, self.progress[begun:])), timeout_s)

    def set(self, **values: Any) -> str:
        """Sets parameters of the bridge; the first refusal, empty where there is none."""
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParameters.Request(parameters=parameters)
        results = self.nodes.call(SetParameters, "bridge_node/set_parameters", request).results
        return next((result.reason for result in results if not result.successful), "")

    def ask(self, service: str) -> tuple[bool, str]:
        response = self.nodes.call(Trigger, f"bridge_node/{service}")
        return response.success, response.message

    def pause(self, paused: bool) -> None:
        assert self.nodes.call(SetBool, "bridge_node/pause_world", SetBool.Request(data=paused)).success

    def _on_progress(self, message: String) -> None:
        self.progress.append(json.loads(message.data))

    def _on_clock(self, message: Clock) -> None:
        self.times.append(Time.from_msg(message.clock).nanoseconds)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as started:
        yield started


@pytest.fixture
def watcher(nodes: Graph) -> Watcher:
    return Watcher(nodes)


def start(nodes: Graph, **settings: Any) -> NodeProcess:
    """A bridge whose expert shows one episode after another."""
    return nodes.start("bridge_node", **{"task": TASK, "mode": "expert", "episodes": 0, "seed0": 5, **settings})


def test_progress_tells_what_runs_and_how(nodes: Graph, watcher: Watcher) -> None:
    start(nodes, real_time_factor=2.0)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    told = watcher.progress[-1]
    assert (told["task"], told["mode"], told["of"], told["seed"]) == (TASK, "expert", 0, 5)
    assert (told["real_time_factor"], told["latency_ms"], told["paused"], told["abandoned"]) == (2.0, 0.0, False, 0)


def test_time_stands_still_while_paused_and_then_goes_on(nodes: Graph, watcher: Watcher) -> None:
    start(nodes)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    watcher.pause(True)
    assert watcher.sees(paused=True)
    nodes.spin_for(0.3)  # the step that was under way
    stood = watcher.times[-1]
    nodes.spin_for(0.5)
    assert watcher.times[-1] == stood
    watcher.pause(False)
    assert nodes.spin_until(lambda: watcher.times[-1] > stood)
    assert np.diff([time for time in watcher.times if time >= stood])[0] == fork_contract().dt_ns  # nothing is skipped


def test_simulated_time_runs_faster_than_the_walls(nodes: Graph, watcher: Watcher) -> None:
    start(nodes)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    assert all(line["rate"] < 1.2 * fork_contract().rates.control_hz for line in watcher.progress)
    assert watcher.set(real_time_factor=4.0) == ""
    assert watcher.sees(rate=lambda rate: rate > 1.5 * fork_contract().rates.control_hz)


def test_an_episode_that_is_ended_counts_as_none(nodes: Graph, watcher: Watcher, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    bridge = start(nodes, episodes=1, results=results)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    assert watcher.ask("next_episode") == (True, "the episode ends")
    assert watcher.sees(seed=6, episode=1, abandoned=1, successes=0)
    assert nodes.spin_until(lambda: bridge.process.poll() is not None, 60.0)
    assert [(line["seed"], line["success"]) for line in read_results(results)] == [(6, True)]


def test_an_episode_that_stands_still_can_be_ended(nodes: Graph, watcher: Watcher) -> None:
    start(nodes)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    watcher.pause(True)
    assert watcher.ask("next_episode")[0]
    assert watcher.sees(seed=6, paused=True, step=0)
    watcher.pause(False)
    assert watcher.sees(seed=6, step=lambda step: step > 3)


def test_the_next_episode_has_the_seed_that_is_asked_for_and_others_follow(nodes: Graph, watcher: Watcher) -> None:
    start(nodes)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    assert watcher.set(seed=77) == ""
    for seed in (77, 78):
        assert watcher.ask("next_episode")[0]
        assert watcher.sees(seed=seed, step=lambda step: step > 0)


def test_things_are_pushed_and_the_result_says_so(nodes: Graph, watcher: Watcher, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    bridge = start(nodes, task="franka/pick-place", episodes=1, real_time_factor=4.0, results=results)
    assert watcher.sees(step=lambda step: step > 0), nodes.outputs()
    assert watcher.ask("push_object") == (True, "what lies free is pushed aside")
    assert nodes.spin_until(lambda: bridge.process.poll() is not None, 120.0)
    (line,) = read_results(results)
    assert (line["pushes"], line["real_time_factor"]) == (1, 4.0)


def test_what_has_no_meaning_is_refused_in_one_line(nodes: Graph, watcher: Watcher, tmp_path: Path) -> None:
    start(nodes)
    assert watcher.sees(step=lambda step: step > 0), nodes.outputs()
    for values, named in (
        ({"latency_ms": 20.0}, "20.0 has no meaning in mode expert"),
        ({"real_time_factor": 5.0}, "real_time_factor"),
        ({"task": "fork/rech"}, "unknown task 'fork/rech'; did you mean fork/reach"),
        ({"task": "fork/reach+moving"}, "have no moving variants"),
        ({"checkpoint": str(tmp_path / "nowhere")}, "nowhere: No such file"),
        ({"mode": "lockstep"}, "read-only"),
    ):
        reason = watcher.set(**values)
        assert named in reason
        assert "\n" not in reason
    assert watcher.ask("push_object") == (
        False,
        "fork/reach: nothing in this task lies free, so that nothing can be moved; take another task",
    )
    assert watcher.sees(task=TASK, real_time_factor=1.0, latency_ms=0.0)


def test_lockstep_has_no_real_time_and_before_an_episode_nothing_ends(nodes: Graph, watcher: Watcher) -> None:
    start(nodes, mode="lockstep")
    assert "has no meaning in mode lockstep" in watcher.set(real_time_factor=2.0)
    assert watcher.ask("next_episode") == (False, "no episode is under way")


def test_another_task_takes_the_bridge_over_and_time_goes_on(nodes: Graph, watcher: Watcher, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    bridge = start(nodes, results=results, real_time_factor=4.0)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    assert watcher.set(task="franka/insert", seed=3) == ""
    assert watcher.ask("next_episode")[0]
    assert watcher.sees(task="franka/insert", seed=3, real_time_factor=4.0, step=lambda step: step > 3), nodes.outputs()
    assert np.diff(watcher.times).min() > 0
    assert watcher.set(task=TASK) == ""
    assert watcher.ask("next_episode")[0]
    assert watcher.sees(task=TASK, seed=5, step=lambda step: step > 3), nodes.outputs()
    assert bridge.process.poll() is None


@pytest.mark.slow
def test_a_task_that_cannot_be_made_leaves_the_present_one(nodes: Graph, watcher: Watcher) -> None:
    bridge = start(nodes)
    assert watcher.sees(step=lambda step: step > 3), nodes.outputs()
    assert watcher.set(task="metaworld/door-open+moving") == ""  # there is such a variant, but not of this task
    assert watcher.ask("next_episode")[0]
    assert watcher.sees(task=TASK, seed=6, step=lambda step: step > 0), nodes.outputs()
    assert "the task stays fork/reach: metaworld/door-open+moving: nothing in this task lies free" in bridge.output


def test_a_bridge_is_freed_before_the_next_task_s_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref] = []
    left: list[int] = []

    class Brief(BridgeNode):
        """It leaves to the next at once, three times."""

        def __init__(self, succession: Succession | None) -> None:
            left.append(sum(one() is not None for one in made))
            super().__init__(succession)
            made.append(weakref.ref(self))

        def run(self) -> list:
            if len(made) < 3:
                self.succession = Succession(make_task(TASK), self.parameters, episodes_begun=0)
            return []

    monkeypatch.setattr(bridge_node, "BridgeNode", Brief)
    rclpy.init(args=["bridge_node", "--ros-args", "-p", f"task:={TASK}"], domain_id=own_domain())
    try:
        bridge_node._run_bridges()
    finally:
        rclpy.try_shutdown()
        gc.unfreeze()
    assert left == [0, 0, 0]


def test_no_new_scene_is_promised_while_time_stands_still(nodes: Graph) -> None:
    controls = Controls(ok=lambda: True, shove=None)
    scenes = SceneRequests(nodes.node, controls)
    controls.pause(True)
    refusal = nodes.call(Trigger, "test/new_scene")
    assert (refusal.success, refusal.message) == (False, "time stands still; let it go on first")
    assert not scenes.asked()
    controls.pause(False)
    assert nodes.call(Trigger, "test/new_scene").success
    assert scenes.asked()


@dataclass
class Policy:
    """policy_node's lifecycle and checkpoint, as an operator has them in hand."""

    nodes: Graph

    def change(self, *transitions: int) -> None:
        for transition in transitions:
            request = ChangeState.Request(transition=Transition(id=transition))
            assert self.nodes.call(ChangeState, "policy_node/change_state", request).success, self.nodes.outputs()

    def load(self, checkpoint: Path) -> None:
        parameters = [Parameter("checkpoint", value=str(checkpoint)).to_parameter_msg()]
        request = SetParameters.Request(parameters=parameters)
        (result,) = self.nodes.call(SetParameters, "policy_node/set_parameters", request).results
        assert result.successful, result.reason


@pytest.fixture
def lockstep(tmp_path: Path) -> Iterator[Graph]:
    """A policy of the fork and its bridge."""
    LinearPolicy(fork_contract(), seed=2, gain=0.5).write(tmp_path / "fork")
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=tmp_path / "fork", command="inline", reliable_sensors=True)
        start(nodes, mode="lockstep", use_sim_time=False, answer_timeout_s=60.0, startup_timeout_s=120.0)
        yield nodes


def test_a_policy_may_be_deactivated_and_activated_between_episodes(lockstep: Graph) -> None:
    watcher, policy = Watcher(lockstep), Policy(lockstep)
    assert watcher.sees(step=lambda step: step > 0), lockstep.outputs()
    policy.change(Transition.TRANSITION_DEACTIVATE)
    # In lockstep the world waits for an answer that never comes; between two episodes there is none to end.
    watcher.ask("next_episode")
    assert watcher.sees(step=0), lockstep.outputs()
    policy.change(Transition.TRANSITION_ACTIVATE)
    assert watcher.sees(step=lambda step: step > 3), lockstep.outputs()


def test_a_policy_is_exchanged_together_with_the_task(lockstep: Graph, tmp_path: Path) -> None:
    LinearPolicy(pusht_contract(), seed=2, gain=0.5).write(tmp_path / "push-t")
    watcher, policy = Watcher(lockstep), Policy(lockstep)
    assert watcher.sees(step=lambda step: step > 0), lockstep.outputs()
    assert watcher.set(task="pusht/push-t", checkpoint=str(tmp_path / "push-t")) == ""
    policy.change(Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
    policy.load(tmp_path / "push-t")
    watcher.ask("next_episode")  # unless it has ended by itself just now
    assert watcher.sees(task="pusht/push-t", step=0), lockstep.outputs()
    lockstep.spin_for(1.0)  # policy_node hears the new world's sensors, and forgets what the old one's were like
    policy.change(Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    assert watcher.sees(task="pusht/push-t", step=lambda step: step > 3), lockstep.outputs()
