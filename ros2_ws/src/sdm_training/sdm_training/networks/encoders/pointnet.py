"""DP3's lightweight PointNet beside a state MLP, and keypoints if wanted."""

from __future__ import annotations

from typing import Literal

import torch
from sdm_core.contract import Contract
from torch import Tensor, nn

from sdm_training.networks.cloud_keypoints import CloudKeypoints
from sdm_training.networks.fourier_features import FourierFeatures
from sdm_training.networks.state_mlp import state_mlp
from sdm_training.observation import Observation
from sdm_training.settings import Part, SettingsError

# So many points' features stay in a core's cache from layer to layer: half the time of a whole batch at once.
POINTS_IN_CACHE = 1024


class PointNetSettings(Part):
    """state: "per_step" shares one MLP among the observation steps (DP3), "joint" feeds all of them to one at once.

    point_frequencies, state_frequencies: octaves of Fourier features beside the plain inputs; DP3 has none.
    keypoints: places that are found in each cloud beside its features, by an attention of keypoint_width; DP3 has none.
    """

    kind: str = "pointnet"
    point_widths: tuple[int, ...] = (64, 128, 256)
    point_frequencies: int = 0
    cloud_features: int = 128
    keypoints: int = 0
    keypoint_width: int = 64
    state: Literal["per_step", "joint"] = "joint"
    state_widths: tuple[int, ...] = (128, 128)
    state_frequencies: int = 0


class PointNet(nn.Module):
    """Clouds [M, N, channels] → features [M, F]: a shared MLP on every point, the maximum over points, a projection.

    sparse_gradient: on a CPU, back-propagate through the winning points alone; their number depends on the data, so a
    stack of trainings switches it off.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], features: int, frequencies: int = 0) -> None:
        super().__init__()
        self.sparse_gradient = True
        fourier = FourierFeatures(frequencies)
        layers: list[nn.Module] = [fourier]
        for inputs, outputs in zip((fourier.width(channels), *widths), widths, strict=False):
            layers += [nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU()]
        self.points = nn.Sequential(*layers)
        self.projection = nn.Sequential(nn.Linear(widths[-1], features), nn.LayerNorm(features))

    def forward(self, clouds: Tensor) -> Tensor:
        sparse = self.sparse_gradient and torch.is_grad_enabled() and not clouds.is_cuda
        return self.projection(self.winning_points(clouds) if sparse else self.points(clouds).amax(dim=1))

    def winning_points(self, clouds: Tensor) -> Tensor:
        """The pooled features, with gradients through the winners of the maximum alone.

        The gradient is the same (the other points get none from a maximum), and most points need no backward pass.
        """
        clouds_count, points_count, channels = clouds.shape
        at_once = max(1, POINTS_IN_CACHE // points_count)
        with torch.no_grad():
            winners = torch.cat([self.points(some).argmax(dim=1) for some in clouds.split(at_once)])
        winners = winners + torch.arange(clouds_count, device=clouds.device)[:, None] * points_count
        rows, row_of = winners.unique(return_inverse=True)
        return self.points(clouds.reshape(-1, channels)[rows]).gather(0, row_of)


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
            cloud.channels, settings.point_widths, settings.cloud_features, settings.point_frequencies
        )
        self.keypoints = (
            CloudKeypoints(cloud.channels, settings.keypoints, settings.keypoint_width, settings.point_frequencies)
            if settings.keypoints
            else None
        )
        cloud_features = settings.cloud_features + (self.keypoints.features if self.keypoints else 0)
        state_vectors = contract.n_obs_steps if self.state_per_step else 1
        state_inputs = contract.state_dim * contract.n_obs_steps // state_vectors
        self.state = state_mlp(state_inputs, settings.state_widths, settings.state_frequencies)
        self.condition_dim = cloud.steps * cloud_features + state_vectors * settings.state_widths[-1]

    def forward(self, observation: Observation) -> Tensor:
        clouds, states = observation.point_cloud, observation.state
        assert clouds is not None
        cloud_features = self._cloud_features(clouds.flatten(0, 1)).reshape(clouds.shape[0], -1)
        state_features = self.state(states).flatten(1) if self.state_per_step else self.state(states.flatten(1))
        return torch.cat([cloud_features, state_features], dim=-1)

    def _cloud_features(self, clouds: Tensor) -> Tensor:
        """Each cloud's [M, F]."""
        features = self.cloud(clouds)
        return torch.cat([features, self.keypoints(clouds)], dim=-1) if self.keypoints else features


SETTINGS = PointNetSettings
create = PointNetEncoder
