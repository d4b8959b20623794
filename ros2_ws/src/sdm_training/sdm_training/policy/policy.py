"""A diffusion policy on raw inputs: everything between the contract's raw units and the denoiser's range is in here."""

from __future__ import annotations

from typing import Any, Self

import torch
from pydantic import Field, field_validator, model_validator
from sdm_core.contract import XYZ, XYZRGB, CloudSpec, Contract, ImageSpec
from torch import Tensor, nn

from sdm_training import registry
from sdm_training.data.action_centre import action_centre
from sdm_training.data.image_windows import centre_crop
from sdm_training.data.padding import fill_padding
from sdm_training.observation import Batch, Observation
from sdm_training.policy.process import Process
from sdm_training.settings import Part, Settings, SettingsError

# Maps the 8 bits of a pixel to [-1, 1].
HALF_BRIGHTNESS = 127.5


class ImageSettings(Settings):
    """steps: newest images of each camera fed; crop: the share of an image's width and height that the network sees;
    cameras: which ones, empty for all that the dataset has."""

    steps: int = Field(default=1, gt=0)
    crop: float = 0.9
    cameras: tuple[str, ...] = ()

    @field_validator("crop")
    @classmethod
    def crop_is_a_share(cls, value: float) -> float:
        if not 0 < value <= 1:
            raise ValueError(f"a share of {value:g} cannot be cropped: give one above 0, up to 1")
        return value

    def specs(self, contract: Contract) -> tuple[ImageSpec, ...]:
        """The contract's images as they are fed. Raises SettingsError where it lacks a camera."""
        given = {image.camera: image for image in contract.observation.images}
        missing = [camera for camera in self.cameras if camera not in given]
        if missing or not given:
            wanted = f"images of {', '.join(missing)}" if missing else "images"
            raise SettingsError(
                f"the network reads {wanted}, and the dataset of {contract.task} has {', '.join(given) or 'none'}: "
                "record one with images=true"
            )
        return tuple(
            given[camera].model_copy(
                update={"steps": self.steps, "network_size": tuple(round(self.crop * n) for n in given[camera].size)}
            )
            for camera in self.cameras or given
        )


