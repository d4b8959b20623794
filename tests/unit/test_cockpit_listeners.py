"""What the cockpit makes of single messages, sound ones and garbage: of each kind of garbage one line, as long as it
lasts."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TransformStamped
from helpers.contracts import small_contract
from helpers.heard_node import HeardNode
from helpers.motion import pose_contract
from sdm_cockpit.graph.chunk_listener import ChunkListener
from sdm_cockpit.graph.diagnostics_listener import DiagnosticsListener
from sdm_cockpit.graph.frame_tree import FrameTree
from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.graph.progress_listener import ProgressListener
from sdm_cockpit.graph.robot_description_listener import RobotDescriptionListener
from sdm_cockpit.graph.scene_listener import SceneListener
from sdm_cockpit.graph.tool_listener import ToolListener
from sdm_cockpit.graph.trace_listener import TraceListener
from sdm_cockpit.snapshot import Episode
from sdm_cockpit.tool_path import ToolPath
from sdm_core.action_chunk import ActionChunk
from sdm_core.contract import Contract
from sdm_interfaces.msg import EpisodeEvent, PolicyTrace
from sdm_policy_node.chunk_message import to_chunk_message
from sdm_policy_node.time_stamps import to_message
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

SECOND = 1_000_000_000
TURNED = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))
"""A quarter turn about z."""


class Clock:
    """A steady clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node() -> HeardNode:
    return HeardNode()


@pytest.fixture
def problems() -> Problems:
    return Problems()


# --- problems


def test_a_problem_is_one_line_that_ends_when_its_source_is_well_or_silent() -> None:
    clock = Clock()
    problems = Problems(clock)
    with problems.of("cloud"):
        raise ValueError("all of it is NaN\nand more")
    with problems.of("tf"):
        raise KeyError
    assert problems.lines() == ("cloud: all of it is NaN", "tf: KeyError")
    with problems.of("cloud"):
        pass
    assert problems.lines() == ("tf: KeyError",)
    clock.now += 10.0
    assert problems.lines() == ()


# --- chunks


def listen_to_chunks(node: Any, contract: Contract, problems: Problems) -> tuple[ChunkListener, ToolListener]:
    path = ToolPath(contract)
    tool = ToolListener(node, contract, path, problems, 0.0)
    return ChunkListener(node, contract, path, tool, problems), tool


def chunk_of(contract: Contract, targets: np.ndarray, stamp_ns: int = 50 * SECOND) -> ActionChunk:
    return ActionChunk(stamp_ns, contract.dt_ns, targets, sequence=3)


def test_a_chunk_of_poses_is_a_path_of_which_the_followed_part_is_executed(node: Any, problems: Problems) -> None:
    contract = pose_contract()
    chunks, _ = listen_to_chunks(node, contract, problems)
    targets = np.tile([0.1, 0.0, 0.2, 0, 0, 0, 1, 0], (8, 1))
    targets[:, 0] += np.arange(8) / 100
    chunk = chunk_of(contract, targets)
    say_where_the_tool_is(node, contract)
    node.tell("/action_chunk", to_chunk_message(chunk, contract))
    (plan,) = chunks.plans(chunk.stamp_ns + 3 * contract.dt_ns, followed_ns=chunk.stamp_ns)
    assert plan.path is not None
    np.testing.assert_allclose(plan.path, targets[:, :3])
    assert (plan.sequence, plan.executed) == (3, 4)
    (waiting,) = chunks.plans(chunk.stamp_ns + 3 * contract.dt_ns, followed_ns=0)
    assert waiting.executed == 0
    assert chunks.plans(chunk.end_ns + 2 * SECOND, followed_ns=chunk.stamp_ns) == ()
    assert problems.lines() == ()


def test_steps_lead_from_where_the_tool_is_and_joints_nowhere(node: Any, problems: Problems) -> None:
    contract = small_contract()
    entries = (
        *(contract.action.entries[index].model_copy(update={"unit": "10 mm per step"}) for index in (0, 1)),
        contract.action.entries[2],
    )
    contract = contract.model_copy(update={"action": contract.action.model_copy(update={"entries": entries})})
    chunks, tool = listen_to_chunks(node, contract, problems)
    chunk = chunk_of(contract, np.tile([1.0, 0.0, 0.0], (4, 1)))
    node.tell("/action_chunk", to_chunk_message(chunk, contract))
    (plan,) = chunks.plans(chunk.stamp_ns, chunk.stamp_ns)
    assert plan.path is None
    joints = JointState(name=list(contract.state_names), position=[0.5, 0.0, 0.1, 0.0])
    node.tell("/joint_states", joints)
    assert tool.pose is not None
    node.tell("/action_chunk", to_chunk_message(chunk, contract))
    (plan,) = chunks.plans(chunk.stamp_ns, chunk.stamp_ns)
    assert plan.path is not None
    np.testing.assert_allclose(plan.path[:, 0], [0.51, 0.52, 0.53, 0.54])


