"""DexArt's tasks on boxes in its folder's layout: what moves, what is seen and what counts is as DexArt and DP3 say."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

sapien = pytest.importorskip("sapien", reason="the extra dexart is not installed: pip install sapien==3.0.3")

import mujoco  # noqa: E402
from helpers.dexart_assets import LEFT, MIDDLE, PLACES, write_assets  # noqa: E402
from sdm_core.errors import TaskError  # noqa: E402
from sdm_sim.dexart.assets import FOLDER  # noqa: E402
from sdm_sim.dexart.rules import Moment, verdict  # noqa: E402
from sdm_sim.dexart.settings import SETTINGS  # noqa: E402
from sdm_sim.dexart.suite import DIFFICULTY, TASKS  # noqa: E402
from sdm_sim.dexart.task import DexArtTask  # noqa: E402
from sdm_sim.perception import Perception  # noqa: E402

STILL = np.zeros(22)


@pytest.fixture(scope="module")
def task_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], DexArtTask]]:
    """Each task at the beginning of the episode of seed 0, built once for all tests."""
    built: dict[str, DexArtTask] = {}

    def reset(name: str) -> DexArtTask:
        if name not in built:
            built[name] = DexArtTask(name)
        built[name].reset(0)
        return built[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(write_assets(tmp_path_factory.mktemp("dexart"))))
        yield reset
    for task in built.values():
        task.close()


@pytest.mark.parametrize("name", TASKS)
def test_the_contract_is_dexart_s_at_25_hz(name: str, task_of: Callable) -> None:
    contract = task_of(name).contract
    assert contract.rates.control_hz == 25.0
    assert (contract.action_dim, contract.state_dim) == (22, 33 if name == "bucket" else 32)
    assert contract.state_names[:6] == tuple(f"joint{number}" for number in range(1, 7))
    assert contract.state_names[6:22] == tuple(f"joint_{number}.0" for number in range(16))
    assert {(entry.low, entry.high) for entry in contract.action.entries} == {(-1.0, 1.0)}
    assert contract.action.hold == (0.0,) * 6 + (None,) * 16


def test_every_task_has_a_difficulty() -> None:
    assert sorted(TASKS) == sorted(task for tasks in DIFFICULTY.values() for task in tasks)
    assert set(SETTINGS) == set(TASKS)


def test_the_wrist_moves_and_turns_as_fast_as_it_is_told(task_of: Callable) -> None:
    task = task_of("toilet")
    velocity = np.array([-0.1, 0.15, 0.1, 0.2, -0.3, 0.25])
    for _ in range(5):
        task.step(np.append(velocity, np.zeros(16)))
    wrist = task._world.robot._wrist
    begun = (wrist.entity_pose * wrist.cmass_local_pose).p
    frame = wrist.entity_pose
    for _ in range(10):
        task.step(np.append(velocity, np.zeros(16)))
    seconds = 10 / task.contract.rates.control_hz
    moved = ((wrist.entity_pose * wrist.cmass_local_pose).p - begun) / seconds
    np.testing.assert_allclose(moved, velocity[:3], atol=0.01)
    turned, rotation = np.zeros(3), (wrist.entity_pose * frame.inv()).q.astype(np.float64)
    mujoco.mju_quat2Vel(turned, rotation, seconds)
    np.testing.assert_allclose(turned, velocity[3:], atol=0.03)


def test_the_fingers_go_to_their_share_of_the_range(task_of: Callable) -> None:
    task = task_of("toilet")
    for _ in range(45):
        task.step(np.append(np.zeros(6), np.linspace(-1, 1, 16)))
    np.testing.assert_allclose(task._world.robot.positions[6:], np.linspace(-0.5, 0.5, 16), atol=0.03)


@pytest.mark.parametrize("name", TASKS)
def test_the_state_is_joints_palm_and_time(name: str, task_of: Callable) -> None:
    task = task_of(name)
    task.reset(4)
    x, y, z = SETTINGS[name].base
    values = dict(zip(task.contract.state_names, task.observe(depth=False).values, strict=True))
    assert [values[f"palm.{axis}"] for axis in "xyz"] == pytest.approx([x + 0.4, y, z + 0.4], abs=1e-5)
    assert values["elapsed"] == 0.0
    for _ in range(3):
        task.step(np.append([0.0, 0.2, 0.0], np.zeros(19)))
    values = dict(zip(task.contract.state_names, task.observe(depth=False).values, strict=True))
    assert values["palm.vy"] == pytest.approx(0.2, abs=0.02)
    assert values["elapsed"] == pytest.approx(3 / (100 if name == "bucket" else 250))
    assert values.get("palm.up", 0.0) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("name", TASKS)
def test_objects_stand_where_dexart_puts_them(name: str, task_of: Callable) -> None:
    task, setting = task_of(name), SETTINGS[name]
    expected = np.add(setting.base, PLACES[name])
    shifts, turns, numbers = [], [], set()
    for seed in range(12):
        task.reset(seed)
        pose = task._world.object._articulation.root_pose
        shifts.append(pose.p - expected)
        forward = pose.to_transformation_matrix()[:3, 0]
        turn = np.arctan2(forward[1], forward[0]) - setting.heading
        turns.append((turn + np.pi) % (2 * np.pi) - np.pi)
        numbers.add(task._number)
    assert np.min(shifts) >= -1e-6
    assert 0.5 * setting.shift < np.max(shifts) <= setting.shift + 1e-6
    assert np.abs(turns).max() <= setting.turn + 1e-6
    assert np.abs(turns).max() >= 0.5 * setting.turn
    assert len(numbers) > 3
    assert numbers <= set(setting.objects)


@pytest.mark.parametrize("name", ["laptop", "toilet"])
def test_a_lid_begins_ajar_and_counts_as_open_at_its_middle(name: str, task_of: Callable) -> None:
    object_ = task_of(name)._world.object
    assert object_.turned == pytest.approx(LEFT[name] + SETTINGS[name].ajar, abs=1e-5)
    assert object_.opened == pytest.approx(0.0, abs=1e-5)
    object_._set_joint(MIDDLE[name])
    assert object_.opened == pytest.approx(1.0, abs=1e-5)
    half = (MIDDLE[name] + LEFT[name] + SETTINGS[name].ajar) / 2
    object_._set_joint(half)
    assert object_.opened == pytest.approx(0.5, abs=1e-5)


def test_handles_are_the_edges_of_the_parts(task_of: Callable) -> None:
    laptop = task_of("laptop")._world.object
    laptop.place(np.zeros(3), 0.0)
    laptop._set_joint(MIDDLE["laptop"])
    # The lid, 0.3 m long at half its size, stands on its hinge at (0.15, 0, 0.02), with its top corner outwards.
    x, y, z = laptop.handle
    assert (y, z) == (pytest.approx(0.0, abs=1e-5), pytest.approx(0.02 + np.hypot(0.3, 0.02), abs=2e-3))
    assert 0.1 < x < 0.2
    faucet = task_of("faucet")._world.object
    faucet.place(np.array([0.1, 0.2, 0.3]), 1.0)
    np.testing.assert_allclose(faucet.handle, [0.1, 0.2, 0.3], atol=1e-6)


def test_a_faucet_s_last_switch_is_turned_and_a_toilet_s_seat_stays_down(task_of: Callable) -> None:
    assert task_of("faucet")._world.object.part.name == "link_1"
    toilet = task_of("toilet")
    for _ in range(10):
        toilet.step(STILL)
    object_ = toilet._world.object
    seat = [joint.name for joint in object_._articulation.active_joints].index("joint_2")
    assert object_.part.name == "link_0"
    assert object_._articulation.qpos[seat] == pytest.approx(0.0, abs=0.01)


def test_a_bucket_falls_onto_the_table_and_stays(task_of: Callable) -> None:
    task = task_of("bucket")
    for _ in range(40):
        task.step(STILL)
    assert task._world.object._body.entity_pose.p[2] == pytest.approx(0.0, abs=0.01)
    assert not task.succeeded


@pytest.mark.parametrize("name", TASKS)
def test_the_camera_sees_what_collides_where_it_is(name: str, task_of: Callable) -> None:
    """Rays through pixels of the depth image, cast in sapien's own world of the same boxes."""
    task = task_of(name)
    task.reset(3)
    for _ in range(5):
        task.step(np.append([0.0, 0.3, -0.5, 0.5, 0.5, 0.5], np.full(16, 0.5)))
    depth = task.observe().depth
    assert depth is not None
    scene = task._world._scene.physx_system
    k, camera = task.intrinsics, task.extrinsics
    rotation = camera.rotation.astype(np.float64)
    seen = wrong = 0
    for v in range(2, k.height, 5):
        for u in range(2, k.width, 5):
            ray = rotation @ np.array([(u - k.cx) / k.fx, (v - k.cy) / k.fy, 1.0])
            length = float(np.linalg.norm(ray))
            hit = scene.raycast(camera.translation, ray / length, 10.0)
            expected = 0.0 if hit is None else hit.distance / length
            seen += expected > 0
            wrong += abs(depth[v, u] / 1000 - expected) > 0.003
    assert seen > 100
    assert wrong <= 0.02 * (k.width / 5) * (k.height / 5)  # silhouettes


