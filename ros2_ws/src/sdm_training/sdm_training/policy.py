"""A diffusion policy on raw inputs: everything between the contract's raw units and the denoiser's range is in here."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator
from sdm_core.contract import Contract
from torch import Tensor, nn

from sdm_training import registry
from sdm_training.data.padding import fill_padding
from sdm_training.observation import Observation
from sdm_training.process import Process
from sdm_training.settings import Part, Settings, SettingsError


class NetworkSettings(Settings):
    """What the network is made of and what of the dataset's contract it changes.

    points: network_points of its contract; cloud_steps: newest clouds fed; centred: gripper-centric clouds as the
    contract's `centre` and `scale` say (else the crop box is mapped to [-1, 1]); past_actions: of the horizon, those
    before the newest observation.
    """

    name: str
    points: int
    cloud_steps: int
    centred: bool
    n_obs_steps: int
    horizon: int
    past_actions: int = 0
    n_action_steps: int
    encoder: Part
    denoiser: Part

    @field_validator("encoder", mode="before")
    @classmethod
    def encoder_settings(cls, values: Any) -> Part:
        return registry.build_part("networks.encoders", values)

    @field_validator("denoiser", mode="before")
    @classmethod
    def denoiser_settings(cls, values: Any) -> Part:
        return registry.build_part("networks.denoisers", values)

    def contract(self, dataset_contract: Contract) -> Contract:
        """The dataset's contract as this network narrows it: the one under which a policy is trained and deployed."""
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
        changes: dict[str, Any] = {"network_points": self.points, "steps": self.cloud_steps}
        if not self.centred:
            changes["centre"] = ()
        observation = dataset_contract.observation.model_copy(update={"cloud": cloud.model_copy(update=changes)})
        return dataset_contract.model_copy(
            update={
                "observation": observation,
                "n_obs_steps": self.n_obs_steps,
                "horizon": self.horizon,
                "past_actions": self.past_actions,
                "n_action_steps": self.n_action_steps,
            }
        )


class PolicySettings(Settings):
    """All that is needed, beside a contract with a normaliser, to build a policy."""

    network: NetworkSettings
    diffusion: Part

    @field_validator("diffusion", mode="before")
    @classmethod
    def diffusion_settings(cls, values: Any) -> Part:
        return registry.build_part("processes", values)

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

    def __init__(self, settings: PolicySettings, contract: Contract) -> None:
        super().__init__()
        cloud, normaliser = contract.observation.cloud, contract.normaliser
        if cloud is None or normaliser is None:
            raise SettingsError(
                f"the contract of {contract.task} has no cloud or no normaliser: fit it to the dataset first"
            )
        self.settings, self.contract = settings, contract
        self.points, self.cloud_steps = cloud.network_points, cloud.steps
        self.process: Process = registry.find("processes", settings.diffusion.kind).create(settings.diffusion)
        network = settings.network
        self.encoder = registry.find("networks.encoders", network.encoder.kind).create(
            network.encoder, cloud.channels, cloud.steps, contract.state_dim, contract.n_obs_steps
        )
        self.denoiser = registry.find("networks.denoisers", network.denoiser.kind).create(
            network.denoiser, contract.action_dim, contract.horizon, self.encoder.condition_dim, self.process.times
        )
        self._register_range("state", normaliser.state.low, normaliser.state.high)
        self._register_range("action", normaliser.action.low, normaliser.action.high)
        self._register_range("cloud", cloud.crop_low, cloud.crop_high)
        if cloud.centre:
            self.cloud_half_range.fill_(cloud.scale)
        names = contract.state_names
        self._register("centre_index", torch.tensor([names.index(name) for name in cloud.centre], dtype=torch.long))
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
        """Raw observations (all points are used) → condition [B, D].

        Where `state_kept` (bool [B]) is false the encoder sees the cloud alone, still centred by the state.
        """
        state, point_cloud = observation.state, fill_padding(observation.point_cloud)
        if len(self.centre_index):
            # Cloud c was taken at state T - C + c.
            centre = state[:, state.shape[1] - self.cloud_steps :].index_select(-1, self.centre_index)[:, :, None]
        else:
            centre = self.cloud_middle
        positions = (point_cloud[..., :3] - centre) / self.cloud_half_range
        clouds = torch.cat([positions, point_cloud[..., 3:]], dim=-1) if point_cloud.shape[-1] > 3 else positions
        states = (state - self.state_middle) / self.state_half_range
        return self.encoder(clouds, states if state_kept is None else states * state_kept[:, None, None])

    def predict_x0(self, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        """x0 [B, H, A] from x at `levels` [B], clipped as the process is configured unless `clip` says otherwise."""
        return self.process.predict_x0(self.denoiser, x, levels, condition, clip)

    def normalise_action(self, action: Tensor) -> Tensor:
        """Raw units → [-1, 1]."""
        return (action - self.action_middle) / self.action_half_range

    def denormalise_action(self, chunk: Tensor) -> Tensor:
        """[-1, 1] → raw units, limited to the contract's action bounds."""
        raw = chunk * self.action_half_range + self.action_middle
        return torch.minimum(torch.maximum(raw, self.action_low), self.action_high)


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
