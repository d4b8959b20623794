"""command_node beside its policy: what a robot, an operator or a signal does to the motion, and where it goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from franka_msgs.action import ErrorRecovery, Grasp, Move
from geometry_msgs.msg import PoseStamped
from helpers.fake_policy import Policy, interventions
from helpers.fake_robot import FakeRobot
from helpers.graph import Graph, graph
from helpers.motion import joint_contract, pose_contract, rate_contract
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import GetState
from moveit_msgs.srv import ServoCommandType
from rclpy.action import ActionServer
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Empty, Float64, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

# Chunks and time-outs as long as a test's process may be kept waiting: what is lost only to that is not lost.
CONTRACT = pose_contract().model_copy(update={"horizon": 100})
RATE_HZ = 25.0
PATIENT = {"rate_hz": RATE_HZ, "chunk_timeout_s": 1.0, "heartbeat_timeout_s": 1.0, "state_timeout_s": 1.0}
STAND = [0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 1.0]
GOAL = [-0.4, -0.1, 0.2, 0.0, 0.0, 0.0, 1.0, 1.0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Arm:
    """An arm that is where it was last told to be, or else where it is put."""

    def __init__(self, world: Graph, policy: Policy) -> None:
        self.world, self.policy = world, policy
        self.robot = FakeRobot(world, CONTRACT)
        self.stand = list(STAND)
        self.follows = True
        self.speaks = True
        self.path: list[list[float]] = []
        self.told: list[PoseStamped] = []
        world.node.create_subscription(PoseStamped, "target_pose", self._on_target, 100)

    def _on_target(self, message: PoseStamped) -> None:
        p, q = message.pose.position, message.pose.orientation
        self.path.append([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
        if self.follows:
            self.stand = self.path[-1]

    def until(self, predicate: Callable[[], Any], target: list[float] | None = GOAL) -> bool:
        """The arm reports its pose, the policy sends chunks to `target`, until the predicate holds."""

        def step() -> bool:
            if self.speaks:
                self.robot.tell_pose(time.time_ns(), self.stand)
            return bool(predicate())

        return self.policy.keep_alive_until(step, target)

    def resumes(self, target: list[float] | None = GOAL) -> bool:
        """An operator's resume, which is refused until the arm's states have come for a while."""
        return self.until(lambda: self.world.call(Trigger, "command_node/resume").success, target)

    def moving(self) -> bool:
        return len(self.path) > 5 and self.path[-1][0] < STAND[0] - 0.02


def arm_of(world: Graph, folder: Path, **parameters: Any) -> Arm:
    return Arm(world, Policy(world, CONTRACT, folder, sink="pose", **{**PATIENT, **parameters}))


def settled(world: Graph, received: list) -> int:
    """How many have been received once no more come."""
    count = -1
    while count != len(received):
        count = len(received)
        world.spin_for(0.5)
    return count


def speeds(path: list[list[float]]) -> np.ndarray:
    return np.linalg.norm(np.diff(np.array(path)[:, :3], axis=0), axis=1) * RATE_HZ


@pytest.fixture
def terminal() -> Iterator[None]:
    """A hang-up is not ignored, as nodes inherit it from tests that `nohup` runs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_brings_a_moving_robot_to_rest_before_the_node_ends(world, tmp_path, number):
    arm = arm_of(world, tmp_path)
    assert arm.until(arm.moving), world.outputs()
    arm.policy.process.send(number)
    assert world.spin_until(lambda: arm.policy.process.process.poll() is not None)
    world.spin_for(0.2)
    assert arm.policy.process.process.returncode == 0, world.outputs()
    assert "leaked" not in arm.policy.process.output, world.outputs()  # all that ruckig made has been freed
    slowing = speeds(arm.path)
    assert slowing[-1] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(np.diff(slowing[-20:])).max() <= 3 * np.sqrt(3) / RATE_HZ * 1.01  # it is braked, not cut off


def test_a_new_episode_brings_a_moving_robot_to_rest_before_it_begins(world, tmp_path):
    arm = arm_of(world, tmp_path)
    assert arm.until(arm.moving), world.outputs()
    count = len(arm.path)
    response = world.call(StartEpisode, "command_node/start_episode")
    assert (response.success, response.message) == (True, "ready")
    settled(world, arm.path)
    slowing = speeds(arm.path[count - 5 :])
    assert slowing[-1] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(np.diff(slowing)).max() <= 3 * np.sqrt(3) / RATE_HZ * 1.01
    stood = arm.path[-1][0]
    assert arm.until(lambda: arm.path[-1][0] < stood - 0.02), world.outputs()  # and is followed anew


