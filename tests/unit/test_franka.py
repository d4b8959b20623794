"""The Franka cell's arm is an FR3, moves as one under impedance control, and its experts solve its tasks."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.share import share_directory
from sdm_sim.demonstrations import demonstrate
from sdm_sim.franka import fr3
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.franka.impedance import STIFFNESS, CartesianImpedance
from sdm_sim.franka.insert import Insert
from sdm_sim.franka.pick_moving import DURATION, LENGTH, TRAJECTORIES, PickMoving, trajectory
from sdm_sim.franka.pick_place import CARTON, PickPlace
from sdm_sim.franka.robot import Robot
from sdm_sim.franka.scene import scene_xml
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task

# The manufacturer's Denavit–Hartenberg parameters, in Craig's convention: a, d (m) and alpha (rad) of joints 1 to 7,
# then the flange.
DENAVIT_HARTENBERG = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
    (0.0, 0.107, 0.0),
)
DOWN = (1.0, 0.0, 0.0, 0.0)


def tool_pose(joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tool's transform [4,4] by these parameters; the hand is turned by −45° on the flange."""
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(DENAVIT_HARTENBERG, [*joints, -np.pi / 4], strict=True):
        c, s, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        pose = pose @ np.array(
            [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    pose[:3, 3] += 0.1034 * pose[:3, 2]
    return pose


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(scene_xml(""))


@pytest.fixture
def robot(model: mujoco.MjModel) -> Robot:
    robot = Robot(model, mujoco.MjData(model))
    robot.reset(np.zeros(7))
    return robot


@pytest.fixture(scope="module", params=["pick-place", "pick-moving", "insert"])
def task(request: pytest.FixtureRequest) -> Iterator[FrankaTask]:
    task = make_task(f"franka/{request.param}")
    assert isinstance(task, FrankaTask)
    yield task
    task.close()


# --- the arm


def test_its_kinematics_are_the_manufacturer_s(model: mujoco.MjModel) -> None:
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    low, high = model.jnt_range[:7].T
    for _ in range(50):
        data.qpos[:7] = joints = rng.uniform(low, high)
        mujoco.mj_kinematics(model, data)
        tool, expected = data.site(fr3.TOOL_FRAME), tool_pose(joints)
        assert tool.xpos == pytest.approx(expected[:3, 3], abs=1e-9)
        assert tool.xmat.reshape(3, 3) == pytest.approx(expected[:3, :3], abs=1e-9)


def test_its_joints_torques_and_mass_are_an_fr3_s(model: mujoco.MjModel) -> None:
    assert [model.joint(index).name for index in range(9)] == [*fr3.JOINTS, *fr3.FINGER_JOINTS]
    assert model.jnt_range[3] == pytest.approx([-3.0421, -0.1518])
    assert model.actuator_ctrlrange[:7, 1] == pytest.approx([87, 87, 87, 87, 12, 12, 12])
    arm = sum(model.body(f"fr3_link{number}").mass[0] for number in range(8))
    assert 17.5 < arm < 18.5  # the data sheet says about 18 kg


def test_at_rest_it_stays_in_its_ready_posture(robot: Robot) -> None:
    begun = robot.state
    for _ in range(40):
        robot.step(np.array([*robot.pose[:3], *DOWN, 0.0]), 25, lambda: None)
    assert robot.state == pytest.approx(begun, abs=1e-3)


@pytest.mark.parametrize("turn", [0.0, 0.6])
def test_the_impedance_brings_the_tool_to_its_target(robot: Robot, turn: float) -> None:
    rotation = (np.cos(turn / 2), np.sin(turn / 2), 0.0, 0.0)
    command = np.array([0.55, -0.2, 0.15, *rotation, 0.0])
    for _ in range(60):
        robot.step(command, 25, lambda: None)
    assert robot.pose[:3] == pytest.approx(command[:3], abs=2e-3)
    assert abs(robot.pose[3:] @ rotation) == pytest.approx(1.0, abs=1e-4)


def test_torques_and_their_rates_stay_within_libfranka_s(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    robot, impedance = Robot(model, data), CartesianImpedance(model, data, np.array(fr3.READY))
    robot.reset(np.zeros(7))
    torques = []
    for step in range(500):
        mujoco.mj_step1(model, data)
        # Jumps to and fro, as no command node would let through.
        aside = 1.0 if step // 50 % 2 else -1.0
        torques.append(impedance.torque(np.array([0.5, aside, 0.2]), np.array([0.0, 1.0, 0.0, 0.0])))
        data.ctrl[:7] = torques[-1]
        mujoco.mj_step2(model, data)
    assert (np.abs(torques) <= np.array(fr3.TORQUE_LIMITS)).all()
    rates = np.abs(np.diff(torques, axis=0)).max() / model.opt.timestep
    assert rates == pytest.approx(fr3.TORQUE_RATE_LIMIT)


def test_it_yields_to_a_force_as_its_stiffness_says(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    robot = Robot(model, data)
    robot.reset(np.zeros(7))
    target = np.array([*robot.pose[:3], *DOWN, 0.0])

    def push() -> None:
        data.xfrc_applied[model.body("fr3_hand").id, :3] = (0.0, 10.0, 0.0)

    for _ in range(60):
        robot.step(target, 25, push)
    assert robot.pose[1] == pytest.approx(10.0 / STIFFNESS[1], rel=0.25)


def test_the_hand_opens_and_closes_at_its_own_speed(robot: Robot) -> None:
    command = np.array([*robot.pose[:3], *DOWN, 1.0])
    robot.step(command, 100, lambda: None)
    assert robot.width == pytest.approx(fr3.MAX_WIDTH - 2 * 0.2 * 0.05, abs=4e-3)
    robot.step(command, 500, lambda: None)
    assert robot.width < 1e-3
    robot.step(np.append(command[:7], 0.49), 500, lambda: None)
    assert robot.width == pytest.approx(fr3.MAX_WIDTH, abs=1e-3)


def test_a_quaternion_without_direction_leaves_the_orientation(robot: Robot) -> None:
    for _ in range(20):
        robot.step(np.array([*robot.pose[:3], 0.0, 0.0, 0.0, 0.0, 0.0]), 25, lambda: None)
    assert abs(robot.pose[3:] @ DOWN) == pytest.approx(1.0, abs=1e-4)


# --- the contract and the cameras


def test_the_contract_is_the_real_cell_s_with_the_hand_s_opening(task: FrankaTask) -> None:
    real, twin = Contract.load(share_directory("sdm_bringup") / "config" / "robot" / "fr3_contract.yaml"), task.contract
    assert twin.observation.state[:-1] == real.observation.state
    assert twin.state_names[-1] == fr3.FINGER_JOINTS[0]
    assert [(entry.name, entry.unit) for entry in twin.action.entries] == [
        (entry.name, entry.unit) for entry in real.action.entries
    ]
    for what in ("kind", "rotation", "base_frame", "tool_frame", "gripper"):
        assert getattr(twin.action, what) == getattr(real.action, what)
    assert twin.rates == real.rates


def test_cameras_can_have_a_realsense_s_own_resolution() -> None:
    task = FrankaTask("franka/pick-place", PickPlace(), (640, 480))
    depth = task.observe().depth
    horizontal = 2 * np.degrees(np.arctan(320 / task.intrinsics.fx))
    task.close()
    assert depth is not None
    assert depth.shape == (480, 640)
    assert horizontal == pytest.approx(75, abs=3)  # the D435's data sheet


def test_both_cameras_give_colour_and_the_wrist_s_moves_with_the_hand(task: FrankaTask) -> None:
    task.reset(0)
    before, in_tool = task.cameras["wrist"].extrinsics, task.wrist_in_tool
    images = task.observe(depth=False, images=True).images
    assert {name: image.shape for name, image in images.items()} == dict.fromkeys(("camera", "wrist"), (120, 160, 3))
    assert all(image.std() > 5 for image in images.values())
    for _ in range(30):
        task.step(task.expert())
    after = task.cameras["wrist"].extrinsics
    assert np.linalg.norm(np.subtract(after.translation, before.translation)) > 0.1
    assert task.wrist_in_tool.translation == pytest.approx(in_tool.translation, abs=1e-9)
    assert np.linalg.norm(in_tool.translation) < 0.15


def test_what_is_to_be_grasped_is_seen_by_the_network(task: FrankaTask) -> None:
    spec = task.contract.observation.cloud
    assert spec is not None
    perception = Perception(task.contract, task.intrinsics, task.extrinsics)
    for seed in range(3):
        task.reset(seed)
        cloud = perception.cloud(task.observe())
        assert cloud is not None
        thing = thing_of(task)
        near = np.linalg.norm(cloud[: spec.network_points, :2] - thing[:2], axis=1) < 0.04
        assert near.sum() >= 8


def thing_of(task: FrankaTask) -> NDArray[np.float64]:
    scenario = task.scenario
    if isinstance(scenario, Insert):
        return scenario.pod.position
    assert isinstance(scenario, PickPlace)
    return scenario.carton.position


# --- the tasks


def test_the_experts_solve_their_tasks_within_the_contract(task: FrankaTask) -> None:
    low, high = np.array([(entry.low, entry.high) for entry in task.contract.action.entries]).T
    for seed in (1000, 1001):
        episode = demonstrate(task, seed)
        assert episode is not None, seed
        assert 60 < len(episode.action) < 0.75 * task.step_limit
        assert ((episode.action >= low - 1e-6) & (episode.action <= high + 1e-6)).all()
        speed = np.linalg.norm(np.diff(episode.action[:, :3], axis=0), axis=1).max() / task.contract.dt
        assert speed < np.sqrt(3) * 0.5 + 1e-3
        assert set(np.unique(episode.action[:, 7])) == {0.0, 1.0}


def test_demonstrations_of_like_starts_differ(task: FrankaTask) -> None:
    plans = [task.scenario.plan(np.random.default_rng(seed)) for seed in range(3)]
    assert len({(plan.hover, plan.carry) for plan in plans}) == 3


def test_who_never_lets_go_has_not_solved_it(task: FrankaTask) -> None:
    task.reset(5)
    carried = False
    for _ in range(task.step_limit):
        action = task.expert()
        carried |= action[7] == 1.0
        action[7] = float(carried)
        task.step(action)
    assert thing_of(task)[1] > 0.1  # it is where it belongs, but in the hand
    assert not task.succeeded


def test_the_carton_is_led_away_from_the_hand_that_comes_for_it() -> None:
    task = FrankaTask("franka/pick-moving", PickMoving())
    for seed in range(3):
        task.reset(seed)
        begun = thing_of(task)
        while np.linalg.norm(task.robot.pose[:3] - thing_of(task)) > 0.16:
            task.step(task.expert())
            assert thing_of(task) == pytest.approx(begun, abs=1e-3)
        aside = np.array([*begun[:2], 0.3, *DOWN, 0.0])
        over = np.array([*begun[:2], begun[2] + 0.1, *DOWN, 0.0])
        for command in (over, aside):
            for _ in range(round(20 * DURATION)):
                task.step(command)
        led = thing_of(task) - begun
        assert np.linalg.norm(led[:2]) == pytest.approx(LENGTH, abs=0.01)
        assert thing_of(task)[2] == pytest.approx(CARTON[2], abs=5e-3)
    task.close()


def test_ten_seeds_in_a_row_are_all_ten_trajectories() -> None:
    scenario = PickMoving()
    task = FrankaTask("franka/pick-moving", scenario)
    chosen = set()
    for seed in range(40, 50):
        task.reset(seed)
        chosen.add(scenario.trajectory)
    task.close()
    assert chosen == set(range(TRAJECTORIES))


def test_the_ten_trajectories_begin_and_end_at_rest_and_all_differ() -> None:
    ends = np.array([trajectory(number, 1.0) for number in range(TRAJECTORIES)])
    assert np.linalg.norm(ends, axis=1) == pytest.approx(LENGTH)
    apart = np.linalg.norm(ends[:, None] - ends[None], axis=2) + np.eye(TRAJECTORIES)
    assert apart.min() > 0.08
    for number in range(TRAJECTORIES):
        assert trajectory(number, 0.0) == pytest.approx([0.0, 0.0])
        assert np.linalg.norm(trajectory(number, 0.01)) < 1e-4
        assert np.linalg.norm(trajectory(number, 0.99) - ends[number]) < 1e-4
        assert np.array_equal(trajectory(number, 2.0), ends[number])


def test_a_pod_that_misses_the_slot_is_not_inserted() -> None:
    scenario = Insert()
    task = FrankaTask("franka/insert", scenario)
    task.reset(0)
    for off, done in (((0.0, 0.0), True), ((0.02, 0.0), False), ((0.0, 0.08), False)):
        scenario.pod.put(scenario.seat + np.array([*off, 0.01]), 0.0)
        for _ in range(20):
            task.step(np.array([0.35, 0.0, 0.5, *DOWN, 0.0]))
        assert scenario.solved() == done, off
    task.close()