def test_a_chunk_of_another_contract_is_a_line_until_one_fits(node: Any, problems: Problems) -> None:
    contract = pose_contract()
    chunks, _ = listen_to_chunks(node, contract, problems)
    message = to_chunk_message(chunk_of(contract, np.zeros((8, 8))), contract)
    message.task = "another"
    node.tell("/action_chunk", message)
    assert "task 'another'" in problems.lines()[0]
    assert chunks.plans(50 * SECOND, 0) == ()
    message.task = contract.task
    node.tell("/action_chunk", message)
    assert problems.lines() == ()


# --- the tool


def say_where_the_tool_is(node: Any, contract: Contract, x: float = 0.3, stamp_ns: int = SECOND) -> None:
    pose = PoseStamped()
    pose.header.frame_id, pose.header.stamp = contract.action.base_frame, to_message(stamp_ns)
    pose.pose.position.x, pose.pose.orientation.w = x, 1.0
    node.tell("/current_pose", pose)


def test_the_tool_is_where_the_policys_state_says(node: Any, problems: Problems) -> None:
    contract = pose_contract()
    _, tool = listen_to_chunks(node, contract, problems)
    assert tool.pose is None
    say_where_the_tool_is(node, contract)
    assert tool.pose is not None
    assert tool.pose.position.tolist() == [0.3, 0.0, 0.0]
    say_where_the_tool_is(node, contract, x=float("nan"), stamp_ns=2 * SECOND)
    assert "current_pose has the position [nan, 0.0, 0.0]" in problems.lines()[0]
    say_where_the_tool_is(node, contract, x=0.4, stamp_ns=3 * SECOND)
    assert (problems.lines(), tool.pose.position[0]) == ((), 0.4)


# --- traces


def trace(node: Any, publisher: str, age_ms: float = 20.0, **fields: Any) -> None:
    message = PolicyTrace(**fields)
    message.header.stamp = to_message(50 * SECOND)
    message.observation_stamp = to_message(50 * SECOND - int(age_ms * 1e6))
    node.tell(f"/{publisher}/trace", message)


def test_timing_is_that_of_whoever_gives_the_commands(node: Any) -> None:
    clock = Clock()
    traces = TraceListener(node, deadline_ms=50.0, now=clock)
    assert traces.timing(None) is None
    for _ in range(10):
        trace(node, "policy_node", commands=4, loop_ms=7.0)
    inline = traces.timing(None)
    assert inline is not None
    assert (inline.loop_ms, inline.control_hz, inline.deadline_ms) == (7.0, 20.0, 50.0)
    assert traces.commands_inline
    trace(node, "command_node", age_ms=30.0, loop_ms=9.0)  # a dry run's
    assert traces.followed_ns == 0
    trace(node, "command_node", age_ms=30.0, commands=1, loop_ms=9.0)
    assert traces.followed_ns == 50 * SECOND - 30_000_000
    trace(node, "policy_node", commands=0, loop_ms=1.0)
    streamed = traces.timing(99.0)
    assert streamed is not None
    assert (streamed.loop_ms, streamed.control_hz) == (9.0, 99.0)
    assert streamed.observation_age_ms == pytest.approx(30.0)
    clock.now += 5.0
    assert traces.timing(99.0) is None


def test_a_clamp_shows_as_long_as_it_lasts(node: Any) -> None:
    clock = Clock()
    traces = TraceListener(node, deadline_ms=50.0, now=clock)
    trace(node, "command_node", interventions=["velocity"])
    trace(node, "command_node", interventions=["position", "velocity"])
    assert traces.clamps() == ("position", "velocity")
    clock.now += 0.5
    assert traces.clamps() == ("position", "velocity")  # nothing was traced: nothing has changed
    trace(node, "command_node", interventions=[])
    assert traces.clamps() == ()
    trace(node, "command_node", interventions=["jerk"])
    clock.now += 5.0
    assert (traces.clamps(), traces.clamps()) == (("jerk",), ())