@pytest.mark.parametrize("name", TASKS)
def test_the_cloud_is_of_hand_and_object_without_the_table(name: str, task_of: Callable) -> None:
    task = task_of(name)
    perception = Perception(task.contract, task.intrinsics, task.extrinsics)
    for seed in range(2):
        task.reset(seed)
        cloud = perception.cloud(task.observe())
        assert cloud is not None
        assert len(np.unique(cloud, axis=0)) > 300
        assert cloud[:, 2].min() > 0.004
        assert cloud[:, 0].min() > -0.4


def test_a_picture_shows_the_part_to_be_moved_in_its_own_colour(task_of: Callable) -> None:
    picture = task_of("laptop").render(160, 120).astype(int)
    assert picture.shape == (120, 160, 3)
    orange = (picture[..., 0] > 1.3 * picture[..., 1]) & (picture[..., 1] > 1.3 * picture[..., 2])
    assert orange.mean() > 0.005


@pytest.mark.parametrize(
    ("name", "changed", "solved", "settled"),
    [
        ("laptop", {}, True, True),
        ("laptop", {"opened": 0.79}, False, False),
        ("laptop", {"palm": False}, False, False),
        ("laptop", {"fingers": 1}, False, False),
        ("laptop", {"distance": 0.21}, False, False),
        ("faucet", {}, True, True),
        ("faucet", {"turned": 1.19}, False, False),
        ("faucet", {"palm": False}, False, False),
        ("toilet", {}, True, True),
        ("toilet", {"palm": False}, True, True),
        ("toilet", {"opened": 0.94}, False, False),
        ("toilet", {"distance": 0.11}, False, False),
        ("bucket", {}, True, True),
        ("bucket", {"lifted": 0.16}, True, False),
        ("bucket", {"lifted": 0.14}, False, False),
        ("bucket", {"opened": 0.75}, True, False),
        ("bucket", {"opened": 0.69}, False, False),
        ("bucket", {"fingers": 2}, True, False),
    ],
)
def test_the_rules_are_dp3_s(name: str, changed: dict[str, float], solved: bool, settled: bool) -> None:
    good = {"turned": 1.3, "opened": 0.96, "distance": 0.09, "fingers": 3, "palm": True, "lifted": 0.31}
    found = verdict(name, Moment(**{**good, **changed}))
    assert (found.solved, found.settled) == (solved, settled)


