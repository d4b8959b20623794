"""Small policies and demonstrations for the training tests."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sdm_core.contract import (
    ActionEntry,
    ActionSpec,
    CloudSpec,
    Contract,
    ObservationSpec,
    Rates,
    StateEntry,
)
from sdm_training.data.windows import Demonstrations, Windows
from sdm_training.method_parts.learner import Learner
from sdm_training.policy.policy import NetworkSettings, Policy, PolicySettings
from sdm_training.settings import build
from sdm_training.training.single import Training

CPU = torch.device("cpu")


def small_contract(points: int = 24) -> Contract:
    """Four states, two native actions, a gripper-centric cloud."""
    return Contract(
        task="test/reach",
        rates=Rates(control_hz=10),
        n_obs_steps=2,
        horizon=4,
        n_action_steps=2,
        observation=ObservationSpec(
            state=tuple(StateEntry(name=name, unit="m") for name in ("gap", "hand.x", "hand.y", "hand.z")),
            cloud=CloudSpec(
                frame="world",
                points=points,
                network_points=points // 2,
                crop_low=(-1, -1, 0),
                crop_high=(1, 1, 1),
                centre=("hand.x", "hand.y", "hand.z"),
                scale=0.3,
            ),
        ),
        action=ActionSpec(
            kind="native",
            entries=tuple(ActionEntry(name=name, unit="1", low=-1, high=1) for name in ("a", "b")),
            base_frame="world",
            tool_frame="hand",
            hold=(0.0, None),
        ),
    )


def demonstrations(
    lengths: tuple[int, ...] = (7, 9), contract: Contract | None = None, seed: int = 0
) -> Demonstrations:
    contract = contract or small_contract()
    cloud = contract.observation.cloud
    assert cloud is not None
    generator = np.random.default_rng(0)
    rows = sum(lengths)
    return Demonstrations(
        contract,
        list(lengths),
        generator.uniform(0, 1, (rows, contract.state_dim)).astype(np.float32),
        generator.uniform(-1, 1, (rows, contract.action_dim)).astype(np.float32),
        generator.uniform(-1, 1, (rows, cloud.points, cloud.channels)).astype(np.float32),
    )


def clouds_of(data: Demonstrations) -> NDArray[np.float32]:
    """The recorded clouds [R, N, channels], of demonstrations that have some."""
    assert data.point_cloud is not None
    return data.point_cloud


def network(**changes: object) -> NetworkSettings:
    """A network that trains in milliseconds."""
    values: dict[str, object] = {
        "name": "tiny",
        "points": 12,
        "cloud_steps": 1,
        "centred": True,
        "n_obs_steps": 2,
        "horizon": 4,
        "n_action_steps": 2,
        "encoder": {"kind": "pointnet", "point_widths": [8, 16], "cloud_features": 8, "state_widths": [8, 8]},
        "denoiser": {"kind": "adaln_mlp", "width": 16, "blocks": 1, "timestep_features": 8},
    }
    return build(NetworkSettings, {**values, **changes})


def small_policy(
    data: Demonstrations,
    seed: int = 0,
    prediction: str = "x0",
    diffusion: dict[str, object] | None = None,
    **changes: object,
) -> Policy:
    """A policy with the normaliser of `data`; `diffusion` names another process than the discrete one; `changes` are
    those of `network`."""
    process = diffusion or {"kind": "discrete", "prediction": prediction}
    settings = build(PolicySettings, {"network": network(**changes), "diffusion": process})
    contract = settings.network.contract(data.contract)
    contract = contract.model_copy(update={"normaliser": data.normaliser(contract)})
    torch.manual_seed(seed)
    policy = Policy(settings, contract)
    with torch.no_grad():
        for parameter in policy.parameters():  # zero-initialised gates would hide most of the network
            parameter.add_(0.05 * torch.randn_like(parameter))
    return policy


def training_of(learner: Learner, windows: Windows, seed: int = 0) -> Training:
    """The learner with its optimisers and feed."""
    return Training(learner, windows, torch.Generator().manual_seed(seed))


def windows_of(data: Demonstrations, policy: Policy) -> Windows:
    """The windows that `policy` is trained on."""
    return Windows(data, policy.contract, CPU)
