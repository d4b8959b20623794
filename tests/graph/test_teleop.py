"""An operator at a terminal drives the simulated arm, and records what he does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.fake_robot import FakeRobot
from helpers.graph import Graph, graph
from helpers.motion import pose_contract
from helpers.operator import Operator
from rclpy.qos import qos_profile_sensor_data
from sdm_core.datasets.dataset import SUCCESS, EpisodeStore
from sdm_sim.registry import make_task
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

TASK = "franka/pick-place"


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Graph]:
    """The twin, command_node and recorder_node, under the task's contract."""
    task = make_task(TASK)
    task.contract.save(tmp_path / "contract.yaml")
    task.close()
    with graph(tmp_path, use_sim_time=True) as world:
        shared = {"checkpoint": tmp_path / "contract.yaml", "sink": "pose"}
        world.start("command_node", **shared)
        world.start("recorder_node", **shared, output=tmp_path / "demos.zarr")
        world.start("bridge_node", task=TASK, mode="teleop", episodes=1000, camera_every=1, use_sim_time=False)
        yield world


@pytest.fixture
def poses(cell: Graph) -> list[np.ndarray]:
    """Where the hand was measured, x, y, z of every message."""
    heard: list[np.ndarray] = []

    def take(message: PoseStamped) -> None:
        position = message.pose.position
        heard.append(np.array([position.x, position.y, position.z]))

    cell.node.create_subscription(PoseStamped, "current_pose", take, qos_profile_sensor_data)
    assert cell.spin_until(lambda: bool(heard), 60.0), cell.outputs()
    return heard


def test_the_operator_drives_the_arm_and_labels_an_episode(cell: Graph, poses, tmp_path: Path) -> None:
    operator = Operator(cell, tmp_path / "contract.yaml")
    try:
        assert cell.spin_until(lambda: "q  quit" in operator.screen, 30.0), operator.screen
        operator.press("\r")
        assert cell.spin_until(lambda: "recording episode 0" in operator.screen, 30.0), operator.screen
        start = poses[-1]
        operator.hold("w", lambda: poses[-1][0] > start[0] + 0.05)
        operator.hold("f", lambda: poses[-1][2] < start[2] - 0.03)
        released, count = poses[-1], len(poses)
        assert cell.spin_until(
            lambda: len(poses) > count + 20 and np.ptp(np.array(poses[-20:]), axis=0).max() < 0.002, 30.0
        )
        assert np.abs(poses[-1] - released).max() < 0.06  # it brakes, within what it led the arm by
        operator.press(" ")
        cell.spin_for(0.5)
        operator.press("y")
        assert cell.spin_until(lambda: "images missing, a success" in operator.screen, 30.0), operator.screen
    finally:
        assert operator.close() == 0, operator.screen
    store = EpisodeStore.view(tmp_path / "demos.zarr")
    assert store.outcomes.tolist() == [SUCCESS]
    action, state = store.read("action"), store.read("state")
    assert action[-1, 0] - action[0, 0] > 0.05
    assert action[0, 2] - action[-1, 2] > 0.03
    assert (action[0, 7], action[-1, 7]) == (0.0, 1.0)
    assert np.abs(action[:, :3] - state[:, :3]).max() < 0.08  # never far ahead of the arm


