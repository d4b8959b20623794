"""DP3's lightweight PointNet beside a state MLP, and keypoints if wanted."""

from __future__ import annotations

from typing import Literal

import torch
from sdm_core.contract import XYZ, Contract
from torch import Tensor, nn

from sdm_training.networks.fourier_features import FourierFeatures
from sdm_training.networks.state_mlp import state_mlp
from sdm_training.observation import Observation
from sdm_training.settings import Part, SettingsError

# So many points' features stay in a core's cache from layer to layer: half the time of a whole batch at once.
POINTS_IN_CACHE = 1024


class PointNetSettings(Part):
    """state: "per_step" shares one MLP among the observation steps (DP3), "joint" feeds all of them to one at once.

    point_frequencies, state_frequencies: octaves of Fourier features beside the plain inputs; DP3 has none.
    keypoints: places that are found in each cloud beside its features; DP3 has none.
    """

    kind: str = "pointnet"
    point_widths: tuple[int, ...] = (64, 128, 256)
    point_frequencies: int = 0
    cloud_features: int = 128
    keypoints: int = 0
    state: Literal["per_step", "joint"] = "joint"
    state_widths: tuple[int, ...] = (128, 128)
    state_frequencies: int = 0


class PointNet(nn.Module):
    """Clouds [M, N, channels] → features [M, F]: a shared MLP on every point, the maximum over points, a projection.

    keypoints: of so many things in the cloud the expected place comes beside it, in the cloud's coordinates [M, 3K]: a
    spatial softmax (Levine et al. 2016) over points in place of pixels. A maximum tells that something is there, and
    where, the network has to decode; what is learned at the places of ten demonstrations holds between them too.

    sparse_gradient: on a CPU, back-propagate through the winning points alone; their number depends on the data, so a
    stack of trainings switches it off.
    """

    def __init__(
        self, channels: int, widths: tuple[int, ...], features: int, frequencies: int = 0, keypoints: int = 0
    ) -> None:
        super().__init__()
        self.sparse_gradient = True
        fourier = FourierFeatures(frequencies, XYZ)
        layers: list[nn.Module] = [fourier]
        for inputs, outputs in zip((fourier.width(channels), *widths), widths, strict=False):
            layers += [nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU()]
        self.points = nn.Sequential(*layers)
        self.projection = nn.Sequential(nn.Linear(widths[-1], features), nn.LayerNorm(features))
        self.attention = nn.Linear(widths[-1], keypoints) if keypoints else None
        self.features = features + XYZ * keypoints

    def forward(self, clouds: Tensor) -> Tensor:
        sparse = self.sparse_gradient and torch.is_grad_enabled() and not clouds.is_cuda
        point_features, pooled = self.winning_points(clouds) if sparse else self.all_points(clouds)
        features = self.projection(pooled)
        if self.attention is None:
            return features
        # The maximum alone shapes the features: a place depends on all points, and few of them have a gradient.
        attention = self.attention(torch.cat(point_features).detach()).softmax(dim=1)
        places = attention.transpose(1, 2) @ clouds[..., :XYZ]
        return torch.cat([features, places.flatten(1)], dim=-1)

    def all_points(self, clouds: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Every point's features [M, N, W], in parts along M, and their maximum [M, W]."""
        features = self.points(clouds)
        return (features,), features.amax(dim=1)

    def winning_points(self, clouds: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The same, with gradients of the maximum alone, and through its winners alone.

        The maximum's gradient is the same (the other points get none from it), and most points need no backward pass.
        """
        clouds_count, points_count, channels = clouds.shape
        at_once = max(1, POINTS_IN_CACHE // points_count)
        with torch.no_grad():
            found = [(features, features.max(dim=1).indices) for features in map(self.points, clouds.split(at_once))]
        features, parts = zip(*found, strict=True)
        winners = torch.cat(parts) + torch.arange(clouds_count, device=clouds.device)[:, None] * points_count
        rows, row_of = winners.unique(return_inverse=True)
        return features, self.points(clouds.reshape(-1, channels)[rows]).gather(0, row_of)


class PointNetEncoder(nn.Module):
    """Clouds [B, C, N, channels] and states [B, T, S], both normalised → condition [B, condition_dim]."""

    def __init__(self, settings: PointNetSettings, contract: Contract) -> None:
        super().__init__()
        cloud = contract.observation.cloud
        if cloud is None or contract.observation.images:
            raise SettingsError(
                f"encoder 'pointnet' sees clouds alone: give the network of {contract.task} points, and no `images`"
            )
        self.state_per_step = settings.state == "per_step"
        self.cloud = PointNet(
            cloud.channels,
            settings.point_widths,
            settings.cloud_features,
            settings.point_frequencies,
            settings.keypoints,
        )
        state_vectors = contract.n_obs_steps if self.state_per_step else 1
        state_inputs = contract.state_dim * contract.n_obs_steps // state_vectors
        self.state = state_mlp(state_inputs, settings.state_widths, settings.state_frequencies)
        self.condition_dim = cloud.steps * self.cloud.features + state_vectors * settings.state_widths[-1]

    def forward(self, observation: Observation) -> Tensor:
        clouds, states = observation.point_cloud, observation.state
        assert clouds is not None
        cloud_features = self.cloud(clouds.flatten(0, 1)).reshape(clouds.shape[0], -1)
        state_features = self.state(states).flatten(1) if self.state_per_step else self.state(states.flatten(1))
        return torch.cat([cloud_features, state_features], dim=-1)


SETTINGS = PointNetSettings
create = PointNetEncoder
