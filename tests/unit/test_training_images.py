"""2-D Diffusion Policy: its encoder, the crops it is trained on, its contract, and that what is exported acts alike."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from helpers.contracts import image_contract
from helpers.exported import exported
from helpers.image_training import SIZE, image_demonstrations, image_policy
from helpers.training import CPU, demonstrations, training_of, windows_of
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_training import registry
from sdm_training.data.windows import Demonstrations, window_rows
from sdm_training.draws import Draws
from sdm_training.export.run_exports import parity_inputs
from sdm_training.export.torch_backend import TorchBackend
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import Feeding, Learner
from sdm_training.networks.residual_network import ResidualNetwork
from sdm_training.networks.spatial_softmax import SpatialSoftmax
from sdm_training.observation import Observation
from sdm_training.policy.policy import NetworkSettings, Policy, parameter_count
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.settings import SettingsError, build
from sdm_training.stack.stack import Stack, stack_batches
from torch import Tensor, nn

FAST = {"learning_rate": 1e-2}
TEACHER = {"kind": "diffusion", "method": "dp2d", "steps": 12, "observations": 4, "draws": 2, "optimiser": FAST}


def draws(seed: int = 0) -> Draws:
    return Draws(CPU, torch.Generator().manual_seed(seed))


def teacher(data: Demonstrations, policy: Policy, **changes: object) -> Learner:
    settings = registry.build_part("teachers", {**TEACHER, **changes}, "teacher")
    return registry.find("teachers", settings.kind).create(settings, policy, len(windows_of(data, policy)))


# -- the encoder ---------------------------------------------------------------------------------------------------


def test_the_residual_network_is_resnet_18_with_group_in_place_of_batch_normalisation() -> None:
    with torch.device("meta"):
        network = ResidualNetwork((64, 128, 256, 512), (2, 2, 2, 2))
    assert parameter_count(network) == 11_176_512  # torchvision's, without its classifier
    kinds = [type(module) for module in network.modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.GroupNorm), kinds.count(nn.BatchNorm2d)) == (20, 20, 0)
    assert network(torch.zeros(2, 3, 76, 76, device="meta")).shape == (2, 512, 3, 3)


def test_an_image_s_features_do_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    network = ResidualNetwork((16, 32), (1, 1))
    images = torch.randn(3, 3, 24, 24)
    torch.testing.assert_close(network(images)[:1], network(images[:1]), rtol=1e-4, atol=1e-5)


def test_the_spatial_softmax_is_where_a_feature_is_seen() -> None:
    pooling = SpatialSoftmax(2, 2)  # a bias moves no maximum
    with torch.no_grad():
        pooling.keypoints.weight.copy_(100 * torch.eye(2)[:, :, None, None])
    features = torch.zeros(1, 2, 5, 9)
    features[0, 0, 0, 8] = features[0, 1, 3, 2] = 1.0  # top right; row 3 of 0…4, column 2 of 0…8
    torch.testing.assert_close(pooling(features), torch.tensor([[1.0, -0.5, -1.0, 0.5]]))


@pytest.mark.parametrize("pooling", ["spatial_softmax", "average"])
@pytest.mark.parametrize(("shared", "networks"), [(False, 2), (True, 1)])
def test_every_camera_has_a_network_of_its_own_unless_one_is_shared(pooling: str, shared: bool, networks: int) -> None:
    data = image_demonstrations(cameras=("front", "wrist"))
    policy = image_policy(data, encoder={"pooling": pooling, "shared": shared})
    assert len(policy.encoder.images) == networks
    batch = windows_of(data, policy).batch(torch.arange(3))
    condition = policy.encode(batch.observation)
    assert condition.shape == (3, policy.encoder.condition_dim)
    images = batch.observation.images
    assert images is not None
    swapped = batch.observation._replace(images={"front": images["wrist"], "wrist": images["front"]})
    features = policy.settings.network.encoder.features  # type: ignore[attr-defined]
    front, wrist = condition[:, :features], condition[:, features : 2 * features]
    assert torch.allclose(policy.encode(swapped)[:, :features], wrist, atol=1e-5) == shared
    assert not torch.allclose(front, wrist)


def test_pixels_enter_the_network_within_one_of_zero_and_a_hidden_state_leaves_the_images() -> None:
    data = image_demonstrations()
    policy = image_policy(data)
    seen: list[Observation] = []
    policy.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    images = torch.tensor([0, 255], dtype=torch.uint8).repeat(1, 1, 3, 3, 4)
    policy.encode(Observation(torch.zeros(1, 2, 4), None, {"camera": images}), torch.tensor([False]))
    assert seen[0].images is not None
    assert seen[0].images["camera"].unique().tolist() == [-1.0, 1.0]
    assert not seen[0].state.any()
    assert seen[0].point_cloud is None


# -- the data ------------------------------------------------------------------------------------------------------


def batch_images(data: Demonstrations, policy: Policy, indices: Tensor, some: Draws | None = None) -> Tensor:
    images = windows_of(data, policy).batch(indices, some).observation.images
    assert images is not None
    return images["camera"]


def test_windows_hold_the_middle_of_the_newest_images() -> None:
    data = image_demonstrations()
    policy = image_policy(data, images={"steps": 3, "crop": 0.5})
    indices = torch.tensor([0, 4, 9])
    images = batch_images(data, policy, indices)
    rows = window_rows(data.lengths, 2, 3, 4, 2).cloud[indices]
    expected = data.images["camera"][rows][:, :, 4:12, 4:13].transpose(0, 1, 4, 2, 3)  # 9×8 pixels of 18×16
    assert images.dtype == torch.uint8
    np.testing.assert_array_equal(images, expected)


def test_random_crops_are_parts_of_their_image_each_its_own_and_cover_it() -> None:
    data = image_demonstrations()
    policy = image_policy(data, images={"steps": 2, "crop": 0.8})
    rows = window_rows(data.lengths, 2, 2, 4, 2).cloud
    indices = torch.arange(len(rows)).repeat(20)
    width, height = policy.contract.observation.images[0].seen_size
    assert (width, height) == (14, 13)
    offsets = []
    for window, images in zip(indices.tolist(), batch_images(data, policy, indices, draws()), strict=True):
        for row, image in zip(rows[window], images.numpy().transpose(0, 2, 3, 1), strict=True):
            whole = np.lib.stride_tricks.sliding_window_view(data.images["camera"][row], (height, width), axis=(0, 1))
            (found,) = np.argwhere((whole.transpose(0, 1, 3, 4, 2) == image).all((2, 3, 4)))
            offsets.append(tuple(found.tolist()))
    assert set(offsets) == {(top, left) for top in range(16 - 13 + 1) for left in range(18 - 14 + 1)}
    assert offsets[::2] != offsets[1::2]


def test_the_same_draws_give_the_same_crops_and_clouds_alone_use_none_for_images() -> None:
    data = image_demonstrations()
    policy = image_policy(data)
    first, again, other = (batch_images(data, policy, torch.arange(8), draws(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("crop", "subsets"), [(1.0, 1), (0.8, 3)])
def test_images_that_are_seen_whole_are_encoded_once_for_a_frozen_encoder(crop: float, subsets: int) -> None:
    data = image_demonstrations()
    policy = image_policy(data, images={"steps": 1, "crop": crop})
    windows = windows_of(data, policy)
    encoded = 0

    def count(*_: object) -> None:
        nonlocal encoded
        encoded += 1

    policy.encoder.register_forward_hook(count)
    Feed(Feeding(2, encoder=policy, point_subsets=3), windows, draws())
    assert encoded == subsets, "one batch holds all windows"


def test_a_stored_dataset_loads_with_its_images_and_they_are_part_of_its_digest(tmp_path) -> None:
    data = image_demonstrations((5,), cameras=("front", "wrist"))
    images = {"img": data.images["front"], "img_wrist": data.images["wrist"]}
    EpisodeStore.create(tmp_path / "a.zarr", data.contract).append(Episode(data.state, data.action, extra=images))
    loaded = Demonstrations.load(str(tmp_path / "a.zarr"))
    assert loaded.point_cloud is None
    for camera, pixels in data.images.items():
        np.testing.assert_array_equal(loaded.images[camera], pixels)
    assert loaded.digest() == data.digest()
    changed = copy.deepcopy(data)
    changed.images["wrist"][0, 0, 0, 0] ^= 1
    assert changed.digest() != data.digest()


def test_held_out_episodes_keep_their_images() -> None:
    data = image_demonstrations((5, 6))
    kept, held_out = data.split(1)
    assert held_out is not None
    np.testing.assert_array_equal(kept.images["camera"], data.images["camera"][:5])
    np.testing.assert_array_equal(held_out.images["camera"], data.images["camera"][5:])


# -- the contract --------------------------------------------------------------------------------------------------


def narrowed(given: Contract, **changes: object) -> Contract:
    policy = image_policy(image_demonstrations())
    settings = build(NetworkSettings, {**policy.settings.network.model_dump(serialize_as_any=True), **changes})
    return settings.contract(given)


def test_a_network_of_images_narrows_the_contract_to_what_it_sees() -> None:
    given = image_contract(with_cloud=True, cameras=("front", "wrist"), image={"size": SIZE})
    contract = narrowed(given, images={"steps": 2, "crop": 0.8, "cameras": ["wrist"]})
    assert contract.observation.cloud is None
    (image,) = contract.observation.images
    assert (image.camera, image.steps, image.network_size) == ("wrist", 2, (14, 13))
    streams = [(camera.depth_encoding, camera.colour_encoding) for camera in contract.observation.cameras]
    assert streams == [(None, None), (None, "rgb8")]
    assert Contract.model_validate(contract.model_dump()) == contract


def test_a_network_of_clouds_does_not_ask_for_the_images_of_its_dataset() -> None:
    data = image_demonstrations(with_cloud=True)
    encoder = {"kind": "pointnet", "point_widths": [8], "cloud_features": 8, "state_widths": [8]}
    clouds = narrowed(data.contract, points=16, images=None, encoder=encoder)
    assert clouds.observation.images == ()
    assert clouds.observation.cameras[0].colour_encoding is None
    assert clouds.observation.cameras[0].depth_encoding == "16UC1"


def test_images_that_the_dataset_lacks_and_encoders_of_something_else_are_refused() -> None:
    with pytest.raises(SettingsError, match="the network reads images, and the dataset of test/reach has none"):
        narrowed(demonstrations().contract)
    with pytest.raises(SettingsError, match=r"reads images of side, .* has camera: record one with images=true"):
        narrowed(image_contract(), images={"cameras": ["side"]})
    with pytest.raises(SettingsError, match=r"a share of 1\.2 cannot be cropped"):
        image_policy(image_demonstrations(), images={"crop": 1.2})
    with pytest.raises(SettingsError, match="encoder 'resnet' sees images alone"):
        image_policy(image_demonstrations(with_cloud=True), points=16)
    with pytest.raises(SettingsError, match=r"blocks \(1,\) must give one or more for each of the widths"):
        image_policy(image_demonstrations(), encoder={"blocks": [1]})


# -- training and export -------------------------------------------------------------------------------------------


def test_training_lowers_the_loss_and_moves_the_encoder() -> None:
    data = image_demonstrations()
    policy = image_policy(data)
    run = training_of(teacher(data, policy, steps=120), windows_of(data, policy))
    before = copy.deepcopy(policy.encoder)
    losses = [float(run.step(index)["loss"]) for index in range(120)]
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:10])
    moved = [not torch.equal(a, b) for a, b in zip(before.parameters(), policy.encoder.parameters(), strict=True)]
    assert all(moved)


def test_a_student_is_distilled_from_a_teacher_of_images() -> None:
    data = image_demonstrations()
    policy = image_policy(data)
    optimisers = {"generator_optimiser": FAST, "critic_optimiser": FAST}
    settings = registry.build_part("distillers", {"kind": "sdm", "steps": 6, "batch": 4, **optimisers}, "distiller")
    learner = registry.find("distillers", "sdm").create(settings, policy, 10)
    run = training_of(learner, windows_of(data, policy))
    before = copy.deepcopy(learner.policy.denoiser)
    for index in range(6):
        run.step(index)
    after = learner.policy.denoiser
    assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


class Repeated(Draws):
    """The same numbers for every run and both ways of running them."""

    def __init__(self) -> None:
        super().__init__(CPU, torch.Generator())
        self.rewind()

    def rewind(self) -> None:
        assert self.generator is not None
        self.generator.manual_seed(0)


def test_a_stack_of_runs_has_the_losses_and_gradients_of_the_runs_alone() -> None:
    data = image_demonstrations(cameras=("front", "wrist"))
    learners = [teacher(data, image_policy(data, seed)) for seed in (0, 1)]
    windows = [windows_of(data, learner.policy) for learner in learners]
    alone = copy.deepcopy(learners)
    stack = Stack(learners, windows, seed=0)
    stack.draws = repeated = Repeated()
    stack.randomness = "same"
    batches = [feed.batch() for feed in stack.feeds]
    step = stack._steps["cloning"]
    trained = [parameter.detach().requires_grad_() for parameter in step.parameters]
    repeated.rewind()
    tensors = dict(zip(step.names, trained, strict=True))
    losses, _ = stack.losses("cloning", tensors, stack_batches(batches))
    gradients = torch.autograd.grad(losses.sum(), trained)
    for index, (learner, batch) in enumerate(zip(alone, batches, strict=True)):
        repeated.rewind()
        loss, _ = learner("cloning", batch, repeated)
        expected = torch.autograd.grad(loss, [parameter for _, parameter in learner.trained(learner.updates[0])])
        torch.testing.assert_close(losses[index], loss, rtol=1e-4, atol=1e-5)
        for ours, theirs in zip(gradients, expected, strict=True):
            torch.testing.assert_close(ours[index], theirs, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("cameras", [("camera",), ("front", "wrist")])
def test_exported_networks_of_images_act_as_torch_does(cameras: tuple[str, ...], tmp_path) -> None:
    data = image_demonstrations(cameras=cameras)
    policy = image_policy(data, images={"steps": 2, "crop": 0.8})
    sampler, checkpoint = exported(policy, data, tmp_path / "run", method="dp2d")
    assert max(checkpoint.metrics["parity"].values()) < 1e-4
    inputs = parity_inputs(sampler, data)
    one = {name: values[:1] for name, values in inputs.items()}
    assert one[f"image_{cameras[0]}"].shape == (1, 2, 3, 16, 18)
    with torch.no_grad():
        names = [*(f"image_{camera}" for camera in cameras), "state", "noise"]
        expected = sampler(*(torch.from_numpy(one[name]) for name in names))
    np.testing.assert_allclose(TorchBackend(checkpoint, threads=1).run(one), expected, atol=1e-6)


def test_whole_images_and_the_middle_of_them_give_the_same_action() -> None:
    data = image_demonstrations()
    policy = image_policy(data).eval()
    sampler = Sampler(policy, SamplingSettings(nfe=1))
    batch = windows_of(data, policy).batch(torch.tensor([5]))
    inputs = {name: torch.from_numpy(values) for name, values in parity_inputs(sampler, data).items()}
    rows = window_rows(data.lengths, 2, 1, 4, 2)
    whole = torch.from_numpy(data.images["camera"][rows.cloud[5]].transpose(0, 3, 1, 2))[None]
    noise = inputs["noise"][:1]
    with torch.no_grad():
        torch.testing.assert_close(
            sampler(whole, batch.observation.state, noise), sampler.act(batch.observation, noise), rtol=0, atol=0
        )
