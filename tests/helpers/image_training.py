"""Small policies and demonstrations of colour images for the training tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_training.data.windows import Demonstrations
from sdm_training.policy.policy import NetworkSettings, Policy, PolicySettings
from sdm_training.settings import build

from helpers.contracts import SMALL_STATE, image_contract

SIZE = (18, 16)
TINY = {
    "name": "tiny2d",
    "images": {"steps": 1, "crop": 0.8},
    "n_obs_steps": 2,
    "horizon": 4,
    "n_action_steps": 2,
    "encoder": {
        "kind": "resnet",
        "widths": [4, 8],
        "blocks": [1, 1],
        "keypoints": 4,
        "features": 8,
        "state": "joint",
        "state_widths": [8],
    },
    "denoiser": {"kind": "adaln_mlp", "width": 16, "blocks": 1, "timestep_features": 8},
}


def image_demonstrations(
    lengths: tuple[int, ...] = (7, 9),
    cameras: tuple[str, ...] = ("camera",),
    *,
    with_cloud: bool = False,
    size: tuple[int, int] = SIZE,
    points: int = 32,
) -> Demonstrations:
    """Random episodes with images of `size` = (width, height) pixels; with clouds they suit every network."""
    cloud = {"points": points, "centre": SMALL_STATE[:3]}
    contract = image_contract(with_cloud=with_cloud, cameras=cameras, image={"size": size}, cloud=cloud)
    generator, rows = np.random.default_rng(0), sum(lengths)
    width, height = size
    clouds = generator.uniform(-1, 1, (rows, points, 3)).astype(np.float32) if with_cloud else None
    return Demonstrations(
        contract,
        list(lengths),
        generator.uniform(0, 1, (rows, contract.state_dim)).astype(np.float32),
        generator.uniform(-1, 1, (rows, contract.action_dim)).astype(np.float32),
        clouds,
        {camera: generator.integers(0, 256, (rows, height, width, 3)).astype(np.uint8) for camera in cameras},
    )


def store_images(path: Path, data: Demonstrations, task: str) -> None:
    """Records the demonstrations, of one camera, as one episode of `task`."""
    store = EpisodeStore.create(path, data.contract.model_copy(update={"task": task}))
    (pixels,) = data.images.values()
    store.append(Episode(data.state, data.action, data.point_cloud, {"img": pixels}))


def image_policy(data: Demonstrations, seed: int = 0, encoder: dict[str, Any] | None = None, **changes: Any) -> Policy:
    """A policy of images that trains in milliseconds; `encoder` and `changes` override what TINY says."""
    network = {**TINY, **changes, "encoder": {**TINY["encoder"], **(encoder or {})}}  # type: ignore[dict-item]
    settings = build(PolicySettings, {"network": build(NetworkSettings, network), "diffusion": {"kind": "discrete"}})
    contract = settings.network.contract(data.contract)
    contract = contract.model_copy(update={"normaliser": data.normaliser(contract)})
    torch.manual_seed(seed)
    policy = Policy(settings, Contract.model_validate(contract.model_dump()))
    with torch.no_grad():
        for parameter in policy.parameters():  # zero-initialised gates would hide most of the network
            parameter.add_(0.05 * torch.randn_like(parameter))
    return policy
