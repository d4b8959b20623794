"""`sdm-distill task=metaworld/door-open distiller=sdm`: trains a one-step student (or a baseline) and exports it."""

from __future__ import annotations

import json
from typing import Any

import torch
from pydantic import field_validator
from rich.console import Console
from sdm_core.contract import Contract

from sdm_training import registry
from sdm_training.compute import set_up
from sdm_training.policy.policy import NetworkSettings, Policy, PolicySettings
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.runs.recipe_difference import BEFORE, first_difference
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Part, Settings, SettingsError, run_program
from sdm_training.training.run import SEEDS, Run, RunSettings, complete, load_data, seeded_policy


class DistillSettings(RunSettings):
    """config/distill.yaml. teacher_method: of the run to be distilled, teacher_run: its folder; the student has its
    network and process. Methods without a teacher read neither, and take network and diffusion from here."""

    network: NetworkSettings
    diffusion: Part | None = None
    distiller: Part
    teacher_method: str
    teacher_run: str

    @field_validator("diffusion", mode="before")
    @classmethod
    def diffusion_settings(cls, values: Any) -> Part | None:
        return None if values is None else registry.build_part("processes", values, "diffusion")

    @field_validator("distiller", mode="before")
    @classmethod
    def distiller_settings(cls, values: Any) -> Part:
        return registry.build_part("distillers", values, "distiller")


def prepare(settings: DistillSettings, device: torch.device) -> Run:
    """The run of one student, ready to be trained."""
    distiller: Any = settings.distiller
    labels: dict[str, Any] = {**distiller.labels, "network": settings.network.name}
    teacher = teacher_sha256 = None
    if distiller.needs_teacher:
        teacher_run = RunFolder(settings.teacher_run)
        if not teacher_run.path.is_dir():
            raise SettingsError(
                f"{teacher_run.path} holds no training run: train that teacher first, or name another with "
                "teacher_method=… or teacher_run=…"
            )
        policy = teacher_run.load_policy(device, distiller.teacher_weights)
        sampling, trained_as = teacher_run.sampling(), teacher_run.record()
        _require_fit(settings, policy, sampling, trained_as)
        data = load_data(settings, lambda recorded: _teachers_contract(settings, policy, recorded), device)
        if trained_as.get("dataset", {}).get("sha256", data.digest) != data.digest:
            raise SettingsError(
                f"the teacher {settings.teacher_run} was trained on other episodes than {settings.data} holds now: "
                "distil from those, or train it again"
            )
        teacher, teacher_sha256 = Sampler(teacher_run.load_policy(device), sampling), teacher_run.sha256()
        labels["teacher"] = f"{trained_as['method']} seed {trained_as['seed']}"
        # What a method adds to the teacher's networks is not what the teacher began as.
        torch.manual_seed(settings.seed + SEEDS)
    else:
        if settings.diffusion is None:
            raise SettingsError(f"distiller '{distiller.kind}' has no teacher whose process it takes: give diffusion=…")
        data = load_data(settings, settings.network.contract, device)
        policy_settings = PolicySettings(network=settings.network, diffusion=settings.diffusion)
        policy = seeded_policy(policy_settings, data.contract, settings.seed, device)
    learner = registry.find("distillers", distiller.kind).create(distiller, policy, len(data.learned)).to(device)
    return Run(settings, distiller, learner, data, labels, teacher, teacher_sha256)


def _require_fit(
    settings: DistillSettings, teacher: Policy, sampling: SamplingSettings, trained_as: dict[str, Any]
) -> None:
    """Raises SettingsError where the teacher is no policy of many steps, or was trained otherwise than asked here."""
    other = settings.diffusion and first_difference(_plain(teacher.settings.diffusion), _plain(settings.diffusion))
    if other:
        raise SettingsError(
            f"the teacher {settings.teacher_run} has another 'diffusion.{other}', and a student takes its teacher's "
            "process: leave diffusion=… out, or distil another teacher with teacher_method=…"
        )
    if sampling.level is not None:
        raise SettingsError(
            f"the teacher {settings.teacher_run} knows one noise level alone, it is a one-step policy itself: "
            "distil from a teacher of diffusion"
        )
    # Shared with the teacher, of which nobody knows how it was trained where it is imported.
    for key, usual in () if "imported" in trained_as else BEFORE.items():
        of_teacher = trained_as["config"].get(key, usual)
        if of_teacher != getattr(settings, key):
            raise SettingsError(
                f"the teacher {settings.teacher_run} was trained with {key}={json.dumps(of_teacher)}: "
                "distil with the same"
            )
    other = first_difference(_plain(teacher.settings.network), _plain(settings.network))
    if other:
        raise SettingsError(
            f"the teacher {settings.teacher_run} has another 'network.{other}': give the same network=… as for its "
            "training"
        )


def _plain(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(serialize_as_any=True)


def _teachers_contract(settings: DistillSettings, teacher: Policy, recorded: Contract) -> Contract:
    """The teacher's, with its statistics. Raises SettingsError where the dataset's does not fit it."""
    differences = teacher.contract.differences(settings.network.contract(recorded))
    if differences:
        raise SettingsError(
            f"{settings.data} does not fit the teacher {settings.teacher_run} ({differences[0]}): "
            "distil from the data that it was trained on"
        )
    return teacher.contract


def distill(settings: DistillSettings) -> None:
    """Trains one student as configured."""
    complete(prepare(settings, set_up(settings.compute)), Console(soft_wrap=True))


def main() -> None:
    """Entry point."""
    run_program("distill", DistillSettings, distill)
