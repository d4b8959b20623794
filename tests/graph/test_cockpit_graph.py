"""The cockpit beside real nodes: a snapshot comes out, requests arrive, and whoever dies is gone."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.fake_policy import Policy
from helpers.fake_robot import FakeRobot, depth_image, time_message
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_cockpit.export.visual_messages import CLOUD
from sdm_cockpit.graph.checkpoint_change import checkpoints_in
from sdm_cockpit.graph.graph_operator import GraphOperator
from sdm_cockpit.graph.graph_view import GraphView
from sdm_cockpit.graph.node_watch import GONE, NodeWatch
from sdm_cockpit.graph.service_calls import RequestRefused, ServiceCalls
from sdm_cockpit.graph.visual_publisher import VisualPublisher
from sdm_cockpit.snapshot import Box, Snapshot
from sdm_core.checkpoint import Checkpoint
from sdm_interfaces.msg import EpisodeEvent, Heartbeat
from sdm_policy_node.commands.sole_publisher import LEADING, UNFOLLOWED
from sdm_policy_node.sources.points_source import xyz_points
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Empty, Float64MultiArray
from std_srvs.srv import Trigger

SPACES = (UNFOLLOWED, LEADING)
PARAMETERS = {"startup_wait_s": 0.05, "max_age_s": 5.0, "silent_frames": 0}


class Looking:
    """The cockpit's side of a graph, without its page."""

    def __init__(self, world: Graph, checkpoint: Path) -> None:
        self.world = world
        settings = CockpitParameters(checkpoint=str(checkpoint))
        self.view = GraphView(world.node, settings, Checkpoint.open(checkpoint).contract)
        self.operator = GraphOperator(world.node, checkpoint.parent, "native", lambda: self.view.deadman)
        self._checkpoint = checkpoint
        self._answers: list[tuple[bool | None, str]] = []

    def start_policy(self, **parameters: Any) -> None:
        self.world.start("policy_node", checkpoint=self._checkpoint, **PARAMETERS, **parameters)

    def answer(self, granted: bool | None, line: str) -> None:
        self._answers.append((granted, line))

    def answered(self) -> tuple[bool | None, str]:
        """The answer to the one request that was made."""
        assert self.world.spin_until(lambda: bool(self._answers), 60.0), self.world.outputs()
        return self._answers.pop()

    @property
    def activity(self) -> str:
        return self.view.snapshot().status.activity

    def state_of(self, name: str) -> str:
        return next((node.state for node in self.view.snapshot().status.nodes if node.name == name), "")


class Camera:
    """A robot that says ten times a second what it is, has and sees."""

    def __init__(self, robot: FakeRobot) -> None:
        self._robot = robot
        self._step, self._last = 0, 0.0

    def tick(self) -> None:
        if time.monotonic() - self._last < 0.1:
            return
        self._last, self._step = time.monotonic(), self._step + 1
        stamp_ns = time.time_ns()
        self._robot.tell_info(stamp_ns)
        self._robot.tell_state(stamp_ns, np.full(4, 0.1))
        self._robot.tell_image(stamp_ns, depth_image(self._step, self._robot.contract))


@pytest.fixture
def looking(checkpoint: Checkpoint, tmp_path: Path) -> Iterator[tuple[Looking, Camera]]:
    """A robot that is looked at, and that policy_node may act upon."""
    with graph(tmp_path) as world:
        robot = FakeRobot(world, checkpoint.contract)
        made = Looking(world, checkpoint.path)
        try:
            yield made, Camera(robot)
        finally:
            made.view.close()


def look_until(looking: Looking, camera: Camera, predicate, timeout_s: float = 40.0) -> Snapshot:
    """The first snapshot that satisfies the predicate, from a robot that goes on."""
    found: list[Snapshot] = []

    def done() -> bool:
        camera.tick()
        found.append(looking.view.snapshot())
        return predicate(found[-1])

    assert looking.world.spin_until(done, timeout_s), f"{found[-1]} {looking.world.outputs()}"
    return found[-1]