def test_a_human_takes_over_and_the_policy_goes_on_where_the_arm_was_led(world, tmp_path):
    arm = arm_of(world, tmp_path)
    assert arm.until(arm.moving), world.outputs()
    assert world.call(Trigger, "command_node/pause").success
    assert arm.until(lambda: "paused; call ~/resume" in world.outputs()), world.outputs()
    count = settled(world, arm.path)
    assert speeds(arm.path)[-1] < 1e-9
    arm.follows, arm.stand = False, [-0.2, 0.3, 0.3, 0.0, 0.0, 0.0, 1.0]  # led there by hand
    sent = arm.policy._sequence
    assert arm.until(lambda: arm.policy._sequence > sent + 10)
    assert len(arm.path) == count
    assert arm.resumes(), world.outputs()
    arm.follows = True
    assert arm.until(lambda: len(arm.path) > count + 20), world.outputs()
    assert arm.path[count][:3] == pytest.approx([-0.2, 0.3, 0.3], abs=1e-3)
    assert speeds(arm.path[count:]).max() <= 0.5 * np.sqrt(3) + 1e-6


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ([Transition.TRANSITION_DEACTIVATE], [Transition.TRANSITION_ACTIVATE]),
        (
            [Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP],
            [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE],
        ),
    ],
    ids=["inactive", "unconfigured"],
)
def test_a_pause_is_taken_before_the_activation_and_outlasts_it(world, tmp_path, down, up):
    arm = arm_of(world, tmp_path)
    assert all(world.change_state("command_node", transition) for transition in down)
    assert world.call(Trigger, "command_node/pause").success
    assert all(world.change_state("command_node", transition) for transition in up)
    assert arm.until(lambda: "paused; call ~/resume" in world.outputs()), world.outputs()
    assert arm.path == []
    assert arm.resumes(), world.outputs()
    assert arm.until(arm.moving), world.outputs()


def test_a_transition_that_an_active_node_does_not_have_changes_nothing(world, tmp_path):
    arm = arm_of(world, tmp_path)
    assert arm.until(arm.moving), world.outputs()
    asked = [world.change_state("command_node", Transition.TRANSITION_ACTIVATE) for _ in range(2)]
    assert asked == [False, False]
    assert world.call(GetState, "command_node/get_state").current_state.label == "active"
    count = len(arm.path)
    assert arm.until(lambda: len(arm.path) > count + 20), world.outputs()


def test_the_workspace_is_narrowed_at_rest_and_never_beyond_that_of_the_start(world, tmp_path):
    arm = arm_of(world, tmp_path, workspace_low=[-0.5, -0.5, 0.0], workspace_high=[0.5, 0.5, 0.5])
    narrow = [-0.1, -0.5, 0.0]
    assert arm.until(arm.moving), world.outputs()
    answer = world.set_parameter("command_node", "workspace_low", narrow)
    assert (answer.successful, "changes only at rest; call ~/pause" in answer.reason) == (False, True), answer.reason
    assert world.call(Trigger, "command_node/pause").success
    settled(world, arm.path)
    begun = arm.stand[0]
    assert world.set_parameter("command_node", "workspace_low", narrow).successful
    answer = world.set_parameter("command_node", "workspace_high", [0.5, 0.5, 0.6])
    assert (answer.successful, "its box may only be narrowed" in answer.reason) == (False, True), answer.reason
    assert list(world.parameter("command_node", "workspace_high")) == [0.5, 0.5, 0.5]
    if begun < narrow[0]:  # it got farther before it stood
        arm.stand = [0.0, *arm.stand[1:]]
    count = len(arm.path)
    assert arm.resumes(), world.outputs()
    assert arm.until(lambda: len(arm.path) > count + 50 and arm.path[-1][0] < narrow[0] + 1e-3), world.outputs()
    assert min(pose[0] for pose in arm.path[count:]) >= narrow[0]


def test_motion_lasts_as_long_as_somebody_holds_the_deadman(world, tmp_path):
    arm = arm_of(world, tmp_path, deadman_timeout_s=1.0)
    deadman = world.node.create_publisher(Empty, "command_node/deadman", 1)
    told: list[dict[str, str]] = []
    world.node.create_subscription(
        DiagnosticArray,
        "/diagnostics",
        lambda message: told.extend({v.key: v.value for v in status.values} for status in message.status),
        10,
    )

    def held(predicate: Callable[[], Any]) -> Callable[[], bool]:
        def step() -> bool:
            deadman.publish(Empty())
            return bool(predicate())

        return step

    assert arm.until(lambda: "the deadman is released; nothing moves" in world.outputs()), world.outputs()
    assert arm.path == []
    assert arm.until(held(arm.moving)), world.outputs()
    assert arm.until(lambda: told and told[-1].get("activity") == "resting"), told[-3:]
    assert "deadman_released" in interventions(arm.policy.traces)
    assert float(told[-1]["age of deadman (ms)"]) > 1000
    count = settled(world, arm.path)
    assert speeds(arm.path)[-1] < 1e-9
    assert arm.until(held(lambda: len(arm.path) > count + 5)), world.outputs()


