"""`sdm-distill task=metaworld/door-open distiller=sdm`: trains a one-step student (or a baseline) and exports it."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import field_validator
from rich.console import Console
from sdm_core.contract import Contract

from sdm_training import registry
from sdm_training.compute import set_up
from sdm_training.policy import NetworkSettings, PolicySettings
from sdm_training.run_folder import RunFolder
from sdm_training.sampling import Sampler
from sdm_training.settings import Part, SettingsError, run_program
from sdm_training.training_run import SEEDS, Run, RunSettings, complete, load_data, seeded_policy


class DistillSettings(RunSettings):
    """config/distill.yaml. teacher_method: of the run to be distilled, teacher_run: its folder; the student has its
    network and process. Methods without a teacher read neither, and take network and diffusion from here."""

    network: NetworkSettings
    diffusion: Part
    distiller: Part
    teacher_method: str
    teacher_run: str

    @field_validator("diffusion", mode="before")
    @classmethod
    def diffusion_settings(cls, values: Any) -> Part:
        return registry.build_part("processes", values)

    @field_validator("distiller", mode="before")
    @classmethod
    def distiller_settings(cls, values: Any) -> Part:
        return registry.build_part("distillers", values)


def prepare(settings: DistillSettings, device: torch.device) -> Run:
    """The run of one student, ready to be trained."""
    distiller: Any = settings.distiller
    labels: dict[str, Any] = {**distiller.labels, "network": settings.network.name}
    teacher = teacher_sha256 = None
    if distiller.needs_teacher:
        teacher_run = RunFolder(settings.teacher_run)
        policy = teacher_run.load_policy(device, distiller.teacher_weights)
        sampling, trained_as = teacher_run.sampling(), teacher_run.record()
        teacher, teacher_sha256 = Sampler(teacher_run.load_policy(device), sampling), teacher_run.sha256()
        if sampling.level is not None:
            raise SettingsError(
                f"the teacher {settings.teacher_run} knows one noise level alone, it is a one-step policy itself: "
                "distil from a teacher of diffusion"
            )
        for key, usual in (("leave_out_failures", False), ("validation_episodes", 0)):
            of_teacher = trained_as["config"].get(key, usual)
            if of_teacher != getattr(settings, key):
                raise SettingsError(
                    f"the teacher {settings.teacher_run} was trained with {key}={str(of_teacher).lower()}: "
                    "distil with the same"
                )
        if policy.settings.network != settings.network:
            raise SettingsError(
                f"the teacher {settings.teacher_run} has another network: give the same network=… as for its training"
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
        labels["teacher"] = f"{trained_as['method']} seed {trained_as['seed']}"
        # What a method adds to the teacher's networks is not what the teacher began as.
        torch.manual_seed(settings.seed + SEEDS)
    else:
        data = load_data(settings, settings.network.contract, device)
        policy_settings = PolicySettings(network=settings.network, diffusion=settings.diffusion)
        policy = seeded_policy(policy_settings, data.contract, settings.seed, device)
    learner = registry.find("distillers", distiller.kind).create(distiller, policy, len(data.learned)).to(device)
    return Run(settings, distiller, learner, data, labels, teacher, teacher_sha256)


def distill(settings: DistillSettings) -> None:
    """Trains one student as configured."""
    complete(prepare(settings, set_up(settings.compute)), Console(soft_wrap=True))


def main() -> None:
    """Entry point."""
    run_program("distill", DistillSettings, distill)
