"""Each sink says what its receiver understands; its stop is what that receiver stops by."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from helpers.graph import Graph, graph
from helpers.motion import POSE_AT_REST, joint_contract, pose_contract, rate_contract
from moveit_msgs.srv import ServoCommandType
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import ContractError
from sdm_policy_node.optional_interfaces import optional_interfaces
from sdm_policy_node.recording.command_listener import listen_to_commands
from sdm_policy_node.sinks import servo_sink
from sdm_policy_node.sinks.command_sink import CommandSink, PathSink, PreparedSink
from sdm_policy_node.sinks.command_sinks import COMMAND_SINKS, command_sink
from sdm_policy_node.teleop.jog import Jog, Speeds
from std_msgs.msg import Float64, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

TWIST = ("vx", "vy", "vz", "wx", "wy", "wz")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Wire:
    """A sink, and what arrives on the other side."""

    def __init__(self, world: Graph, sink: str, contract: Contract, topic: str, kind: type) -> None:
        self.world = world
        self.received: list[Any] = []
        world.node.create_subscription(kind, topic, self.received.append, 100)
        self.sink: CommandSink = command_sink(sink)(world.node, contract, depth=100)
        assert self.sink.topics[0] == f"/{topic}"

    def send(self, *commands: Any, held: bool = False) -> list[Any]:
        """Publishes the commands; gives all that has arrived once they have."""
        before = len(self.received)
        for command in commands:
            stamp = self.world.node.get_clock().now().to_msg()
            self.sink.publish_gripper(np.asarray(command, np.float64), held)
            self.sink.publish(np.asarray(command, np.float64), stamp)
        assert self.world.spin_until(lambda: len(self.received) == before + len(commands))
        return self.received


def obstacle(wire: Wire) -> str:
    assert isinstance(wire.sink, PreparedSink)
    return wire.sink.obstacle()


def moved_and_stopped(contract: Contract, target: list[float], start: np.ndarray | None = None) -> list[np.ndarray]:
    """Commands of a pipeline that follows a constant target, and then stops until it stands."""
    pipeline = CommandPipeline(contract)
    pipeline.reset(start)
    pipeline.add(ActionChunk(0, contract.dt_ns, np.tile(target, (contract.horizon, 1)), 0))
    commands = [pipeline.tick(step * contract.dt_ns).command for step in range(contract.horizon)]
    while not pipeline.at_rest:
        commands.append(pipeline.hold("test").command)
    commands.append(pipeline.hold("test").command)
    return [command for command in commands if command is not None]


def test_a_sink_takes_its_kind_of_action_only(world):
    kinds = {
        "native": joint_contract(),
        "pose": pose_contract(),
        "servo_pose": pose_contract(),
        "servo_twist": rate_contract("twist", TWIST),
        "twist": rate_contract("twist", TWIST),
        "trajectory": joint_contract(),
        "forward_position": joint_contract(),
        "forward_velocity": rate_contract("joint_velocity"),
    }
    assert set(kinds) == set(COMMAND_SINKS)
    for sink, fitting in kinds.items():
        for contract in (pose_contract(), joint_contract(), rate_contract("twist", TWIST), rate_contract()):
            if contract.action.kind == fitting.action.kind:
                command_sink(sink)(world.node, contract, depth=1).close()
            else:
                with pytest.raises(ContractError, match=f"sink '{sink}' takes"):
                    command_sink(sink)(world.node, contract, depth=1)


@pytest.mark.parametrize(
    ("sink", "contract", "extra"),
    [
        (sink, contract, extra)
        for sinks, contract, extras in (
            (("pose", "servo_pose"), pose_contract(), ("lift", "left.x", "left.gripper")),
            (("twist", "servo_twist"), rate_contract("twist", TWIST), ("lift", "left.vx")),
        )
        for sink in sinks
        for extra in extras
    ],
)
def test_an_entry_that_would_never_be_sent_is_refused(world, sink, contract, extra):
    with pytest.raises(ContractError, match=rf"sink '{sink}' takes .*'{extra.rsplit('.')[-1]}'\]"):
        command_sink(sink)(world.node, with_entry(contract, extra), depth=1)


def test_a_second_gripper_that_would_never_be_told_is_refused(world):
    one = with_entry(joint_contract(), "left.gripper")
    for sink in ("forward_position", "trajectory"):
        command_sink(sink)(world.node, one, depth=1).close()
        with pytest.raises(ContractError, match=r"'gripper_command' is one gripper's; .*left\.gripper, right\.gripper"):
            command_sink(sink)(world.node, with_entry(one, "right.gripper"), depth=1)


def test_such_an_entry_is_neither_recorded_nor_teleoperated(world):
    contract = with_entry(pose_contract(), "lift")
    with pytest.raises(ContractError, match=r"sink 'pose' records x, y, z, a quaternion and gripper alone, .*'lift'\]"):
        listen_to_commands(world.node, "pose", contract, ignore, ignore, ignore)
    with pytest.raises(ContractError, match=r"teleoperation commands .*'lift'\]"):
        Jog(contract, Speeds(linear=0.1, angular=0.5))


def with_entry(contract: Contract, name: str) -> Contract:
    """With one more entry of the action."""
    action = contract.action
    entries = (*action.entries, ActionEntry(name=name, unit="m", low=0, high=1))
    return contract.model_copy(
        update={"action": action.model_copy(update={"entries": entries, "hold": (*action.hold, 0.0)})}
    )


def ignore(*_: object) -> None:
    """Whatever it hears."""


def test_a_message_package_that_is_not_there_is_named():
    with pytest.raises(ContractError, match=r"sink 'x' needs absent_msgs, .*install ros-\$ROS_DISTRO-absent-msgs"):
        optional_interfaces("absent_msgs.srv", "sink 'x'")


def test_a_message_package_that_cannot_be_loaded_or_is_too_old_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_msgs.py").write_text("raise ImportError('undefined symbol')")
    (tmp_path / "older_msgs.py").write_text("Other = None")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ContractError, match=r"sink 'x' needs broken_msgs, which cannot be loaded: undefined symbol"):
        optional_interfaces("broken_msgs", "sink 'x'")
    with pytest.raises(ContractError, match=r"sink 'x' needs Wanted of older_msgs, which this release lacks"):
        optional_interfaces("older_msgs", "sink 'x'", "Other", "Wanted")


# --- poses and twists


def test_a_twist_is_given_in_the_base_frame_and_stops_at_zero(world):
    contract = rate_contract("twist", TWIST)
    wire = Wire(world, "twist", contract, "target_twist", TwistStamped)
    stream = moved_and_stopped(contract, [0.2, -0.1, 0.0, 0.0, 0.0, 0.3])
    received = wire.send(*stream)
    assert max(message.twist.linear.x for message in received) > 0.05
    assert {message.header.frame_id for message in received} == {"base"}
    last = received[-1].twist
    assert (last.linear.x, last.linear.y, last.linear.z) == (0.0, 0.0, 0.0)
    assert (last.angular.x, last.angular.y, last.angular.z) == (0.0, 0.0, 0.0)


def test_axes_that_a_twist_lacks_stay_at_zero(world):
    wire = Wire(world, "twist", rate_contract("twist", ("vz", "wy")), "target_twist", TwistStamped)
    twist = wire.send([0.25, -0.5])[-1].twist
    assert (twist.linear.x, twist.linear.y, twist.linear.z) == (0.0, 0.0, 0.25)
    assert (twist.angular.x, twist.angular.y, twist.angular.z) == (0.0, -0.5, 0.0)


def test_a_rate_that_the_contract_holds_at_speed_is_refused(world):
    contract = rate_contract("twist", ("vx",))
    action = contract.action.model_copy(update={"hold": (0.1,)})
    with pytest.raises(ContractError, match=r"holds vx at 0\.1; a stop must be 0"):
        command_sink("twist")(world.node, contract.model_copy(update={"action": action}), depth=1)


@pytest.mark.parametrize(
    ("sink", "contract", "topic", "kind", "command_type", "command"),
    [
        (
            "servo_pose",
            pose_contract(),
            "servo_node/pose_target_cmds",
            PoseStamped,
            ServoCommandType.Request.POSE,
            POSE_AT_REST,
        ),
        (
            "servo_twist",
            rate_contract("twist", TWIST),
            "servo_node/delta_twist_cmds",
            TwistStamped,
            ServoCommandType.Request.TWIST,
            np.zeros(6),
        ),
    ],
)
def test_servo_is_told_the_command_type_before_anything_is_followed(
    world, sink, contract, topic, kind, command_type, command
):
    wire = Wire(world, sink, contract, topic, kind)
    assert "no service /servo_node/switch_command_type; start MoveIt Servo" in obstacle(wire)
    asked: list[int] = []

    def switch(request, response):
        asked.append(request.command_type)
        response.success = len(asked) > 1
        return response

    servo = wire.sink
    assert isinstance(servo, PreparedSink)
    service = world.node.create_service(ServoCommandType, "servo_node/switch_command_type", switch)
    assert world.spin_until(servo.present)
    assert world.spin_until(lambda: "refused command type" in obstacle(wire))
    assert world.spin_until(lambda: obstacle(wire) == "")
    assert asked == [command_type, command_type]
    assert wire.send(command)[-1].header.frame_id == "base"
    assert "was asked for command type" in obstacle(wire)  # somebody may have switched it since
    assert world.spin_until(lambda: obstacle(wire) == "")
    assert asked == [command_type] * 3
    now = world.node.get_clock().now().nanoseconds
    stamp = wire.received[-1].header.stamp
    assert abs(now - stamp.sec * 10**9 - stamp.nanosec) < 5 * 10**9  # Servo judges its age
    world.node.destroy_service(service)
    assert world.spin_until(lambda: not servo.present())


def test_a_servo_that_does_not_answer_is_asked_again(world, monkeypatch):
    asked: list[int] = []

    async def switch(request, response):
        asked.append(request.command_type)
        if len(asked) == 1:
            await Future()  # it dies over this one
        response.success = True
        return response

    service = world.node.create_service(
        ServoCommandType, servo_sink.SERVICE, switch, callback_group=ReentrantCallbackGroup()
    )
    wire = Wire(world, "servo_pose", pose_contract(), servo_sink.POSE_TOPIC, PoseStamped)
    assert world.spin_until(lambda: (obstacle(wire), asked)[1] != [])
    monkeypatch.setattr(servo_sink, "_PATIENCE_S", 0.0)
    assert "has not answered for 0 s; start MoveIt Servo anew where that goes on" in obstacle(wire)
    monkeypatch.undo()
    assert world.spin_until(lambda: obstacle(wire) == "", timeout_s=servo_sink._PATIENCE_S + 20)
    assert len(asked) >= 2
    monkeypatch.setattr(servo_sink, "_FRESH_S", 0.0)
    assert "just now; try again" in obstacle(wire)  # nothing has moved since it agreed: it may have been switched
    world.node.destroy_service(service)


def test_the_stop_of_a_pose_is_the_last_pose_repeated(world):
    contract = pose_contract()
    wire = Wire(world, "servo_pose", contract, "servo_node/pose_target_cmds", PoseStamped)
    received = wire.send(*moved_and_stopped(contract, [0.2, 0, 0, 0, 0, 0, 1, 0], POSE_AT_REST))
    assert received[-1].pose == received[-2].pose
    assert received[-1].pose.position.x > 0.01


# --- joints


def test_joint_groups_get_the_joints_in_the_contracts_order_without_the_gripper(world):
    contract = joint_contract(2, gripper=True)
    grips: list[float] = []
    world.node.create_subscription(Float64, "gripper_command", lambda message: grips.append(message.data), 10)
    wire = Wire(world, "forward_position", contract, "joint_group_commands", Float64MultiArray)
    wire.send([0.1, -0.2, 1.0], held=True)
    assert list(wire.received[-1].data) == [0.1, -0.2]
    wire.send([0.1, -0.2, 0.5])
    assert world.spin_until(lambda: bool(grips))
    assert grips == [0.5]  # and nothing before a policy's first command


def test_the_stop_of_joint_velocities_is_zero_repeated(world):
    contract = rate_contract("joint_velocity")
    wire = Wire(world, "forward_velocity", contract, "joint_group_commands", Float64MultiArray)
    stream = moved_and_stopped(contract, [0.4, -0.4])
    received = [list(message.data) for message in wire.send(*stream)]
    assert max(command[0] for command in received) > 0.1
    assert received[-2:] == [[0.0, 0.0], [0.0, 0.0]]
    changes = np.abs(np.diff(received, axis=0)).max()
    assert changes <= 2.0 * contract.dt * (1 + 1e-6)  # it is braked, not cut off


def test_a_trajectory_is_the_whole_chunk_from_now_on_and_ends_standing(world):
    contract = joint_contract(2)
    wire = Wire(world, "trajectory", contract, "joint_trajectory", JointTrajectory)
    pipeline = CommandPipeline(contract)
    pipeline.reset(np.zeros(2))
    ramp = np.outer(np.arange(contract.horizon), [0.002, -0.001])
    pipeline.add(ActionChunk(0, contract.dt_ns, ramp, 0))
    path = np.array([row.decision.command for row in pipeline.path(0)])
    assert isinstance(wire.sink, PathSink)
    wire.sink.publish_path(PlannedPath(np.zeros(2), path, 0.7 * contract.dt, contract.dt))
    assert world.spin_until(lambda: bool(wire.received))
    trajectory = wire.received[-1]
    assert trajectory.joint_names == ["joint0", "joint1"]
    assert (trajectory.header.stamp.sec, trajectory.header.stamp.nanosec) == (0, 0)
    times = [point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in trajectory.points]
    assert times == pytest.approx(contract.dt * (0.7 + np.arange(len(path))))
    assert len(times) > contract.horizon
    assert [list(point.positions) for point in trajectory.points] == path.tolist()
    assert list(trajectory.points[-1].velocities) == [0.0, 0.0]
    speeds = np.array([point.velocities for point in trajectory.points])
    assert np.abs(speeds).max() <= 1.5
    followed = [pipeline.tick(step * contract.dt_ns).command for step in range(contract.horizon)]
    assert path[: contract.horizon].tolist() == [command.tolist() for command in followed]


def test_the_stop_of_a_trajectory_leads_to_rest_and_is_the_present_position_where_nothing_moves(world):
    contract = joint_contract(2)
    pipeline = CommandPipeline(contract)
    pipeline.reset(np.array([0.3, -0.3]))
    assert [row.decision.command.tolist() for row in pipeline.path(0)] == [[0.3, -0.3]]
    pipeline.add(ActionChunk(0, contract.dt_ns, np.tile([0.5, 0.0], (contract.horizon, 1)), 0))
    moving = [pipeline.tick(step * contract.dt_ns).command for step in range(contract.horizon)]
    first = pipeline.hold("test").command
    path = [row.decision.command for row in pipeline.path(contract.horizon * contract.dt_ns)]
    assert first[0] > moving[-1][0]
    assert path[-1].tolist() == path[-2].tolist()
    assert 0.3 < path[-1][0] < 0.5
