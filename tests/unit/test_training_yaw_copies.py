"""Copies of demonstrations, turned about the vertical."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from helpers.image_training import image_demonstrations, store_images
from helpers.training import CPU, clouds_of, demonstrations, small_contract
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.errors import DatasetError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_sim.franka.contract import franka_contract
from sdm_sim.metaworld.task import metaworld_contract
from sdm_sim.programs import demos
from sdm_training.data import yaw_copies
from sdm_training.data.windows import Demonstrations
from sdm_training.data.yaw_copies import with_yaw_copies
from sdm_training.programs.train import TrainSettings
from sdm_training.settings import composed
from sdm_training.training.run import load_data

ROWS = 16  # of the demonstrations of the tests


@pytest.fixture(autouse=True)
def quarter_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies turn by 90 degrees to either side."""
    monkeypatch.setattr(yaw_copies, "MOST_DEG", 90.0)


def yaw_matrix(degrees: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def copies(data: Demonstrations, count: int = 2) -> list[Demonstrations]:
    """The copies one by one, the demonstrations themselves first."""
    every, rows = with_yaw_copies(data, count), len(data.state)
    assert every.lengths == data.lengths * (len(every.state) // rows)
    return [
        dataclasses.replace(
            data,
            state=every.state[start : start + rows],
            action=every.action[start : start + rows],
            point_cloud=clouds_of(every)[start : start + rows],
        )
        for start in range(0, len(every.state), rows)
    ]


def columns(contract: Contract, names: Sequence[str]) -> list[int]:
    return [contract.state_names.index(name) for name in names]


def metaworld() -> Demonstrations:
    return demonstrations(contract=metaworld_contract("reach"))


def test_what_the_gripper_sees_and_does_turns_as_one() -> None:
    data = metaworld()
    hand = columns(data.contract, ("hand.x", "hand.y", "hand.z"))
    itself, right, left = copies(data)
    np.testing.assert_array_equal(itself.state, data.state)
    np.testing.assert_array_equal(clouds_of(itself), clouds_of(data))
    for copy, degrees in ((right, -90.0), (left, 90.0)):
        turn = yaw_matrix(degrees)
        seen, before = (clouds_of(one) - one.state[:, None, hand] for one in (copy, data))
        np.testing.assert_allclose(seen, before @ turn.T, atol=1e-5)
        np.testing.assert_allclose(copy.action[:, :3], data.action[:, :3] @ turn.T, atol=1e-6)
        np.testing.assert_array_equal(copy.action[:, 3], data.action[:, 3])  # the gripper
        gap = data.contract.state_names.index("finger_gap")
        np.testing.assert_array_equal(copy.state[:, gap], data.state[:, gap])


def test_a_hand_s_orientation_turns_with_its_place_in_what_is_seen_and_what_is_commanded() -> None:
    contract = franka_contract("franka/lift", 0.42, 64, 64)
    data = demonstrations(contract=contract)
    place, quaternion = (columns(contract, [f"ee.{axis}" for axis in axes]) for axes in (("x", "y", "z"), QUATERNION))
    for array in (data.state, data.action):
        array[:, quaternion] /= np.linalg.norm(array[:, quaternion], axis=1, keepdims=True)
    turned = copies(data)[2]
    for array, before in ((turned.state, data.state), (turned.action, data.action)):
        assert (array[:, quaternion[0]] >= 0).all(), "the sign that a node sees, too"
        for row in range(ROWS):
            np.testing.assert_allclose(
                rotation(array[row, quaternion]), yaw_matrix(90.0) @ rotation(before[row, quaternion]), atol=1e-5
            )
    moved = turned.action[:, place] - turned.state[:, place]
    np.testing.assert_allclose(moved, (data.action - data.state[:, :8])[:, place] @ yaw_matrix(90.0).T, atol=1e-5)


QUATERNION = ("qx", "qy", "qz", "qw")


def rotation(quaternion: np.ndarray) -> np.ndarray:
    x, y, z, w = map(float, quaternion)
    return Extrinsics((x, y, z, w), (0.0, 0.0, 0.0)).rotation


def test_angles_lie_evenly_to_both_sides() -> None:
    data = metaworld()
    first, second = data.action[:, :2].T
    angles = [
        np.degrees(np.arctan2(first * y - second * x, first * x + second * y))[0]
        for x, y in (copy.action[:, :2].T for copy in copies(data, 4))
    ]
    np.testing.assert_allclose(angles, [0, -90, -30, 30, 90], atol=1e-3)


def test_padding_and_colour_are_left_alone() -> None:
    data = metaworld()
    clouds_of(data)[:, -3:] = 0
    for copy in copies(data):
        assert not clouds_of(copy)[:, -3:].any()
        assert clouds_of(copy)[:, :-3].any(-1).all()
    coloured = np.concatenate([clouds_of(data), clouds_of(data)], axis=-1)
    every = with_yaw_copies(dataclasses.replace(data, point_cloud=coloured, noisy_clouds=(coloured,)), 2)
    np.testing.assert_array_equal(clouds_of(every)[ROWS : 2 * ROWS, :, 3:], coloured[..., 3:])
    np.testing.assert_array_equal(every.noisy_clouds[0], clouds_of(every))


def test_what_nobody_can_turn_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"test/reach: nobody can tell how 'a' \(1\) turns.*leave yaw_copies out"):
        with_yaw_copies(demonstrations(), 2)
    contract = small_contract()
    for name, unit in (("joint1", "rad"), ("hand.x", "m")):  # an angle of something; half a position
        state = contract.observation.model_copy(update={"state": (StateEntry(name=name, unit=unit),)})
        action = contract.action.model_copy(
            update={"entries": (ActionEntry(name="hand.dz", unit="m", low=-1, high=1),)}
        )
        other = contract.model_copy(update={"observation": state, "action": action})
        with pytest.raises(DatasetError, match=f"'{name}' \\({unit}\\) turns"):
            with_yaw_copies(demonstrations(contract=other), 2)
    data = metaworld()
    delta = data.contract.model_copy(update={"action": data.contract.action.model_copy(update={"kind": "ee_delta"})})
    with pytest.raises(DatasetError, match="displacements of kind ee_delta"):
        with_yaw_copies(dataclasses.replace(data, contract=delta), 2)
    images = contract.observation.model_copy(update={"cloud": None})
    with pytest.raises(DatasetError, match="images cannot be turned"):
        with_yaw_copies(dataclasses.replace(data, contract=contract.model_copy(update={"observation": images})), 2)


def test_a_training_learns_from_the_copies_and_counts_what_was_shown(tmp_path) -> None:
    task, path = "metaworld/reach+goal", str(tmp_path / "data.zarr")
    demos.record(task, 2, 0, 0, False, path, quiet=True)
    values = [f"task={task}", f"data={path}", f"run={tmp_path / 'run'}"]
    plain, turned = (
        load_data(settings, settings.network.contract, CPU)
        for settings in (composed("train", TrainSettings, [*values, f"yaw_copies={count}"]) for count in ("null", 2))
    )
    assert len(turned.learned) == 3 * len(plain.learned)
    assert len(turned.train) == len(plain.train) == len(plain.learned)  # of which the action error is
    assert turned.demonstrations.lengths == plain.demonstrations.lengths
    assert turned.digest == plain.digest
    normaliser, before = turned.contract.normaliser, plain.contract.normaliser
    assert normaliser is not None
    assert before is not None
    assert normaliser.action.high[0] > before.action.high[0]  # what was ahead is now also beside


def test_images_that_the_network_does_not_read_need_not_be_turned(tmp_path) -> None:
    path, data = tmp_path / "data.zarr", image_demonstrations(with_cloud=True)
    store_images(path, data, "test/reach")
    values = ["task=test/reach", f"data={path}", "yaw_copies=2"]
    clouds, images = (
        composed("train", TrainSettings, [*values, *network])
        for network in (["network=small", "network.points=16"], ["network=dp2d_small"])
    )
    turned = load_data(clouds, clouds.network.contract, CPU)
    assert len(turned.learned) == 3 * len(turned.train)
    assert turned.demonstrations.images == {}
    assert turned.digest == Demonstrations.load(str(path)).digest()  # of all that was recorded
    with pytest.raises(DatasetError, match="images cannot be turned"):
        load_data(images, images.network.contract, CPU)