class NetworkSettings(Settings):
    """What the network is made of and what of the dataset's contract it changes.

    points: network_points of its contract, 0 for no clouds; colour: whether it reads their colour; cloud_steps: newest
    clouds fed; centred: gripper-centric clouds as the contract's `centre` and `scale` say (else the crop box is mapped
    to [-1, 1]); images: how images are fed, None for none; past_actions: of the horizon, those before the newest
    observation.
    """

    name: str
    points: int = Field(default=0, ge=0)
    colour: bool = False
    cloud_steps: int = Field(default=1, gt=0)
    centred: bool = False
    images: ImageSettings | None = None
    n_obs_steps: int = Field(gt=0)
    horizon: int = Field(gt=0)
    past_actions: int = Field(default=0, ge=0)
    n_action_steps: int = Field(gt=0)
    encoder: Part
    denoiser: Part

    @model_validator(mode="after")
    def steps_fit(self) -> Self:
        if self.n_action_steps > self.horizon - self.past_actions:
            past = f" without its {self.past_actions} past actions" if self.past_actions else ""
            raise ValueError(f"n_action_steps {self.n_action_steps} exceeds horizon {self.horizon}{past}")
        if self.centred and self.cloud_steps > self.n_obs_steps:
            raise ValueError(
                f"cloud_steps {self.cloud_steps} exceeds n_obs_steps {self.n_obs_steps}: where clouds are centred, "
                "each needs the state of its own step"
            )
        return self

    @field_validator("encoder", mode="before")
    @classmethod
    def encoder_settings(cls, values: Any) -> Part:
        return registry.build_part("networks.encoders", values, "network.encoder")

    @field_validator("denoiser", mode="before")
    @classmethod
    def denoiser_settings(cls, values: Any) -> Part:
        return registry.build_part("networks.denoisers", values, "network.denoiser")

    def contract(self, dataset_contract: Contract) -> Contract:
        """The dataset's contract as this network narrows it: the one under which a policy is trained and deployed."""
        given = dataset_contract.observation
        images = self.images.specs(dataset_contract) if self.images else ()
        coloured = {image.camera for image in images}
        if self.colour:
            coloured |= {camera.name for camera in given.depth_cameras}
        cloud = self._cloud(dataset_contract) if self.points else None
        cameras = tuple(
            camera.model_copy(
                update={
                    "depth_encoding": camera.depth_encoding if cloud else None,
                    "colour_encoding": camera.colour_encoding if camera.name in coloured else None,
                }
            )
            for camera in given.cameras
        )
        return dataset_contract.model_copy(
            update={
                "observation": given.model_copy(update={"cloud": cloud, "images": images, "cameras": cameras}),
                "n_obs_steps": self.n_obs_steps,
                "horizon": self.horizon,
                "past_actions": self.past_actions,
                "n_action_steps": self.n_action_steps,
            }
        )

    def _cloud(self, dataset_contract: Contract) -> CloudSpec:
        cloud = dataset_contract.observation.cloud
        if cloud is None:
            raise SettingsError(
                f"network '{self.name}' reads point clouds, and the dataset of {dataset_contract.task} has none"
            )
        if self.points > cloud.points:
            raise SettingsError(
                f"network '{self.name}' reads {self.points} points, the dataset has {cloud.points} a cloud"
            )
        if self.centred and not cloud.centre:
            raise SettingsError(
                f"network '{self.name}' centres its clouds, but the contract of {dataset_contract.task} names no centre"
            )
        if self.colour and not cloud.coloured:
            raise SettingsError(
                f"network '{self.name}' reads the colour of points, and those of the dataset of "
                f"{dataset_contract.task} have none: record one with colour=true"
            )
        channels = XYZRGB if self.colour else XYZ
        changes: dict[str, Any] = {"network_points": self.points, "steps": self.cloud_steps, "channels": channels}
        if not self.centred:
            changes["centre"] = ()
        return cloud.model_copy(update=changes)


class PolicySettings(Settings):
    """All that is needed, beside a contract with a normaliser, to build a policy."""

    network: NetworkSettings
    diffusion: Part

    @field_validator("diffusion", mode="before")
    @classmethod
    def diffusion_settings(cls, values: Any) -> Part:
        return registry.build_part("processes", values, "diffusion")

    def plain(self) -> dict[str, Any]:
        """As plain values from which the same settings can be built."""
        return self.model_dump(mode="json", serialize_as_any=True)


