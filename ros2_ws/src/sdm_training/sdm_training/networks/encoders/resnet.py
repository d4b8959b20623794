"""Diffusion Policy's image encoder (Chi et al. 2023): a ResNet on every image, beside the state."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import model_validator
from sdm_core.contract import Contract
from torch import Tensor, nn

from sdm_training.networks.residual_network import ResidualNetwork
from sdm_training.networks.spatial_softmax import SpatialSoftmax
from sdm_training.networks.state_mlp import state_mlp
from sdm_training.observation import Observation
from sdm_training.settings import Part, SettingsError


class ResnetSettings(Part):
    """widths and blocks of the stages; features: numbers kept of an image.

    pooling: "spatial_softmax" keeps the places of `keypoints` learned features, "average" how much of each is seen;
    shared: one network for all cameras, in place of one for each; state: "per_step" shares one MLP among the steps,
    "joint" feeds all of them to one at once; without state_widths the state goes on as it is (Diffusion Policy).
    """

    kind: str = "resnet"
    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    pooling: Literal["spatial_softmax", "average"] = "spatial_softmax"
    keypoints: int = 32
    features: int = 64
    shared: bool = False
    state: Literal["per_step", "joint"] = "per_step"
    state_widths: tuple[int, ...] = ()

    @model_validator(mode="after")
    def stages_have_blocks(self) -> Self:
        if len(self.widths) != len(self.blocks) or min(self.blocks, default=0) < 1:
            raise ValueError(f"blocks {self.blocks} must give one or more for each of the widths {self.widths}")
        return self


class ImageNetwork(nn.Sequential):
    """Images [M, 3, H, W] in [-1, 1] → features [M, F]."""

    def __init__(self, settings: ResnetSettings) -> None:
        channels = settings.widths[-1]
        if settings.pooling == "average":
            pooling, pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels
        else:
            pooling, pooled = SpatialSoftmax(channels, settings.keypoints), 2 * settings.keypoints
        super().__init__(
            ResidualNetwork(settings.widths, settings.blocks), pooling, nn.Linear(pooled, settings.features)
        )


class ResnetEncoder(nn.Module):
    """Observations of images [B, I, 3, H, W] of each camera and states [B, T, S], normalised → condition [B, D]."""

    def __init__(self, settings: ResnetSettings, contract: Contract) -> None:
        super().__init__()
        observation = contract.observation
        if not observation.images or observation.cloud:
            raise SettingsError(
                f"encoder 'resnet' sees images alone: give the network of {contract.task} `images`, and no points"
            )
        self.cameras = tuple(image.camera for image in observation.images)
        self.shared, self.state_per_step = settings.shared, settings.state == "per_step"
        count = 1 if settings.shared else len(self.cameras)
        self.images = nn.ModuleList(ImageNetwork(settings) for _ in range(count))
        state_vectors = contract.n_obs_steps if self.state_per_step else 1
        state_inputs = contract.state_dim * contract.n_obs_steps // state_vectors
        self.state = state_mlp(state_inputs, settings.state_widths, frequencies=0)
        image_count = sum(image.steps for image in observation.images)
        state_features = settings.state_widths[-1] if settings.state_widths else state_inputs
        self.condition_dim = image_count * settings.features + state_vectors * state_features

    def forward(self, observation: Observation) -> Tensor:
        assert observation.images is not None
        features: list[Tensor] = []
        for index, camera in enumerate(self.cameras):
            images = observation.images[camera]
            seen = self.images[0 if self.shared else index](images.flatten(0, 1))
            features.append(seen.reshape(images.shape[0], -1))
        states = observation.state
        features.append(self.state(states).flatten(1) if self.state_per_step else self.state(states.flatten(1)))
        return torch.cat(features, dim=-1)


SETTINGS = ResnetSettings
create = ResnetEncoder