def test_a_robot_that_does_not_follow_is_a_latched_fault_and_an_error_on_diagnostics(world, tmp_path):
    arm = arm_of(world, tmp_path, tracking_error=0.05)
    statuses: list[DiagnosticStatus] = []
    world.node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: statuses.extend(m.status), 10)
    arm.follows = False
    assert arm.until(lambda: "it does not follow" in world.outputs()), world.outputs()
    assert arm.until(lambda: statuses and statuses[-1].level == DiagnosticStatus.ERROR)
    assert "m or rad from its command, more than 0.05" in statuses[-1].message
    told = {value.key: value.value for value in statuses[-1].values}
    assert "more than 0.05" in told["latched fault"]
    assert told["pause in force"] == "False"
    assert arm.until(lambda: "fault: the robot stands" in world.outputs().split("chunk refused")[-1])
    count = settled(world, arm.path)
    assert abs(arm.path[-1][0] - STAND[0]) < 0.12  # it braked soon
    sent = arm.policy._sequence
    assert arm.until(lambda: arm.policy._sequence > sent + 10)
    assert len(arm.path) == count
    assert world.call(Trigger, "command_node/reset_fault").message.startswith("cleared: the robot stands")
    arm.follows = True
    assert arm.until(lambda: len(arm.path) > count + 10), world.outputs()


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ({"tracking_turn": 0.2}, "rad from its command, more than 0.2; it does not follow"),
        ({"blocked_s": 1.0}, "the robot has stood for 1 s, up to"),
    ],
    ids=["tracking_turn", "blocked_s"],
)
def test_an_arm_that_does_not_do_what_it_is_told_is_a_fault_by_each_rule(world, tmp_path, rule, line):
    arm = arm_of(world, tmp_path, **rule)
    arm.follows = False
    about_z = [*STAND[:5], np.sin(0.5), np.cos(0.5), 0.0]
    assert arm.until(lambda: line in world.outputs(), about_z), world.outputs()


def test_the_first_run_at_reduced_speed_begins_with_a_stay(world, tmp_path):
    arm = arm_of(world, tmp_path, speed_share=0.2, first_hold_s=1.0)
    assert arm.until(lambda: arm.path and arm.path[-1][0] < STAND[0] - 0.05), world.outputs()
    assert "first_hold" in interventions(arm.policy.traces)
    assert arm.path[0] == pytest.approx(STAND)
    assert speeds(arm.path).max() <= 0.2 * 0.5 * np.sqrt(3) + 1e-6


def test_a_silent_or_leaping_robot_is_held_until_it_speaks_sense(world, tmp_path):
    arm = arm_of(world, tmp_path, implausible_speed=20.0, state_timeout_s=0.5)
    assert arm.until(arm.moving), world.outputs()
    arm.speaks = False
    assert arm.until(lambda: "state_lost" in interventions(arm.policy.traces)), world.outputs()
    arm.speaks = True
    count = len(arm.path)
    assert arm.until(lambda: len(arm.path) > count + 10 and arm.path[-1] != arm.path[-5]), world.outputs()

    def leap() -> bool:
        for x in (0.4, -0.4):
            arm.robot.tell_pose(time.time_ns(), [x, *STAND[1:]])
        return "state refused" in world.outputs()

    assert arm.policy.keep_alive_until(leap, GOAL), world.outputs()
    assert "check the driver" in world.outputs()


def test_a_servo_that_goes_away_in_motion_is_a_stop_and_is_asked_anew(world, tmp_path):
    arm = Arm(world, Policy(world, CONTRACT, tmp_path, sink="servo_pose", **PATIENT))
    world.node.create_subscription(PoseStamped, "servo_node/pose_target_cmds", arm._on_target, 100)
    asked: list[int] = []

    def switch(request, response):
        asked.append(request.command_type)
        response.success = True
        return response

    service = world.node.create_service(ServoCommandType, "servo_node/switch_command_type", switch)
    assert arm.until(arm.moving), world.outputs()
    assert len(asked) == 1
    world.node.destroy_service(service)
    assert arm.until(lambda: "receiver_gone" in interventions(arm.policy.traces)), world.outputs()
    assert arm.until(lambda: "no service /servo_node/switch_command_type" in world.outputs().split("active:")[-1])
    count = len(arm.path)
    world.node.create_service(ServoCommandType, "servo_node/switch_command_type", switch)
    assert arm.until(lambda: len(arm.path) > count + 5), world.outputs()
    assert len(asked) == 2