def push(task: DexArtTask, place: tuple[float, float, float]) -> np.ndarray:
    """Brings the open hand to a place beside the faucet's paddle, along it."""
    paddle = task._world.object.part.entity_pose.to_transformation_matrix()
    palm = task._world.robot.palm.entity_pose.to_transformation_matrix()
    quaternion, turn = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, (paddle[:3, :3] @ palm[:3, :3].T).astype(np.float64).ravel())
    mujoco.mju_quat2Vel(turn, quaternion, 1.0)
    move = paddle @ np.append(place, 1.0) - palm[:, 3]
    return np.concatenate([6 * move[:3], 4 * turn, np.full(16, -0.15)])


def test_a_hand_that_pushes_the_paddle_round_solves_the_faucet(task_of: Callable) -> None:
    task = task_of("faucet")

    def solves(seed: int) -> bool:
        task.reset(seed)
        for step in range(100):
            assert not task.decided
            task.step(push(task, (-0.15, 0.1, 0.22) if step < 18 else (-0.15, 0.06 if step < 28 else -0.03, 0.06)))
            if task.succeeded:
                break
        return task.succeeded

    assert any(solves(seed) for seed in (15, 5, 18))
    assert (task.decided, task.success_steps) == (True, 1)
    task.step(STILL)
    assert (task.succeeded, task.success_steps) == (True, 2)  # DP3's episode has ended by then


def test_a_faucet_that_nobody_touches_is_not_solved_however_far_it_is_turned(task_of: Callable) -> None:
    task = task_of("faucet")
    task._world.object._set_joint(1.9)
    task.step(STILL)
    assert task._world.moment().turned > 1.5
    assert not task.succeeded


def test_a_bucket_counts_while_it_is_up_and_no_longer(task_of: Callable) -> None:
    task = task_of("bucket")
    for _ in range(20):
        task.step(STILL)
    object_ = task._world.object
    position = object_._articulation.root_pose.p
    object_._set_joint(MIDDLE["bucket"])
    object_._articulation.set_root_pose(sapien.Pose(np.add(position, (0.3, 0.4, 0.6))))
    task.step(STILL)
    assert (task.succeeded, task.decided) == (True, False)
    for _ in range(15):
        task.step(STILL)
    assert (task.succeeded, task.decided) == (False, False)


def test_there_is_no_expert_and_the_error_says_why(task_of: Callable) -> None:
    task = task_of("laptop")
    assert task.expert_kind is None
    with pytest.raises(TaskError, match=r"dexart/laptop has no scripted expert, .*unpickled"):
        task.expert()
