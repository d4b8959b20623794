"""Copies of demonstrations, mirrored along an axis of the base."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.image_training import image_demonstrations, store_images
from helpers.training import CPU, clouds_of, demonstrations, small_contract
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import DatasetError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_sim.franka.contract import franka_contract
from sdm_sim.metaworld.task import metaworld_contract
from sdm_training.data.mirrored_copies import Axis, with_mirrored_copies
from sdm_training.data.windows import Demonstrations
from sdm_training.programs.distill import DistillSettings
from sdm_training.programs.train import TrainSettings
from sdm_training.settings import SettingsError, composed
from sdm_training.training.run import load_data

XYZ = ("x", "y", "z")
QUATERNION = ("qx", "qy", "qz", "qw")
MIRROR = {"x": np.array([-1, 1, 1], np.float32), "y": np.array([1, -1, 1], np.float32)}
AXES: tuple[Axis, ...] = ("x", "y")
FINGERS = ("right_finger", "left_finger")


def mirrored(data: Demonstrations, axis: Axis) -> Demonstrations:
    """The copies alone; the demonstrations themselves come before them as they were."""
    every, rows = with_mirrored_copies(data, axis), len(data.state)
    assert every.lengths == data.lengths * 2
    for array, before in ((every.state, data.state), (every.action, data.action), (clouds_of(every), clouds_of(data))):
        assert (len(array), array.dtype) == (2 * rows, np.float32)
        np.testing.assert_array_equal(array[:rows], before)
    return dataclasses.replace(
        data,
        state=every.state[rows:],
        action=every.action[rows:],
        point_cloud=clouds_of(every)[rows:],
        noisy_clouds=tuple(clouds[rows:] for clouds in every.noisy_clouds),
    )


def columns(contract: Contract, stem: str, suffixes: Sequence[str] = XYZ) -> list[int]:
    return [contract.state_names.index(f"{stem}.{suffix}") for suffix in suffixes]


def metaworld() -> Demonstrations:
    return demonstrations(contract=metaworld_contract("reach"))


def franka() -> Demonstrations:
    """Of a Franka's cell, whose orientations are such as a node sees."""
    data = demonstrations(contract=franka_contract("franka/lift", 0.42, 64, 64))
    turned = columns(data.contract, "ee", QUATERNION)
    for array in (data.state, data.action):
        array[:, turned] /= np.linalg.norm(array[:, turned], axis=1, keepdims=True)
        array[:, turned] *= np.sign(array[:, turned[:1]])
    return data


def with_entries(states: Sequence[tuple[str, str]], actions: Sequence[tuple[str, str]]) -> Demonstrations:
    """Demonstrations of native commands whose entries have these names and units."""
    contract = small_contract()
    observation = contract.observation.model_copy(
        update={"state": tuple(StateEntry(name=name, unit=unit) for name, unit in states)}
    )
    entries = tuple(ActionEntry(name=name, unit=unit, low=-1, high=1) for name, unit in actions)
    action = contract.action.model_copy(update={"entries": entries, "hold": (0.0,) * len(entries)})
    return demonstrations(contract=contract.model_copy(update={"observation": observation, "action": action}))


def rotation(quaternion: np.ndarray) -> np.ndarray:
    x, y, z, w = map(float, quaternion)
    return Extrinsics((x, y, z, w), (0.0, 0.0, 0.0)).rotation


@pytest.mark.parametrize("axis", AXES)
def test_what_the_gripper_sees_and_does_is_mirrored_as_one(axis: Axis) -> None:
    data = metaworld()
    hand, copy = columns(data.contract, "hand"), mirrored(data, axis)
    seen, before = (clouds_of(one) - one.state[:, None, hand] for one in (copy, data))
    np.testing.assert_array_equal(seen, before * MIRROR[axis])
    np.testing.assert_array_equal(copy.action[:, :3], data.action[:, :3] * MIRROR[axis])
    np.testing.assert_array_equal(copy.action[:, 3], data.action[:, 3])  # the gripper
    gap = data.contract.state_names.index("finger_gap")
    np.testing.assert_array_equal(copy.state[:, gap], data.state[:, gap])


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("made", [metaworld, franka])
def test_the_mirror_of_the_mirror_is_what_was_shown(axis: Axis, made: Callable[[], Demonstrations]) -> None:
    data = made()
    again = mirrored(mirrored(data, axis), axis)
    np.testing.assert_array_equal(again.state, data.state)
    np.testing.assert_array_equal(again.action, data.action)
    np.testing.assert_array_equal(clouds_of(again), clouds_of(data))


