"""Every method on every network: a method is one file and one configuration, and so is a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.image_training import image_demonstrations
from helpers.training import CPU, demonstrations, small_contract
from sdm_core.contract import Contract
from sdm_sim.colour_contract import with_coloured_cloud
from sdm_training import registry
from sdm_training.data.windows import Windows
from sdm_training.policy.policy import PolicySettings
from sdm_training.programs.distill import DistillSettings
from sdm_training.programs.train import TrainSettings
from sdm_training.settings import composed
from sdm_training.training.run import seeded_policy
from sdm_training.training.single import Training

CONFIG = Path(__file__).parents[2] / "config"
NARROW_UNET = ("network.denoiser.widths=[16,24,32]", "network.denoiser.groups=4")
NARROW_RESNET = ("network.encoder.widths=[8,8,8,8]", "network.encoder.blocks=[1,1,1,1]", "network.encoder.keypoints=4")
# The architecture of each network, at widths that a test can afford.
NETWORKS: dict[str, tuple[str, ...]] = {
    "paper": NARROW_UNET,
    "simple": NARROW_UNET,
    "small": ("network.denoiser.width=32",),
    "keypoint": ("network.denoiser.width=32",),
    "coloured": ("network.denoiser.width=32",),
    "joint": ("network.denoiser.width=32", "network.denoiser.layers=1"),
    "dp2d": (*NARROW_UNET, *NARROW_RESNET),
    "dp2d_small": ("network.denoiser.width=32", *NARROW_RESNET),
}
# Configurations of the teachers that distillers name.
TEACHERS = {"dp3": "fast", "edm": "edm"}


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIG / group).glob("*.yaml"))


def cloud_contract(colour: bool) -> Contract:
    contract = small_contract(points=512)
    return with_coloured_cloud(contract) if colour else contract


METHODS = [
    *(("train", "teacher", name) for name in options("teacher")),
    *(("distill", "distiller", name) for name in options("distiller")),
]


def test_every_shipped_network_is_here():
    assert sorted(NETWORKS) == options("network")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("program", "group", "method"), METHODS, ids=lambda part: part)
def test_a_method_trains_a_step_on_a_network(program, group, method, network, monkeypatch):
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: CONFIG.parent)
    common = ["task=test/reach", f"network={network}", *NETWORKS[network]]
    settings: Any = composed(
        program, TrainSettings if program == "train" else DistillSettings, [*common, f"{group}={method}"]
    )
    part, diffusion = getattr(settings, group), settings.diffusion
    if group == "distiller" and part.needs_teacher:
        teacher = f"teacher={TEACHERS[settings.teacher_method]}"
        diffusion = composed("train", TrainSettings, [*common, teacher]).diffusion
    data = (
        image_demonstrations((18, 16), with_cloud=True, size=(40, 40), points=512)
        if network.startswith("dp2d")
        else demonstrations((12, 10), cloud_contract(settings.network.colour))
    )
    contract = settings.network.contract(data.contract)
    contract = contract.model_copy(update={"normaliser": data.normaliser(contract)})
    policy = seeded_policy(PolicySettings(network=settings.network, diffusion=diffusion), contract, 0, CPU)
    windows = Windows(data, contract, CPU)
    learner = registry.find(f"{group}s", part.kind).create(part, policy, len(windows))
    scalars = Training(learner, windows, torch.Generator().manual_seed(0)).step(0)
    assert scalars
    assert all(bool(value.isfinite()) for value in scalars.values())