def test_an_operator_who_comes_back_keeps_what_the_gripper_holds(tmp_path: Path) -> None:
    contract = pose_contract()  # its gripper is told, and not measured
    contract.save(tmp_path / "contract.yaml")
    stand = [0.0, 0.2, 0.1, 0.0, 0.0, 0.0, 1.0]
    grips: list[float] = []
    path: list[PoseStamped] = []
    with graph(tmp_path) as world:
        patience = dict.fromkeys(("chunk_timeout_s", "heartbeat_timeout_s", "state_timeout_s"), 1.0)
        world.start("command_node", checkpoint=tmp_path / "contract.yaml", sink="pose", hold_s=0.1, **patience)
        world.node.create_subscription(PoseStamped, "target_pose", path.append, 100)
        world.node.create_subscription(Float64, "gripper_command", lambda message: grips.append(message.data), 100)
        robot, gone = FakeRobot(world, contract), threading.Event()

        def follow() -> None:
            while not gone.wait(0.01):
                if path:
                    stand[0] = path[-1].pose.position.x
                robot.tell_pose(time.time_ns(), stand)

        def lead(key: str, done: Callable[[], bool]) -> None:
            """An operator comes, presses a key once he moves the arm, and goes when it is done."""
            operator = Operator(world, tmp_path / "contract.yaml", "-p", "use_sim_time:=false")
            count = len(path)
            try:
                assert world.spin_until(lambda: "q  quit" in operator.screen, 30.0), operator.screen
                operator.hold("w", lambda: len(path) > count + 10)
                operator.press(key)
                assert world.spin_until(done), operator.screen + world.outputs()
            finally:
                assert operator.close() == 0, operator.screen

        live = threading.Thread(target=follow)
        live.start()
        try:
            lead(" ", lambda: grips[-1] == 1.0)
            count = -1
            while count != len(path):  # until command_node is silent again
                count = len(path)
                world.spin_for(0.5)
            grips.clear()
            lead("0", lambda: True)
        finally:
            gone.set()
            live.join()
    assert set(grips) == {1.0}


def test_an_arm_that_was_led_by_hand_in_a_pause_stays_where_it_was_left(tmp_path: Path) -> None:
    contract = pose_contract()
    contract.save(tmp_path / "contract.yaml")
    stand = [0.0, 0.2, 0.1, 0.0, 0.0, 0.0, 1.0]
    path: list[PoseStamped] = []
    with graph(tmp_path) as world:
        patience = dict.fromkeys(("chunk_timeout_s", "heartbeat_timeout_s", "state_timeout_s"), 1.0)
        world.start("command_node", checkpoint=tmp_path / "contract.yaml", sink="pose", hold_s=0.1, **patience)
        world.node.create_subscription(PoseStamped, "target_pose", path.append, 100)
        robot = FakeRobot(world, contract)

        def follow() -> None:
            if path:
                stand[0] = path[-1].pose.position.x
            robot.tell_pose(time.time_ns(), stand)

        world.node.create_timer(0.01, follow)
        operator = Operator(world, tmp_path / "contract.yaml", "-p", "use_sim_time:=false")
        try:
            assert world.spin_until(lambda: "q  quit" in operator.screen, 30.0), operator.screen
            operator.hold("w", lambda: stand[0] > 0.02)
            world.call(Trigger, "command_node/pause")
            count = -1
            while count != len(path):  # until command_node is silent
                count = len(path)
                world.spin_for(0.5)
            for _ in range(23):
                stand[1] -= 0.002
                world.spin_for(0.02)
            world.call(Trigger, "command_node/resume")
            world.spin_for(1.0)
            assert len(path) == count, "nobody has pressed a key"
            left = list(stand)
            operator.hold("w", lambda: len(path) > count + 50)
        finally:
            assert operator.close() == 0, operator.screen
    assert path[count].pose.position.x == pytest.approx(left[0], abs=5e-3)
    assert [pose.pose.position.y for pose in path[count:]] == pytest.approx([left[1]] * len(path[count:]), abs=1e-3)


def test_without_a_terminal_a_space_mouse_or_a_contract_it_says_so(tmp_path: Path, cell: Graph) -> None:
    contract = f"checkpoint:={tmp_path / 'contract.yaml'}"
    for options, line in (
        (("-p", contract), "the keyboard is no terminal; run sdm-teleop in one"),
        (("-p", contract, "-p", "device:=spacemouse"), "no SpaceMouse: "),
        (("-p", "device:=keyboard"), "parameter checkpoint is empty; name a checkpoint folder"),
    ):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "sdm-teleop"), "--ros-args", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "ROS_DOMAIN_ID": str(cell.domain)},
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {line}")
        assert done.stderr.count("\n") == 1