@pytest.mark.parametrize("axis", AXES)
def test_a_hand_s_orientation_is_that_of_the_mirror_in_what_is_seen_and_what_is_commanded(axis: Axis) -> None:
    data = franka()
    place, turned = (columns(data.contract, "ee", suffixes) for suffixes in (XYZ, QUATERNION))
    mirror, copy = np.diag(MIRROR[axis]), mirrored(data, axis)
    for array, before in ((copy.state, data.state), (copy.action, data.action)):
        np.testing.assert_array_equal(array[:, place], before[:, place] * MIRROR[axis])
        np.testing.assert_allclose(np.linalg.norm(array[:, turned], axis=1), 1.0, atol=1e-6)
        assert (array[:, turned[0]] > 0).all(), "the sign that a node sees, too"
        for row, orientation in zip(array[:, turned], before[:, turned], strict=True):
            np.testing.assert_allclose(rotation(row), mirror @ rotation(orientation) @ mirror, atol=1e-5)
    np.testing.assert_array_equal(copy.action[:, -1], data.action[:, -1])  # the gripper


def test_an_environment_s_own_quaternions_keep_their_sign() -> None:
    data = with_entries([(f"hand.{part}", "1") for part in QUATERNION] + [("hand.x", "m")], [("hand.dx", "m")])
    data.state[0, :4] = (-0.5, 0.5, -0.5, 0.5)
    assert data.contract.action.kind == "native"
    np.testing.assert_array_equal(mirrored(data, "x").state[0, :4], (-0.5, -0.5, 0.5, 0.5))
    np.testing.assert_array_equal(mirrored(data, "y").state[0, :4], (0.5, 0.5, 0.5, 0.5))


@pytest.mark.parametrize("axis", AXES)
def test_what_turns_in_the_mirror_turns_the_other_way(axis: Axis) -> None:
    """A point of the body at r from its centre moves by v + w × r, and its mirror image by the mirrored velocity."""
    names = [f"palm.{kind}{part}" for kind in "vw" for part in XYZ]
    data = with_entries([*((name, "1/s") for name in names), ("palm.x", "m")], [(name, "1/s") for name in names])
    copy, arm = mirrored(data, axis), np.array([0.3, -0.2, 0.5], np.float32)

    def moved(rows: np.ndarray, arm: np.ndarray) -> np.ndarray:
        return rows[:, :3] + np.cross(rows[:, 3:6], arm)

    for array, before in ((copy.state, data.state), (copy.action, data.action)):
        np.testing.assert_array_equal(array[:, :3], before[:, :3] * MIRROR[axis])
        np.testing.assert_allclose(moved(array, arm * MIRROR[axis]), moved(before, arm) * MIRROR[axis], atol=1e-6)


def test_a_left_and_a_right_finger_change_places_where_they_lie_apart_along_the_axis() -> None:
    for apart, axis in itertools.product(range(3), AXES):
        data = metaworld()
        right, left = (columns(data.contract, finger) for finger in FINGERS)
        hand = columns(data.contract, "hand")
        for finger, side in ((right, 0.05), (left, -0.05)):
            data.state[:, finger] = data.state[:, hand] + np.float32(side) * np.eye(3, dtype=np.float32)[apart]
        copy = mirrored(data, axis)
        changed = "xyz"[apart] == axis
        for finger, source in ((right, left if changed else right), (left, right if changed else left)):
            np.testing.assert_array_equal(copy.state[:, finger], data.state[:, source] * MIRROR[axis])
        # A hand as before: the right finger lies to the same side of the left one.
        between, before = (one.state[:, right] - one.state[:, left] for one in (copy, data))
        np.testing.assert_allclose(between, before, atol=1e-6)


def test_padding_and_colour_are_left_alone() -> None:
    data = metaworld()
    clouds_of(data)[:, -3:] = 0
    copy = mirrored(data, "x")
    assert not clouds_of(copy)[:, -3:].any()
    assert clouds_of(copy)[:, :-3].any(-1).all()
    coloured = np.concatenate([clouds_of(data), clouds_of(data)], axis=-1)
    seen = mirrored(dataclasses.replace(data, point_cloud=coloured, noisy_clouds=(2 * coloured, coloured)), "x")
    np.testing.assert_array_equal(clouds_of(seen)[..., :3], clouds_of(copy))
    np.testing.assert_array_equal(clouds_of(seen)[..., 3:], coloured[..., 3:])
    np.testing.assert_array_equal(seen.noisy_clouds[0], 2 * clouds_of(seen))
    np.testing.assert_array_equal(seen.noisy_clouds[1], clouds_of(seen))


