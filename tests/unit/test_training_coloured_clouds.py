"""Networks of coloured clouds: what they ask of a dataset and see of it, and that what is exported acts alike."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from helpers.contracts import small_contract
from helpers.exported import exported
from helpers.training import CPU, clouds_of, demonstrations, network, small_policy, training_of, windows_of
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_sim.colour_contract import with_coloured_cloud
from sdm_sim.metaworld.task import metaworld_contract
from sdm_training import registry
from sdm_training.data import yaw_copies
from sdm_training.data.windows import Demonstrations, window_rows
from sdm_training.data.yaw_copies import with_yaw_copies
from sdm_training.export.run_exports import parity_inputs
from sdm_training.export.torch_backend import TorchBackend
from sdm_training.networks.encoders.pointnet import PointNet
from sdm_training.networks.fourier_features import FourierFeatures
from sdm_training.observation import Observation
from sdm_training.settings import SettingsError

CENTRE = ("hand.x", "hand.y", "hand.z")


def coloured_contract() -> Contract:
    return small_contract(cloud={"channels": 6, "points": 24, "centre": CENTRE, "scale": 0.3})


def coloured_demonstrations() -> Demonstrations:
    """Random episodes whose points have colours within [0, 1]."""
    data = demonstrations(contract=coloured_contract())
    clouds_of(data)[..., 3:] = np.random.default_rng(1).uniform(0, 1, (*clouds_of(data).shape[:2], 3))
    return data


def recoloured(data: Demonstrations) -> Demonstrations:
    """The same, with all points in one other colour."""
    clouds = clouds_of(data).copy()
    clouds[..., 3:] = 0.25
    return dataclasses.replace(data, point_cloud=clouds)


# -- the contract --------------------------------------------------------------------------------------------------


def test_a_network_without_colour_asks_for_none_of_a_coloured_dataset() -> None:
    contract = network().contract(coloured_contract())
    assert contract.observation.cloud is not None
    assert contract.observation.cloud.channels == 3
    assert [(c.depth_encoding, c.colour_encoding) for c in contract.observation.cameras] == [("16UC1", None)]
    assert Contract.model_validate(contract.model_dump()) == contract
    plain = small_contract(cloud={"points": 24, "centre": CENTRE, "scale": 0.3})
    assert contract == network().contract(plain)


def test_a_network_with_colour_asks_for_it() -> None:
    contract = network(colour=True).contract(coloured_contract())
    assert contract.observation.cloud is not None
    assert contract.observation.cloud.coloured
    assert [(c.depth_encoding, c.colour_encoding) for c in contract.observation.cameras] == [("16UC1", "rgb8")]
    assert Contract.model_validate(contract.model_dump()) == contract


def test_colour_that_the_dataset_lacks_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'tiny' reads the colour .* test/reach have none: .* with colour=true"):
        network(colour=True).contract(demonstrations().contract)


# -- what the network sees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [False, True])
def test_windows_hold_as_many_channels_as_the_network_reads(colour: bool) -> None:
    data = coloured_demonstrations()
    policy = small_policy(data, colour=colour)
    indices = torch.tensor([0, 5])
    clouds = windows_of(data, policy).batch(indices).observation.point_cloud
    rows = window_rows(data.lengths, 2, 1, 4, 2).cloud[indices]
    np.testing.assert_array_equal(clouds, clouds_of(data)[rows][:, :, :12, : 6 if colour else 3])


@pytest.mark.parametrize("colour", [False, True])
def test_colour_changes_the_condition_of_networks_that_read_it_alone(colour: bool) -> None:
    data = coloured_demonstrations()
    policy = small_policy(data, colour=colour).eval()
    before, after = (
        policy.encode(windows_of(each, policy).batch(torch.arange(3)).observation) for each in (data, recoloured(data))
    )
    assert torch.equal(before, after) != colour


def test_colours_enter_the_network_within_one_of_zero_and_places_as_ever() -> None:
    data = coloured_demonstrations()
    policy = small_policy(data, colour=True)
    seen: list[Observation] = []
    policy.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    point = torch.tensor([0.4, 0.3, 0.2, 0.0, 0.5, 1.0]).expand(1, 1, 12, 6)
    state = torch.tensor([0.1, 0.0, 0.2, 9.0]).expand(1, 2, 4)
    policy.encode(Observation(state, point))
    assert seen[0].point_cloud is not None
    torch.testing.assert_close(seen[0].point_cloud[0, 0, 0], torch.tensor([1.0, 1.0, 0.0, -1.0, 0.0, 1.0]))


def test_fourier_features_are_those_of_places_and_not_of_colours() -> None:
    points = torch.rand(5, 6)
    places, all_six = FourierFeatures(2, coordinates=3), FourierFeatures(2)
    made = places(points)
    assert made.shape[-1] == places.width(6) == 6 + 2 * 3 * 2
    assert all_six(points).shape[-1] == all_six.width(6) == 6 * 5
    torch.testing.assert_close(made[:, :6], points)
    torch.testing.assert_close(made[:, 6:], all_six(points[:, :3])[:, 3:])
    assert next(PointNet(6, (8,), 4, frequencies=2).parameters()).shape == (8, places.width(6))


def test_turned_copies_keep_the_colours_and_turn_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaw_copies, "MOST_DEG", 90.0)
    plain = demonstrations(contract=metaworld_contract("reach"))
    contract = with_coloured_cloud(metaworld_contract("reach"))
    colours = np.random.default_rng(1).uniform(0, 1, clouds_of(plain).shape).astype(np.float32)
    cloud = np.concatenate([clouds_of(plain), colours], axis=-1)
    every = clouds_of(with_yaw_copies(dataclasses.replace(plain, contract=contract, point_cloud=cloud), 2))
    rows = len(cloud)
    np.testing.assert_array_equal(every[..., 3:], np.concatenate([colours] * 3))
    np.testing.assert_array_equal(every[..., :3], clouds_of(with_yaw_copies(plain, 2)))
    assert np.abs(every[rows:, :, :2] - np.concatenate([cloud[..., :2]] * 2)).max() > 0.5


# -- training and export -------------------------------------------------------------------------------------------


def test_a_stored_coloured_dataset_is_trained_on_with_colour_and_without(tmp_path) -> None:
    data = coloured_demonstrations()
    store = EpisodeStore.create(tmp_path / "coloured.zarr", data.contract)
    for part in data.split(1):
        assert part is not None
        store.append(Episode(part.state, part.action, clouds_of(part)))
    loaded = Demonstrations.load(str(store.path))
    np.testing.assert_array_equal(clouds_of(loaded), clouds_of(data))
    cloning: dict[str, Any] = {"steps": 3, "observations": 4, "draws": 2, "optimiser": {"learning_rate": 1e-2}}
    for colour, channels in ((False, 3), (True, 6)):
        policy = small_policy(loaded, colour=colour)
        settings = registry.build_part("teachers", {"kind": "diffusion", **cloning}, "teacher")
        learner = registry.find("teachers", "diffusion").create(settings, policy, 10)
        run = training_of(learner, windows_of(loaded, policy))
        first = next(parameter for name, parameter in policy.encoder.named_parameters() if parameter.dim() == 2)
        before = first.detach().clone()
        run.step(0)
        assert first.shape[1] == channels
        assert (first != before).any(dim=0).all()  # each channel has a gradient


@pytest.mark.parametrize("colour", [False, True])
def test_exported_networks_of_a_coloured_dataset_act_as_torch_does(colour: bool, tmp_path) -> None:
    data = coloured_demonstrations()
    sampler, checkpoint = exported(small_policy(data, colour=colour), data, tmp_path / "run")
    assert max(checkpoint.metrics["parity"].values()) < 1e-4
    cloud = checkpoint.contract.observation.cloud
    assert cloud is not None
    assert cloud.channels == (6 if colour else 3)
    one = {name: values[:1] for name, values in parity_inputs(sampler, data).items()}
    assert one["point_cloud"].shape == (1, 1, 24, 6 if colour else 3)
    backend = TorchBackend(checkpoint, threads=1)
    with torch.no_grad():
        expected = sampler(*(torch.from_numpy(one[name]).to(CPU) for name in ("point_cloud", "state", "noise")))
    np.testing.assert_allclose(backend.run(one), expected, atol=1e-6)
    if colour:
        grey = one["point_cloud"].copy()
        grey[..., 3:] = 0.5
        assert np.abs(backend.run({**one, "point_cloud": grey}) - expected.numpy()).max() > 1e-4
