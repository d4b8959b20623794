"""Published sizes, gradients of the pooled encoder, normalisation."""

from __future__ import annotations

import pytest
import torch
from helpers.contracts import image_contract
from helpers.training import demonstrations, small_policy
from sdm_core.contract import Contract
from sdm_training import registry
from sdm_training.networks.encoders.pointnet import PointNet
from sdm_training.observation import Batch, Observation
from sdm_training.policy.policy import NetworkSettings, parameter_count
from sdm_training.settings import SettingsError, build, composed_values

IMAGE = {"size": (96, 96)}


def sized_contract(settings: NetworkSettings, state_dim: int) -> Contract:
    """The contract under which a network of these settings is trained, with so many state entries."""
    state = tuple(f"state.{index}" for index in range(state_dim))
    given = image_contract(with_cloud=True, state=state, cloud={"points": 512, "centre": state[:3]}, image=IMAGE)
    return settings.contract(given)


def parts(name: str, state_dim: int = 9, action_dim: int = 4):
    """Encoder and denoiser parameter counts of a preset, without allocating weights."""
    settings = build(NetworkSettings, composed_values("train", ["task=a/b", f"network={name}"])["network"])
    contract = sized_contract(settings, state_dim)
    with torch.device("meta"):
        encoder = registry.find("networks.encoders", settings.encoder.kind).create(settings.encoder, contract)
        denoiser = registry.find("networks.denoisers", settings.denoiser.kind).create(
            settings.denoiser, action_dim, settings.horizon, encoder.condition_dim
        )
    return parameter_count(encoder), parameter_count(denoiser)


def test_paper_preset_has_the_published_size():
    encoder, denoiser = parts("paper")
    assert denoiser == 255_074_436
    assert encoder == 63_872


def test_simple_preset_has_about_seven_million():
    encoder, denoiser = parts("simple")
    assert encoder == 63_872
    assert denoiser == 7_375_236


@pytest.mark.parametrize("name", ["small", "keypoint"])
def test_presets_for_one_core_stay_below_their_budget(name):
    assert sum(parts(name, state_dim=10)) <= 1_800_000


def test_unet_predicts_chunks_and_refuses_horizons_it_cannot_halve():
    unet = registry.find("networks.denoisers", "unet1d")
    settings = unet.SETTINGS(widths=(16, 32, 64), groups=8, timestep_features=8)
    network = unet.create(settings, 3, 8, 5)
    chunk = torch.randn(2, 8, 3)
    assert network(chunk, torch.tensor([0, 99]), torch.randn(2, 5)).shape == chunk.shape
    with pytest.raises(SettingsError, match=r"horizon 6 .* multiple of 4"):
        unet.create(settings, 3, 6, 5)


def places(network: PointNet, clouds: torch.Tensor) -> torch.Tensor:
    """[M, K, 3]"""
    return network(clouds)[:, 6:].unflatten(1, (-1, 3))


def test_keypoints_are_places_in_the_cloud_whatever_the_order_of_its_points():
    torch.manual_seed(0)
    network = PointNet(4, (8, 16), 6, frequencies=2, keypoints=5)
    cloud = torch.randn(2, 30, 4)
    found, xyz = places(network, cloud), cloud[:, None, :, :3]
    assert found.shape == (2, 5, 3)
    assert (found >= xyz.amin(2)).all()
    assert (found <= xyz.amax(2)).all()
    torch.testing.assert_close(network(cloud[:, torch.randperm(30)]), network(cloud))
    one = cloud[:, :1]
    torch.testing.assert_close(places(network, one), one[..., :3].expand(2, 5, 3))