class Policy(nn.Module):
    """Encoder and denoiser between raw observations and normalised action chunks."""

    state_middle: Tensor
    state_half_range: Tensor
    action_middle: Tensor
    action_half_range: Tensor
    action_low: Tensor
    action_high: Tensor
    cloud_middle: Tensor
    cloud_half_range: Tensor
    centre_index: Tensor
    action_centre: Tensor

    def __init__(self, settings: PolicySettings, contract: Contract) -> None:
        super().__init__()
        cloud, normaliser = contract.observation.cloud, contract.normaliser
        if normaliser is None:
            raise SettingsError(f"the contract of {contract.task} has no normaliser: fit it to the dataset first")
        self.settings, self.contract = settings, contract
        self.process: Process = registry.find("processes", settings.diffusion.kind).create(settings.diffusion)
        network = settings.network
        self.encoder = registry.find("networks.encoders", network.encoder.kind).create(network.encoder, contract)
        self.denoiser = registry.find("networks.denoisers", network.denoiser.kind).create(
            network.denoiser, contract.action_dim, contract.horizon, self.encoder.condition_dim, self.process.times
        )
        self._register_range("state", normaliser.state.low, normaliser.state.high)
        self._register_range("action", normaliser.action.low, normaliser.action.high)
        if cloud:
            self.cloud_steps = cloud.steps
            self._register_range("cloud", cloud.crop_low, cloud.crop_high)
            if cloud.centre:
                self.cloud_half_range.fill_(cloud.scale)
            centre = [contract.state_names.index(name) for name in cloud.centre]
            self._register("centre_index", torch.tensor(centre, dtype=torch.long))
        self._register("action_centre", action_centre(contract))
        self._register("action_low", torch.tensor([entry.low for entry in contract.action.entries]))
        self._register("action_high", torch.tensor([entry.high for entry in contract.action.entries]))

    def _register(self, name: str, value: Tensor) -> None:
        # Not persistent: they are the contract's, and a weights file must not be able to contradict it.
        self.register_buffer(name, value, persistent=False)

    def _register_range(self, name: str, low: object, high: object) -> None:
        lows, highs = torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64)
        self._register(f"{name}_middle", ((lows + highs) / 2).float())
        self._register(f"{name}_half_range", ((highs - lows) / 2).float())

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """(horizon, action dimension)."""
        return self.contract.horizon, self.contract.action_dim

    def encode(self, observation: Observation, state_kept: Tensor | None = None) -> Tensor:
        """Raw observations (all points and pixels are used) → condition [B, D].

        Where `state_kept` (bool [B]) is false the encoder sees clouds and images alone, the clouds still centred by the
        state.
        """
        state, point_cloud, images = observation
        clouds = None if point_cloud is None else self._normalised_clouds(fill_padding(point_cloud), state)
        if images is not None:
            images = {camera: pixels.float() / HALF_BRIGHTNESS - 1 for camera, pixels in images.items()}
        states = (state - self.state_middle) / self.state_half_range
        if state_kept is not None:
            states = states * state_kept[:, None, None]
        return self.encoder(Observation(states, clouds, images))

    def _normalised_clouds(self, point_cloud: Tensor, state: Tensor) -> Tensor:
        if len(self.centre_index):
            # Cloud c was taken at state T - C + c.
            centre = state[:, state.shape[1] - self.cloud_steps :].index_select(-1, self.centre_index)[:, :, None]
        else:
            centre = self.cloud_middle
        positions = (point_cloud[..., :XYZ] - centre) / self.cloud_half_range
        if point_cloud.shape[-1] == XYZ:
            return positions
        return torch.cat([positions, 2 * point_cloud[..., XYZ:] - 1], dim=-1)

    def seen(self, observation: Observation) -> Observation:
        """What acts see of whole clouds and images: the first network_points of the farthest-point order, and the
        middle pixels."""
        _, point_cloud, images = observation
        spec = self.contract.observation
        if point_cloud is not None and spec.cloud:
            point_cloud = point_cloud[:, :, : spec.cloud.network_points]
        if images is not None:
            images = {image.camera: centre_crop(images[image.camera], image.seen_size) for image in spec.images}
        return Observation(observation.state, point_cloud, images)

    def predict_x0(self, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        """x0 [B, H, A] from x at `levels` [B], clipped as the process is configured unless `clip` says otherwise."""
        return self.process.predict_x0(self.denoiser, x, levels, condition, clip)

    def normalised_chunk(self, batch: Batch) -> Tensor:
        """The demonstrated chunks [B, H, A] in [-1, 1]."""
        return (batch.action - self._action_origin(batch.observation.state)) / self.action_half_range

    def denormalise_chunk(self, chunk: Tensor, state: Tensor) -> Tensor:
        """[-1, 1] → raw units, limited to the contract's action bounds; `state` [B, T, S] is what was observed."""
        raw = chunk * self.action_half_range + self._action_origin(state)
        return torch.minimum(torch.maximum(raw, self.action_low), self.action_high)

    def _action_origin(self, state: Tensor) -> Tensor:
        """The raw action that is 0 to the network, [A] or [B, 1, A]."""
        if not self.contract.action.centre:
            return self.action_middle
        return state[:, -1:] @ self.action_centre + self.action_middle


def warm_start(policy: Policy, teacher: Policy) -> None:
    """Gives `policy` the teacher's weights; where its network is told more times, theirs start at zero, so that it
    computes what the teacher's does."""
    theirs = teacher.state_dict()
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            given = theirs[name]
            if parameter.shape != given.shape:
                parameter.zero_()
            parameter[(..., slice(given.shape[-1]))] = given


def parameter_count(module: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(parameter.numel() for parameter in module.parameters())
