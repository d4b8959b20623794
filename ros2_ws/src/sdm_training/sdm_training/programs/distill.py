"""`sdm-distill task=metaworld/door-open distiller=sdm`: trains a one-step student (or a baseline) and exports it."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator
from rich.console import Console
from sdm_core.contract import Contract

from sdm_training import registry
from sdm_training.compute import set_up
from sdm_training.diffusion.noise_schedule import DiffusionSettings
from sdm_training.policy import NetworkSettings, PolicySettings
from sdm_training.run_folder import RunFolder
from sdm_training.sampling import Sampler
from sdm_training.settings import Part, SettingsError, run_program
from sdm_training.training_run import RunSettings, complete, load_data, seeded_policy


class DistillSettings(RunSettings):
    """config/distill.yaml. teacher_run: the finished run to be distilled; methods without a teacher do not read it."""

    network: NetworkSettings
    diffusion: DiffusionSettings
    distiller: Part
    teacher_run: str

    @field_validator("distiller", mode="before")
    @classmethod
    def distiller_settings(cls, values: Any) -> Part:
        return registry.build_part("distillers", values)


def distill(settings: DistillSettings) -> None:
    """Trains one student as configured."""
    device = set_up(settings.compute)
    distiller: Any = settings.distiller
    policy_settings = PolicySettings(network=settings.network, diffusion=settings.diffusion)
    labels: dict[str, Any] = {"method": distiller.method, "network": settings.network.name}
    teacher = None
    if distiller.needs_teacher:
        teacher_run = RunFolder(settings.teacher_run)
        policy = teacher_run.load_policy(device, distiller.teacher_weights)
        teacher = Sampler(teacher_run.load_policy(device), teacher_run.sampling())
        if policy.settings != policy_settings:
            raise SettingsError(
                f"the teacher {settings.teacher_run} has another network or diffusion: "
                "give distill the same network=… and diffusion=… as its training"
            )

        def teachers(recorded: Contract) -> Contract:
            differences = policy.contract.differences(settings.network.contract(recorded))
            if differences:
                raise SettingsError(
                    f"{settings.data} does not fit the teacher {settings.teacher_run} ({differences[0]}): "
                    "distil from the data that it was trained on"
                )
            return policy.contract

        data = load_data(settings, teachers, device)
        labels["teacher"] = f"{teacher_run.record()['method']} seed {teacher_run.record()['seed']}"
    else:
        data = load_data(settings, settings.network.contract, device)
        policy = seeded_policy(policy_settings, data.contract, settings.seed, device)
    generator = torch.Generator().manual_seed(settings.seed)
    trainee = registry.find("distillers", distiller.kind).create(distiller, policy, data.train, generator)
    complete(trainee, settings, policy_settings, data, labels, teacher, Console(soft_wrap=True))


def main() -> None:
    """Entry point."""
    run_program("distill", DistillSettings, distill)