def test_home_is_reached_slowly_and_without_a_policy(world, tmp_path):
    home = [0.2, 0.2, 0.15, 0.0, 0.0, 0.0, 1.0]
    arm = arm_of(world, tmp_path, home_pose=home, home_share=0.5)
    grips: list[float] = []
    world.node.create_subscription(Float64, "gripper_command", lambda message: grips.append(message.data), 50)
    assert arm.until(lambda: world.call(Trigger, "command_node/home").success, None), world.outputs()
    assert arm.until(lambda: arm.path and abs(arm.path[-1][0] - 0.2) < 1e-6, None), world.outputs()
    assert arm.path[-1] == pytest.approx(home, abs=1e-6)
    assert speeds(arm.path).max() <= 0.5 * 0.5 * np.sqrt(3)
    assert "chunk refused" not in world.outputs()
    assert grips == []  # it may hold something


def test_without_a_home_there_is_no_way_there(world, tmp_path):
    arm_of(world, tmp_path)
    answer = world.call(Trigger, "command_node/home")
    assert (answer.success, answer.message) == (False, "there is no home of 'ee_pose' actions; set home_pose")


def test_a_dry_run_leads_nobody_home(world, tmp_path):
    arm_of(world, tmp_path, home_pose=STAND, dry_run=True)
    answer = world.call(Trigger, "command_node/home")
    assert not answer.success
    assert answer.message.startswith("a dry run sends nothing, so the robot would not go home; move it by other means")


def test_a_pose_is_no_home_of_joints(world, tmp_path):
    Policy(world, joint_contract(7), tmp_path, sink="trajectory", home_pose=[0.45, 0.0, 0.4, 1.0, 0.0, 0.0, 0.0])
    answer = world.call(Trigger, "command_node/home")
    assert (answer.success, answer.message) == (False, "there is no home of 'joint_position' actions; set home_joints")


def test_recovery_asks_the_robot_and_says_what_came_of_it(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path, sink="pose")
    answer = world.call(Trigger, "command_node/recover")
    assert not answer.success
    assert "there is no action action_server/error_recovery" in answer.message
    asked: list[Any] = []

    def recover(handle: Any) -> Any:
        asked.append(handle.request)
        handle.succeed()
        return ErrorRecovery.Result()

    server = ActionServer(world.node, ErrorRecovery, "action_server/error_recovery", recover)
    assert world.spin_until(lambda: world.call(Trigger, "command_node/recover").success), world.outputs()
    assert asked
    assert policy.keep_alive_until(lambda: "paused; call ~/resume" in world.outputs(), GOAL)
    server.destroy()


def test_a_grasp_that_fails_leaves_the_arm_moving(world, tmp_path):
    goals: list[Any] = []

    def fail(handle: Any) -> Any:
        goals.append(handle.request)
        handle.succeed()
        return Grasp.Result(success=False, error="nothing between the fingers")

    server = ActionServer(world.node, Grasp, "franka_gripper/grasp", fail)
    arm = arm_of(world, tmp_path, gripper="franka")
    assert arm.until(lambda: "nothing between the fingers" in world.outputs()), world.outputs()
    count = len(arm.path)
    assert arm.until(lambda: len(arm.path) > count + 20), world.outputs()
    assert len(goals) == 1
    server.destroy()


def test_a_hand_that_was_told_to_open_is_told_again_after_a_pause(world, tmp_path):
    goals: list[Any] = []

    def move(handle: Any) -> Any:
        goals.append(handle.request)
        handle.succeed()
        return Move.Result(success=True)

    server = ActionServer(world.node, Move, "franka_gripper/move", move)
    arm = arm_of(world, tmp_path, gripper="franka")
    opened = [*GOAL[:7], 0.0]
    assert arm.until(lambda: goals, opened), world.outputs()
    assert world.call(Trigger, "command_node/pause").success
    assert arm.until(lambda: "paused; call ~/resume" in world.outputs(), opened), world.outputs()
    settled(world, arm.path)
    count = len(goals)
    assert arm.resumes(opened)  # somebody may have closed it meanwhile
    assert arm.until(lambda: len(goals) > count, opened), world.outputs()
    server.destroy()