# --- command_node's own words


def test_diagnostics_tell_activity_rate_and_fault_until_they_are_old(node: Any, problems: Problems) -> None:
    clock, spoken = Clock(), []
    diagnostics = DiagnosticsListener(node, problems, lambda: spoken.append(clock.now), clock)
    values = [KeyValue(key="activity", value="paused"), KeyValue(key="rate (Hz)", value="99.5")]
    status = DiagnosticStatus(name="command_node: commands", level=DiagnosticStatus.WARN, values=values)
    others = DiagnosticStatus(name="camera: frames", level=DiagnosticStatus.ERROR, message="no camera")
    node.tell("/diagnostics", DiagnosticArray(status=[others, status]))
    assert (diagnostics.activity, diagnostics.rate_hz, diagnostics.fault) == ("paused", 99.5, "")
    assert spoken == [100.0]
    values.append(KeyValue(key="latched fault", value="another publisher"))
    node.tell("/diagnostics", DiagnosticArray(status=[status]))
    assert diagnostics.fault == "another publisher"
    assert not diagnostics.dry_run
    values.append(KeyValue(key="dry run", value="True"))
    node.tell("/diagnostics", DiagnosticArray(status=[status]))
    assert diagnostics.dry_run
    clock.now += 10.0
    assert (diagnostics.activity, diagnostics.rate_hz, diagnostics.fault) == ("", None, "")


# --- frames


def link(parent: str, child: str, x: float, turn: Any = (0, 0, 0, 1)) -> TransformStamped:
    transform = TransformStamped(child_frame_id=child)
    transform.header.frame_id = parent
    transform.transform.translation.x = float(x)
    rotation = transform.transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = (float(part) for part in turn)
    return transform