def test_keypoints_learn_from_ten_places_to_find_a_thing_at_others():
    """A clump above scattered points, whose place is asked for."""
    torch.manual_seed(0)
    network = PointNet(3, (32, 128), 6, keypoints=1)

    def scenes(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        place = torch.rand(count, 3) * torch.tensor([2.0, 1.0, 0.0]) + torch.tensor([-1.0, 0.0, 0.5])
        table = torch.rand(count, 40, 3) * torch.tensor([2.0, 1.0, 0.02]) - torch.tensor([1.0, 0.0, 0.0])
        return torch.cat([table, place[:, None] + 0.01 * torch.randn(count, 8, 3)], dim=1), place

    clouds, wanted = scenes(10)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(300):
        loss = (places(network, clouds)[:, 0] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    elsewhere, wanted = scenes(50)
    assert (places(network, elsewhere)[:, 0] - wanted).abs().mean() < 0.02


@pytest.mark.parametrize("keypoints", [0, 3])
def test_pooling_winners_alone_gives_the_full_gradient(keypoints: int):
    torch.manual_seed(0)
    network = PointNet(3, (8, 16), 6, keypoints=keypoints)
    clouds = torch.randn(5, 40, 3)
    weights = torch.randn(5, 6 + 3 * keypoints)
    parameters = list(network.parameters())
    output = network(clouds)
    fast = torch.autograd.grad((output * weights).sum(), parameters)
    network.sparse_gradient = False
    full_output = network(clouds)
    full = torch.autograd.grad((full_output * weights).sum(), parameters)
    torch.testing.assert_close(output, full_output)
    torch.testing.assert_close(output[:, :6], network.projection(network.points(clouds).amax(dim=1)))
    for ours, reference in zip(fast, full, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-6)


def test_moving_hand_and_cloud_together_changes_the_condition_through_the_state_alone():
    data = demonstrations()
    policy = small_policy(data).eval()
    assert data.point_cloud is not None
    cloud, state = torch.from_numpy(data.point_cloud[:3, None]), torch.from_numpy(data.state[:6].reshape(3, 2, -1))
    shift = torch.tensor([0.1, -0.2, 0.05])
    moved = state.clone()
    moved[..., 1:] += shift
    features = policy.settings.network.encoder.cloud_features  # type: ignore[attr-defined]
    before, after = policy.encode(Observation(state, cloud)), policy.encode(Observation(moved, cloud + shift))
    torch.testing.assert_close(before[:, :features], after[:, :features], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before[:, features:], after[:, features:])


def test_actions_are_mapped_to_the_unit_range_and_back_inside_the_bounds():
    data = demonstrations()
    policy = small_policy(data)
    batch = Batch(Observation(torch.zeros(1, 2, 4), None), torch.from_numpy(data.action)[None])
    unit = policy.normalised_chunk(batch)
    assert unit.min() == pytest.approx(-1, abs=1e-5)
    assert unit.max() == pytest.approx(1, abs=1e-5)
    state = batch.observation.state
    torch.testing.assert_close(policy.denormalise_chunk(unit, state), batch.action)
    assert policy.denormalise_chunk(torch.tensor([[[5.0, -5.0]]]), state).tolist() == [[[1.0, -1.0]]]


def test_an_unknown_kind_names_the_near_ones():
    with pytest.raises(SettingsError, match=r"networks\.denoisers: unknown kind 'unet2d', did you mean unet1d"):
        registry.find("networks.denoisers", "unet2d")


def test_an_unknown_key_is_one_line_that_names_it():
    with pytest.raises(SettingsError, match=r"'network\.denoiser\.widht': Extra inputs"):
        registry.build_part("networks.denoisers", {"kind": "adaln_mlp", "widht": 3}, "network.denoiser")


def test_the_image_presets_have_diffusion_policy_s_encoder_and_a_small_one():
    encoder, denoiser = parts("dp2d")
    keypoints, projection = 512 * 32 + 32, 64 * 64 + 64
    assert encoder == 11_176_512 + keypoints + projection
    assert denoiser > 250_000_000
    assert sum(parts("dp2d_small", state_dim=10)) <= 3_000_000