def test_what_was_shown_is_not_written_into() -> None:
    data, same = franka(), franka()
    with_mirrored_copies(data, "y")
    for array, before in ((data.state, same.state), (data.action, same.action), (clouds_of(data), clouds_of(same))):
        np.testing.assert_array_equal(array, before)


def test_copies_of_disturbed_demonstrations_are_disturbed() -> None:
    for disturbed in (False, True):
        data = dataclasses.replace(metaworld(), disturbed=disturbed)
        assert with_mirrored_copies(data, "x").disturbed is disturbed


@pytest.mark.parametrize(
    ("name", "unit"), [("a", "1"), ("joint1", "rad"), ("ee.rx", "0.5 rad per step"), ("palm.up", "1")]
)
def test_an_entry_of_which_nobody_can_tell_is_refused_in_one_line(name: str, unit: str) -> None:
    known = ("hand.x", "m")
    message = rf"^test/reach: nobody can tell how '{name}' \({unit}\) is mirrored; leave mirrored out$"
    for states, actions in (([known, (name, unit)], [known]), ([known], [known, (name, unit)])):
        with pytest.raises(DatasetError, match=message):
            with_mirrored_copies(with_entries(states, actions), "x")


def test_images_are_refused_in_one_line_with_a_cloud_and_without() -> None:
    for with_cloud in (True, False):
        data = image_demonstrations(with_cloud=with_cloud)
        with pytest.raises(DatasetError, match=r"^test/reach: images cannot be mirrored .*; leave mirrored out$"):
            with_mirrored_copies(data, "x")


def test_a_training_learns_from_the_copies_of_the_copies_and_counts_what_was_shown(tmp_path: Path) -> None:
    data, path = metaworld(), tmp_path / "data.zarr"
    store = EpisodeStore.create(path, data.contract)
    for rows in (slice(0, 7), slice(7, 16)):
        store.append(Episode(data.state[rows], data.action[rows], clouds_of(data)[rows]))
    values = ["task=metaworld/reach", f"data={path}", "network.points=128"]
    plain, both = (
        load_data(settings, settings.network.contract, CPU)
        for settings in (
            composed("train", TrainSettings, [*values, *copies]) for copies in ([], ["yaw_copies=2", "mirrored=x"])
        )
    )
    assert len(both.learned) == 6 * len(plain.learned)
    assert len(both.train) == len(plain.train) == len(plain.learned)  # of which the action error is
    assert both.demonstrations.lengths == plain.demonstrations.lengths
    assert both.digest == plain.digest
    normaliser, before = both.contract.normaliser, plain.contract.normaliser
    assert normaliser is not None
    assert before is not None
    assert before.state.low[0] >= 0, "nothing was shown on the other side"
    assert normaliser.state.low[0] == pytest.approx(-normaliser.state.high[0])


def test_images_that_the_network_does_not_read_need_not_be_mirrored(tmp_path: Path) -> None:
    data, path = image_demonstrations(with_cloud=True), tmp_path / "data.zarr"
    store_images(path, data, "test/reach")
    values = ["task=test/reach", f"data={path}", "mirrored=y"]
    clouds, images = (
        composed("train", TrainSettings, [*values, *network])
        for network in (["network=small", "network.points=16"], ["network=dp2d_small"])
    )
    learned = load_data(clouds, clouds.network.contract, CPU)
    assert len(learned.learned) == 2 * len(learned.train)
    with pytest.raises(DatasetError, match="images cannot be mirrored"):
        load_data(images, images.network.contract, CPU)


def test_trainings_are_mirrored_along_x_or_y_or_not_at_all() -> None:
    for program, settings in (("train", TrainSettings), ("distill", DistillSettings)):
        given = [
            composed(program, settings, ["task=test/reach", *values]).mirrored
            for values in ([], ["mirrored=x"], ["mirrored=y"], ["mirrored=null"])
        ]
        assert given == [None, "x", "y", None]
        with pytest.raises(SettingsError, match=r"mirrored.*'x' or 'y' \(given: 'z'\)"):
            composed(program, settings, ["task=test/reach", "mirrored=z"])