def test_frames_are_chained_to_the_base_and_the_newest_pose_counts(node: Any, problems: Problems) -> None:
    tree = FrameTree(node, problems)
    node.tell("/tf_static", TFMessage(transforms=[link("world", "base", 1.0, TURNED)]))
    node.tell("/tf", TFMessage(transforms=[link("world", "cube", 3.0), link("cube", "handle", 1.0)]))
    found, missing = tree.poses("base", ["handle", "base", "elsewhere"])
    assert missing == ("elsewhere",)
    np.testing.assert_allclose(found["handle"].position, [0.0, -3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["base"].quaternion, [0, 0, 0, 1], atol=1e-12)
    node.tell("/tf", TFMessage(transforms=[link("world", "cube", 2.0)]))  # whatever its stamp
    np.testing.assert_allclose(tree.poses("base", ["handle"])[0]["handle"].position, [0.0, -2.0, 0.0], atol=1e-12)


def test_a_loop_of_frames_and_a_pose_that_is_none_do_no_harm(node: Any, problems: Problems) -> None:
    tree = FrameTree(node, problems)
    node.tell("/tf", TFMessage(transforms=[link("a", "b", 1.0), link("b", "a", 1.0)]))
    tree.poses("world", ["a", "b"])
    node.tell("/tf", TFMessage(transforms=[link("world", "cube", float("nan"))]))
    assert "the pose of 'cube'" in problems.lines()[0]
    assert tree.poses("world", ["cube"]) == ({}, ("cube",))


# --- shapes


def marker(number: int, kind: int, frame: str = "scene/cube", **fields: Any) -> Marker:
    made = Marker(ns="geoms", id=number, type=kind, action=Marker.ADD, **fields)
    made.header.frame_id = frame
    made.pose.orientation.w = 1.0
    made.scale.x, made.scale.y, made.scale.z = 0.1, 0.2, 0.3
    made.color.r, made.color.a = 1.0, 1.0
    return made


def test_markers_are_shapes_in_their_frames(node: Any, problems: Problems, tmp_path: Path) -> None:
    mesh = tmp_path / "a cup.stl"
    mesh.write_bytes(b"solid")
    scene = SceneListener(node, problems, count(1))
    assert scene.newest == (0, ())
    markers = [marker(0, Marker.CUBE), marker(1, Marker.MESH_RESOURCE, mesh_resource=mesh.as_uri())]
    node.tell("/scene", MarkerArray(markers=[*markers, marker(2, Marker.TEXT_VIEW_FACING)]))
    version, (cube, cup) = scene.newest
    assert (version, cube.kind, cube.frame, cube.size.tolist()) == (1, "box", "scene/cube", [0.1, 0.2, 0.3])
    assert (cup.kind, cup.mesh, cup.colour) == ("mesh", str(mesh), (1.0, 0.0, 0.0, 1.0))
    node.tell("/scene", MarkerArray(markers=[Marker(action=Marker.DELETEALL), marker(5, Marker.SPHERE)]))
    version, (sphere,) = scene.newest
    assert (version, sphere.kind, problems.lines()) == (2, "sphere", ())


def test_what_cannot_be_drawn_is_left_out_and_said(node: Any, problems: Problems) -> None:
    scene = SceneListener(node, problems, count(1))
    lost = marker(1, Marker.MESH_RESOURCE, mesh_resource="file:///nowhere/arm.stl")
    node.tell("/scene", MarkerArray(markers=[marker(0, Marker.CUBE), lost]))
    assert len(scene.newest[1]) == 1
    assert problems.lines() == ("scene: 1 of 2 shapes are left out: no mesh file /nowhere/arm.stl",)
    nowhere = marker(2, Marker.CUBE)
    nowhere.pose.position.x = float("inf")
    node.tell("/scene", MarkerArray(markers=[nowhere]))
    assert "'geoms/2' has the pose" in problems.lines()[0]
    node.tell("/scene", MarkerArray(markers=[marker(0, Marker.CYLINDER)]))
    assert problems.lines() == ()


URDF = """<robot name="arm">
  <material name="blue"><color rgba="0 0 1 1"/></material>
  <link name="base"><visual><origin xyz="0 0 0.1" rpy="0 0 1.5707963"/><geometry><box size="1 2 3"/></geometry>
    <material name="blue"/></visual></link>
  <link name="hand"><visual><geometry><cylinder radius="0.1" length="0.4"/></geometry></visual>
    <visual><geometry><mesh filename="package://not_there/hand.stl"/></geometry></visual></link>
</robot>"""


def test_a_real_arm_is_drawn_from_its_description(node: Any, problems: Problems) -> None:
    robot = RobotDescriptionListener(node, problems, count(1))
    node.tell("/robot_description", String(data=URDF))
    version, (box, cylinder) = robot.newest
    assert (version, box.frame, box.colour, box.size.tolist()) == (1, "base", (0, 0, 1, 1), [1, 2, 3])
    np.testing.assert_allclose(box.pose.quaternion, TURNED, atol=1e-7)
    assert (cylinder.frame, cylinder.size.tolist()) == ("hand", [0.2, 0.2, 0.4])
    assert "1 shapes are left out" in problems.lines()[0]
    assert "install not_there" in problems.lines()[0]


@pytest.mark.parametrize("text", ["no robot", "<robot><link name='a'><visual><geometry><box size='1'/></geometry>"])
def test_a_description_that_is_none_is_a_line(node: Any, problems: Problems, text: str) -> None:
    RobotDescriptionListener(node, problems, count(1))
    node.tell("/robot_description", String(data=text))
    assert "robot_description: not XML" in problems.lines()[0]


# --- episodes


def test_progress_and_recording_are_told(node: Any, problems: Problems) -> None:
    progress = ProgressListener(node, problems)
    told = {"task": "a/b", "episode": 3, "of": 10, "seed": 7, "step": 12, "successes": 1, "mode": "realtime"}
    told |= {"real_time_factor": 0.5, "latency_ms": 20.0}
    node.tell("/bridge_node/progress", String(data=json.dumps(told)))
    assert progress.episode == Episode("a/b", 3, 10, 7, 12, 2, 1, "realtime", 0.5, 20.0)
    for garbage in ("{", "[]", '{"episode": null}'):
        node.tell("/bridge_node/progress", String(data=garbage))
        assert problems.lines()[0].startswith("progress: ")
    node.tell("/bridge_node/progress", String(data=json.dumps(told)))
    assert problems.lines() == ()
    for event, recording in ((EpisodeEvent.START, True), (EpisodeEvent.LABEL, True), (EpisodeEvent.KEEP, False)):
        node.tell("/recorder_node/episode_event", EpisodeEvent(event=event))
        assert progress.recording is recording
