"""`sdm-train task=metaworld/door-open network=small`: trains a teacher, and exports it at several step counts."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator
from rich.console import Console

from sdm_training import registry
from sdm_training.compute import set_up
from sdm_training.policy.policy import NetworkSettings, PolicySettings
from sdm_training.settings import Part, SettingsError, run_program
from sdm_training.training.run import Run, RunSettings, complete, load_data, seeded_policy


class TrainSettings(RunSettings):
    """config/train.yaml."""

    network: NetworkSettings
    diffusion: Part
    teacher: Part

    @field_validator("diffusion", mode="before")
    @classmethod
    def diffusion_settings(cls, values: Any) -> Part:
        return registry.build_part("processes", values, "diffusion")

    @field_validator("teacher", mode="before")
    @classmethod
    def teacher_settings(cls, values: Any) -> Part:
        return registry.build_part("teachers", values, "teacher")


# Results compare policies by these names, each of which stands for one process.
_NAMED: dict[str, dict[str, str]] = {
    "dp3": {"kind": "discrete", "prediction": "x0"},
    "dp3_eps": {"kind": "discrete", "prediction": "epsilon"},
    "edm": {"kind": "edm"},
    "flow": {"kind": "flow"},
}


def _require_own_name(method: str, diffusion: Any) -> None:
    """Raises SettingsError where the name is another process's."""
    for key, value in _NAMED.get(method, {}).items():
        if (given := getattr(diffusion, key)) != value:
            raise SettingsError(
                f"teacher.method={method} is the name of teachers with diffusion.{key}={value}, and this one has "
                f"{given}: give it another, such as teacher.method=dp3_eps for diffusion=epsilon"
            )


def prepare(settings: TrainSettings, device: torch.device) -> Run:
    """The run of one teacher, ready to be trained."""
    data = load_data(settings, settings.network.contract, device)
    policy_settings = PolicySettings(network=settings.network, diffusion=settings.diffusion)
    policy = seeded_policy(policy_settings, data.contract, settings.seed, device)
    teacher: Any = settings.teacher
    learner = registry.find("teachers", teacher.kind).create(teacher, policy, len(data.learned)).to(device)
    _require_own_name(teacher.method, settings.diffusion)
    return Run(settings, teacher, learner, data, {**teacher.labels, "network": settings.network.name})


def train_teacher(settings: TrainSettings) -> None:
    """Trains one teacher as configured."""
    complete(prepare(settings, set_up(settings.compute)), Console(soft_wrap=True))


def main() -> None:
    """Entry point."""
    run_program("train", TrainSettings, train_teacher)