def test_a_trajectory_controller_is_given_each_chunk_once_and_at_last_a_way_to_rest(world, tmp_path):
    contract = joint_contract(2).model_copy(update={"horizon": 40})
    trajectories: list[JointTrajectory] = []
    world.node.create_subscription(JointTrajectory, "joint_trajectory", trajectories.append, 50)
    policy = Policy(world, contract, tmp_path, sink="trajectory", **PATIENT)
    robot = FakeRobot(world, contract)

    def followed() -> bool:
        robot.tell_state(time.time_ns(), [0.1, -0.1])
        return len(trajectories) > 3

    assert policy.keep_alive_until(followed, [0.3, -0.3]), world.outputs()
    assert settled(world, trajectories) <= policy._sequence + 5  # one for each chunk, and each stop
    for trajectory in trajectories:
        assert trajectory.joint_names == ["joint0", "joint1"]
        assert list(trajectory.points[-1].velocities) == [0.0, 0.0]
    assert list(trajectories[0].points[0].positions) == pytest.approx([0.1, -0.1], abs=2e-3)


def test_a_trajectory_controller_is_told_to_stay_when_a_robot_that_stands_is_deactivated(world, tmp_path):
    contract = joint_contract(2).model_copy(update={"horizon": 100})
    stand = [0.1, -0.1]
    trajectories: list[JointTrajectory] = []
    world.node.create_subscription(JointTrajectory, "joint_trajectory", trajectories.append, 50)
    timeouts = dict.fromkeys(("chunk_timeout_s", "heartbeat_timeout_s", "state_timeout_s"), 5.0)
    policy = Policy(world, contract, tmp_path, sink="trajectory", rate_hz=RATE_HZ, **timeouts)
    robot = FakeRobot(world, contract)

    def followed() -> bool:
        robot.tell_state(time.time_ns(), stand)
        return len(trajectories) > 3

    assert policy.keep_alive_until(followed, stand), world.outputs()
    assert world.change_state("command_node", Transition.TRANSITION_DEACTIVATE), world.outputs()
    assert world.spin_until(lambda: len(trajectories[-1].points) < 10), world.outputs()  # and not what was left of 100
    for point in trajectories[-1].points:
        assert (list(point.positions), list(point.velocities)) == (pytest.approx(stand), pytest.approx([0.0, 0.0]))
    assert world.change_state("command_node", Transition.TRANSITION_ACTIVATE), world.outputs()


def test_joint_velocities_end_at_zero_when_the_policy_dies(world, tmp_path):
    contract = rate_contract().model_copy(update={"horizon": 100})
    commands: list[list[float]] = []
    world.node.create_subscription(
        Float64MultiArray, "joint_group_commands", lambda message: commands.append(list(message.data)), 50
    )
    policy = Policy(world, contract, tmp_path, sink="forward_velocity", **PATIENT)
    assert policy.keep_alive_until(lambda: commands and commands[-1][0] > 0.2, [0.4, 0.0]), world.outputs()
    settled(world, commands)
    assert commands[-5:] == [[0.0, 0.0]] * 5  # and silence only after it


def test_in_the_shadows_the_policy_is_scored_against_the_motion_that_was(world, tmp_path):
    arm = arm_of(world, tmp_path, dry_run=True)
    values: dict[str, str] = {}

    def note(message: DiagnosticArray) -> None:
        values.update({value.key: value.value for status in message.status for value in status.values})

    world.node.create_subscription(DiagnosticArray, "/diagnostics", note, 10)
    off = [STAND[0] + 0.1, *STAND[1:], 0.0]
    assert arm.until(lambda: "chunk ends: position error mean 0.1000" in values.get("shadow", ""), off), values
    assert arm.path == []
    assert float(values["rate wanted (Hz)"]) == RATE_HZ
    assert {"age of chunk (ms)", "age of heartbeat (ms)", "age of state (ms)", "deadlines missed"} <= set(values)


def test_a_killed_policy_s_last_command_is_150_ms_old_at_most_by_default() -> None:
    from sdm_policy_node.liveness import HEARTBEAT_PERIOD_S
    from sdm_policy_node.parameters import CommandParameters

    defaults = CommandParameters()
    assert defaults.heartbeat_timeout_s + 1 / 50 <= 0.15  # of a policy killed right after a beat, at 50 Hz or more
    assert defaults.heartbeat_timeout_s > 4 * HEARTBEAT_PERIOD_S  # and no single late beat is a death