def test_a_policy_is_seen_at_work_cropped_otherwise_and_killed(looking: tuple[Looking, Camera]) -> None:
    cockpit, camera = looking
    cockpit.start_policy()
    seen = look_until(cockpit, camera, lambda shown: shown.cloud is not None and shown.plans and shown.tool)
    assert seen.cloud is not None
    assert seen.crop is not None
    assert seen.tool is not None
    assert seen.cloud.shape == (32, 3)
    assert (seen.crop.low.tolist(), seen.crop.high.tolist()) == ([-1, -1, 0], [1, 1, 2])
    assert seen.plans[0].values.shape == (4, 3)
    assert seen.tool.position.tolist() == [0.1, 0.1, 0.1]
    assert cockpit.state_of("policy_node") == "active"

    cockpit.operator.set_box("crop", Box(np.array([-0.5, -0.5, 0.1]), np.array([0.5, 0.5, 1.0])), cockpit.answer)
    assert cockpit.answered() == (True, "the crop box is set")
    look_until(cockpit, camera, lambda shown: shown.crop.high.tolist() == [0.5, 0.5, 1.0])
    look_until(cockpit, camera, lambda shown: shown.cloud is not None and np.abs(shown.cloud[:, :2]).max() <= 0.5)
    cockpit.operator.set_box("crop", Box(np.ones(3), np.zeros(3)), cockpit.answer)
    granted, line = cockpit.answered()
    assert not granted
    assert "policy_node: crop box from x = 1 to 0" in line

    cockpit.world.processes[0].process.send_signal(signal.SIGKILL)
    gone = look_until(cockpit, camera, lambda shown: cockpit.state_of("policy_node") == GONE and not shown.plans)
    assert gone.cloud is not None  # the cockpit sees for itself


def test_a_policy_that_commands_inline_is_seen_as_well(looking: tuple[Looking, Camera]) -> None:
    cockpit, camera = looking
    cockpit.start_policy(command="inline", use_sim_time=True)
    clock = cockpit.world.node.create_publisher(Clock, "clock", 10)

    def followed(shown: Snapshot) -> bool:
        clock.publish(Clock(clock=time_message(time.time_ns())))
        return bool(shown.plans) and shown.status.activity == "following"

    seen = look_until(cockpit, camera, followed)
    assert seen.plans[0].values.shape == (4, 3)
    assert seen.timing is not None
    assert seen.timing.deadline_ms == 100.0


def test_only_what_can_be_loaded_is_offered(tmp_path: Path) -> None:
    policy = LinearPolicy(small_contract())
    policy.write(tmp_path / "student")
    for run, exports in (("sdm_small_seed0", ["export"]), ("dp3_small_seed0", ["export_nfe10", "export_nfe2"])):
        for export in exports:
            policy.write(tmp_path / run / export)
        small_contract().save(tmp_path / run / "contract.yaml")
    (tmp_path / "sdm_small_seed0" / "export_nfe1").mkdir()
    (policy.write(tmp_path / "half").path / "metrics.json").unlink()
    (tmp_path / "recorded").mkdir()
    small_contract().save(tmp_path / "recorded" / "contract.yaml")
    exports = ["dp3_small_seed0/export_nfe10", "dp3_small_seed0/export_nfe2", "sdm_small_seed0/export"]
    assert list(checkpoints_in(tmp_path, "native")) == [*exports, "student"]
    assert list(checkpoints_in(tmp_path / "dp3_small_seed0", "native")) == ["export_nfe10", "export_nfe2"]
    assert checkpoints_in(tmp_path, "ee_pose") == {}


def test_another_checkpoint_is_looked_at_as_it_is_acted_upon(
    looking: tuple[Looking, Camera], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit, camera = looking
    cockpit.start_policy()
    LinearPolicy(small_contract(cloud={"points": 16})).write(tmp_path / "coarse" / "export")
    monkeypatch.chdir(tmp_path)  # where policy_node was not started
    cockpit.operator = GraphOperator(cockpit.world.node, Path(), "native", lambda: False)
    look_until(cockpit, camera, lambda shown: cockpit.state_of("policy_node") == "active")
    assert cockpit.operator.abilities.checkpoints == ("checkpoint", "coarse/export")

    cockpit.operator.choose("checkpoint", "nowhere", cockpit.answer)
    granted, line = cockpit.answered()
    assert not granted
    assert "nowhere" in line
    assert cockpit.state_of("policy_node") == "active"

    cockpit.operator.choose("checkpoint", "coarse/export", cockpit.answer)
    assert cockpit.answered() == (True, "coarse/export is active")
    look_until(cockpit, camera, lambda shown: shown.cloud is not None and len(shown.cloud) == 16)
    assert cockpit.view.contract.observation.cloud == small_contract(cloud={"points": 16}).observation.cloud


def test_another_checkpoint_moves_no_robot_whose_command_node_was_not_active(
    looking: tuple[Looking, Camera], checkpoint: Checkpoint
) -> None:
    cockpit, camera = looking
    world, commands = cockpit.world, []
    world.node.create_subscription(Float64MultiArray, "native_command", commands.append, 10)
    cockpit.start_policy()
    world.start("command_node", checkpoint=checkpoint.path, autostart=False)
    look_until(cockpit, camera, lambda shown: cockpit.state_of("policy_node") == "active" and shown.plans)
    look_until(cockpit, camera, lambda shown: cockpit.activity == "inactive" and cockpit.operator.abilities.moves)

    cockpit.operator.choose("checkpoint", "checkpoint", cockpit.answer)
    assert cockpit.answered() == (True, "checkpoint is active, and the robot paused")
    look_until(cockpit, camera, lambda shown: cockpit.activity == "paused" and shown.plans)
    look_until(cockpit, camera, lambda shown: "paused; call ~/resume" in world.outputs())
    assert commands == []


def offers_parameters(world: Graph, *nodes: str) -> None:
    """These nodes are there, take whatever is set, and offer nothing else."""

    def take(
        request: SetParametersAtomically.Request, response: SetParametersAtomically.Response
    ) -> SetParametersAtomically.Response:
        response.result.successful = True
        return response

    for node in nodes:
        world.node.create_service(SetParametersAtomically, f"{node}/set_parameters_atomically", take)


def test_what_cannot_be_paused_is_given_no_other_checkpoint(looking: tuple[Looking, Camera]) -> None:
    cockpit, _ = looking
    offers_parameters(cockpit.world, "policy_node", "command_node")
    assert cockpit.world.spin_until(lambda: cockpit.operator.abilities.moves and cockpit.operator.abilities.sees)
    cockpit.operator.choose("checkpoint", "checkpoint", cockpit.answer)
    assert cockpit.answered() == (False, "command_node offers no ~/pause now; it is not running")


@pytest.mark.parametrize("paused", ["never", "before", "meanwhile"])
def test_another_checkpoint_lifts_no_pause_of_an_operator(looking: tuple[Looking, Camera], paused: str) -> None:
    cockpit, _ = looking
    node, asked = cockpit.world.node, []
    offers_parameters(cockpit.world, "policy_node", "command_node", "bridge_node")

    def trigger(name: str) -> None:
        def take(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            asked.append(name)
            response.success, response.message = True, name
            return response

        node.create_service(Trigger, name, take)

    def state(request: GetState.Request, response: GetState.Response) -> GetState.Response:
        response.current_state.label = "active"
        return response

    def change(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        if paused == "meanwhile" and request.transition.id == Transition.TRANSITION_CONFIGURE:
            cockpit.operator.ask("pause", lambda granted, line: None)
        response.success = True
        return response

    triggers = ("command_node/pause", "command_node/resume", "bridge_node/next_episode")
    for name in triggers:
        trigger(name)
    calls = [node.create_client(Trigger, name) for name in triggers]
    for name in ("policy_node", "command_node"):
        node.create_service(GetState, f"{name}/get_state", state)
        node.create_service(ChangeState, f"{name}/change_state", change)
    assert cockpit.world.spin_until(lambda: cockpit.operator.abilities.moves and cockpit.operator.abilities.simulates)
    # Of each service rclpy learns by itself.
    assert cockpit.world.spin_until(lambda: all(call.service_is_ready() for call in calls))
    if paused == "before":
        cockpit.operator.ask("pause", cockpit.answer)
        assert cockpit.answered()[0]
    cockpit.operator.choose("checkpoint", "checkpoint", cockpit.answer)
    stays = paused != "never"
    assert cockpit.answered() == (True, f"checkpoint is active{', and the robot paused' if stays else ''}")
    assert ("command_node/resume" in asked) != stays


def test_what_is_answered_late_is_not_told_as_refused(looking: tuple[Looking, Camera]) -> None:
    cockpit, _ = looking

    def late(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        time.sleep(1.5)
        response.success, response.message = True, "done"
        return response

    for name in ("recorder_node/keep", "recorder_node/discard", "recorder_node/start"):
        cockpit.world.node.create_service(Trigger, name, late)
    assert cockpit.world.spin_until(lambda: cockpit.operator.abilities.records)
    cockpit.operator.ask("keep", cockpit.answer)
    assert cockpit.answered() == (True, "done")
    cockpit.operator.ask("discard", cockpit.answer)
    line = "recorder_node: sent, but no answer within 1 s; it may still be carried out"
    assert cockpit.answered() == (None, line)


def test_a_node_that_runs_and_does_not_serve_is_not_active(tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        calls = ServiceCalls(world.node)
        calls.offer(Trigger, "test/resume", "command_node/resume")
        for name, lacks in (("test/resume", "active"), ("command_node/resume", "running")):
            with pytest.raises(RequestRefused, match=f"offers no ~/resume now; it is not {lacks}$"):
                calls.send(name, Trigger.Request())


def test_a_large_seed_is_answered_in_full(looking: tuple[Looking, Camera]) -> None:
    cockpit, _ = looking
    offers_parameters(cockpit.world, "bridge_node")
    assert cockpit.world.spin_until(lambda: cockpit.operator.abilities.simulates)
    cockpit.operator.choose("seed", 1234567.0, cockpit.answer)
    assert cockpit.answered() == (True, "seed is 1234567")


def test_pausing_stops_the_robot_and_what_nobody_serves_is_said_at_once(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        policy = Policy(world, checkpoint.contract, tmp_path)
        cockpit = Looking(world, checkpoint.path)
        try:
            assert policy.keep_alive_until(lambda: len(policy.commands) > 5, [0.5, 0.0, 0.0]), world.outputs()
            assert policy.keep_alive_until(lambda: cockpit.operator.abilities.moves, [0.5, 0.0, 0.0])
            assert policy.keep_alive_until(lambda: cockpit.activity == "following", [0.5, 0.0, 0.0])
            cockpit.operator.ask("pause", cockpit.answer)
            assert policy.keep_alive_until(lambda: cockpit.activity == "paused", [0.5, 0.0, 0.0]), world.outputs()
            granted, line = cockpit.answered()
            assert granted
            assert line.startswith("paused: ")
            sent = len(policy.commands)
            world.spin_for(0.5)
            assert all(command[0] == 0.0 for command in policy.commands[sent:])

            in_a_dry_run = world.node.create_publisher(Heartbeat, "policy_node/heartbeat", 1)
            assert world.spin_until(lambda: in_a_dry_run.get_subscription_count() > 0)
            for beats in (policy.heartbeat, in_a_dry_run):
                beats.publish(Heartbeat(refusal="the camera is silent"))
                assert world.spin_until(lambda: cockpit.view.snapshot().status.refusal == "the camera is silent")
                assert world.spin_until(lambda: cockpit.view.snapshot().status.refusal == "")  # nobody says so any more

            cockpit.operator.ask("record", cockpit.answer)
            assert cockpit.answered() == (
                False,
                "recorder_node offers no ~/start now; it is not running",
            )
            cockpit.operator.ask("dance", cockpit.answer)
            assert cockpit.answered() == (False, "nobody knows the request 'dance'")
        finally:
            cockpit.view.close()


def test_a_node_is_gone_within_a_second_of_its_last_word(tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        state = GetState.Response()
        state.current_state.label = "active"
        service = world.node.create_service(GetState, "policy_node/get_state", lambda request, response: state)
        now = [0.0]
        watch = NodeWatch(world.node, "policy_node", quiet_s=0.3, now=lambda: now[0])
        assert watch.state == ""

        def known() -> bool:
            watch.poll()
            return watch.state == "active"

        assert world.spin_until(known)
        silent_since = now[0]
        while watch.state == "active":  # the service is there, and nobody answers
            now[0] += 0.05
            watch.poll()
        assert watch.state == GONE
        assert now[0] - silent_since < 1.0
        watch.heard()
        assert world.spin_until(known)

        dead_since = now[0]
        while watch.state == "active" and now[0] - dead_since < 60.0:  # somebody else speaks in its place
            now[0] += 0.02
            watch.heard()
            watch.poll()
        assert watch.state == GONE
        assert now[0] - dead_since < 1.5

        world.node.destroy_service(service)


def test_an_operators_heartbeat_hides_no_refusal_of_the_policy(looking: tuple[Looking, Camera]) -> None:
    cockpit, _ = looking
    own, operators = (cockpit.world.node.create_publisher(Heartbeat, f"{space}heartbeat", 1) for space in SPACES)
    assert cockpit.world.spin_until(lambda: own.get_subscription_count() and operators.get_subscription_count())
    own.publish(Heartbeat(refusal="the camera is silent"))
    assert cockpit.world.spin_until(lambda: cockpit.view.snapshot().status.refusal == "the camera is silent")
    for _ in range(10):
        own.publish(Heartbeat(refusal="the camera is silent"))
        operators.publish(Heartbeat())
        cockpit.world.spin_for(0.02)
        assert cockpit.view.snapshot().status.refusal == "the camera is silent"


def test_a_recorder_that_has_died_records_no_more(looking: tuple[Looking, Camera]) -> None:
    cockpit, _ = looking
    latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    recorder = cockpit.world.node.create_publisher(EpisodeEvent, "recorder_node/episode_event", latched)
    recorder.publish(EpisodeEvent(event=EpisodeEvent.START))
    assert cockpit.world.spin_until(lambda: cockpit.view.snapshot().recording)
    cockpit.world.spin_for(0.2)
    assert cockpit.view.snapshot().recording
    cockpit.world.node.destroy_publisher(recorder)
    assert cockpit.world.spin_until(lambda: not cockpit.view.snapshot().recording)


def test_an_answer_that_a_transition_has_overtaken_is_not_believed(tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        transitions = world.node.create_publisher(TransitionEvent, "policy_node/transition_event", 10)
        answered: list[str] = []

        def answer(request: GetState.Request, response: GetState.Response) -> GetState.Response:
            event = TransitionEvent()
            event.goal_state.label, response.current_state.label = "active", "inactive"
            transitions.publish(event)
            time.sleep(0.05)  # it arrives first
            answered.append("inactive")
            return response

        service = world.node.create_service(GetState, "policy_node/get_state", answer)
        watch = NodeWatch(world.node, "policy_node", quiet_s=60.0)
        assert world.spin_until(lambda: bool(transitions.get_subscription_count()))
        watch.heard()

        def polled() -> bool:
            watch.poll()
            return False

        assert not world.spin_until(polled, 0.4)
        assert answered == ["inactive"]
        assert watch.state == "active"
        world.node.destroy_service(service)


def test_the_deadman_is_published_while_it_is_held(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with graph(tmp_path) as world:
        cockpit = Looking(world, checkpoint.path)
        try:
            felt = threading.Semaphore(0)
            world.node.create_subscription(Empty, "command_node/deadman", lambda message: felt.release(), 10)

            def held() -> bool:
                cockpit.operator.hold_to_run(True)
                return felt.acquire(blocking=False)

            assert world.spin_until(held)
            world.spin_for(0.2)
            while felt.acquire(blocking=False):
                pass
            cockpit.operator.hold_to_run(False)
            world.spin_for(0.3)
            assert not felt.acquire(blocking=False)
        finally:
            cockpit.view.close()


def test_what_is_seen_is_published_for_whoever_listens(tmp_path: Path) -> None:
    contract = small_contract()
    cloud = np.random.default_rng(0).uniform(0, 1, (32, 3)).astype(np.float32)
    snapshot = Snapshot(0.0, cloud=cloud, crop=Box(np.zeros(3), np.ones(3)))
    with graph(tmp_path) as world:
        publisher = VisualPublisher(world.node, contract)
        publisher.show(snapshot)
        clouds: list[PointCloud2] = []
        world.node.create_subscription(PointCloud2, CLOUD, clouds.append, 1)

        def heard() -> bool:
            publisher.show(snapshot)
            return bool(clouds)

        assert world.spin_until(heard)
        np.testing.assert_array_equal(xyz_points(clouds[0]), cloud)
        assert clouds[0].header.frame_id == contract.action.base_frame
