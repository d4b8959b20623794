"""What training a teacher and training a student have in common: data in, a finished and exported run folder out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from rich.console import Console
from sdm_core.atomic import atomic_write
from sdm_core.checkpoint import METRICS
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import TaskError
from sdm_sim.registry import make_task, task_names

from sdm_training import distributed, provenance
from sdm_training.compute import ComputeSettings
from sdm_training.data.noisy_takes import NoisyTakes
from sdm_training.data.windows import Demonstrations, Windows
from sdm_training.data.yaw_copies import with_yaw_copies
from sdm_training.export.run_exports import ExportSettings, export_run, samplings_asked_for
from sdm_training.method_parts.learner import Learner, MethodSettings
from sdm_training.policy.policy import Policy, PolicySettings, parameter_count
from sdm_training.policy.sampling import Sampler
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Settings, SettingsError
from sdm_training.training.action_error import action_error
from sdm_training.training.loop import LoopSettings, train
from sdm_training.training.single import Training

# Seeds of one process's numbers lie so far from the next one's, and a student's first weights from its teacher's.
SEEDS = 1_000_003


class RunSettings(Settings):
    """What every run has. task, e.g. metaworld/door-open; data: its zarr store; run: the folder to be made;
    validation_episodes: the last ones, held out for the action error; leave_out_failures: train on no episode that its
    operator labelled a failure; camera_noise: train on clouds as that depth camera might have shown them, too
    (see NoisyTakes); yaw_copies: train on so many turned copies of each demonstration, too (see `with_yaw_copies`)."""

    task: str
    seed: int
    data: str
    run: str
    validation_episodes: int
    leave_out_failures: bool = False
    camera_noise: Literal["d4xx"] | None = None
    yaw_copies: int | None = Field(None, gt=0, multiple_of=2)
    compute: ComputeSettings
    loop: LoopSettings
    export: ExportSettings

    def recorded(self) -> dict[str, Any]:
        """What the run's record holds of them as plain values, defaults included."""
        return self.model_dump(mode="json", serialize_as_any=True, exclude={"compute", "export", "run"})


@dataclass(frozen=True)
class Data:
    """Demonstrations, and on the training device their windows. learned: those of their yaw copies, too."""

    demonstrations: Demonstrations
    learned: Windows
    train: Windows
    held_out: Windows | None
    contract: Contract
    digest: str


def load_data(settings: RunSettings, narrow: Callable[[Contract], Contract], device: torch.device) -> Data:
    """Reads the store; `narrow` makes the policy's contract of the dataset's; missing statistics are fitted."""
    if not Path(settings.data).exists() and settings.task not in task_names():
        try:
            make_task(settings.task)
        except TaskError as error:
            raise TaskError(
                f"{settings.data}: no such dataset; record one (docs/recording.md) or convert one (sdm-convert), as "
                f"sdm-demos makes none: {error}"
            ) from None
    recorded = EpisodeStore.view(settings.data).contract
    if recorded.task != settings.task:
        raise SettingsError(f"{settings.data} holds demonstrations of {recorded.task}, not of {settings.task}")
    contract = Contract.parse(narrow(recorded).model_dump(), f"{settings.data} as the network observes it")
    if settings.camera_noise and contract.observation.cloud is None:
        raise SettingsError(
            f"camera_noise={settings.camera_noise} is put onto depth, and this network sees images alone; leave it out"
        )
    noise = NoisyTakes(settings.camera_noise, settings.seed) if settings.camera_noise else None
    everything = Demonstrations.load(settings.data, settings.leave_out_failures, noise)
    kept, held_out = everything.observed(contract).split(settings.validation_episodes)
    learned = with_yaw_copies(kept, settings.yaw_copies) if settings.yaw_copies else kept
    if contract.normaliser is None:
        contract = contract.model_copy(update={"normaliser": learned.normaliser(contract)})
    train = Windows(kept, contract, device)
    return Data(
        kept,
        train if learned is kept else Windows(learned, contract, device),
        train,
        Windows(held_out, contract, device) if held_out else None,
        contract,
        everything.digest(),
    )


@dataclass(frozen=True)
class Run:
    """A training about to begin. method: its settings; labels: what record and results say beside task and seed;
    teacher_sha256: of the weights that are distilled, so that a student of others is not taken for one of these."""

    settings: RunSettings
    method: MethodSettings
    learner: Learner
    data: Data
    labels: dict[str, Any]
    teacher: Sampler | None = None
    teacher_sha256: str | None = None

    def __post_init__(self) -> None:
        """What cannot be sampled is refused before it is trained. Raises SettingsError."""
        own, process = self.learner.sampling, self.learner.policy.process
        for sampling in (own, *samplings_asked_for(own, self.settings.export).values()):
            if sampling.level is None:
                process.check_nfe(sampling.nfe)

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.settings.run)

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Writes the record, or checks that the run found in the folder is this one, and holds the folder meanwhile."""
        settings = self.settings
        record = {
            **self.labels,
            **({"teacher_sha256": self.teacher_sha256} if self.teacher_sha256 else {}),
            "task": settings.task,
            "seed": settings.seed,
            "policy": self.learner.policy.settings.plain(),
            "sampling": self.learner.sampling.model_dump(mode="json"),
            "config": settings.recorded(),
            "dataset": {
                "episodes": len(self.data.demonstrations.lengths),
                "windows": len(self.data.learned),
                "sha256": self.data.digest,
            },
            **provenance.origin(),
        }
        with self.folder.held():
            self.folder.begin(record, self.data.contract)
            yield


def complete(run: Run, console: Console) -> None:
    """Trains alone (or resumes, or finds it done), then concludes."""
    writes = distributed.rank() == 0
    with run.begin() if writes else nullcontext():
        distributed.wait_for_all()
        if not run.folder.finished:
            settings = run.settings
            # Every process draws its own share of a batch.
            generator = torch.Generator().manual_seed(settings.seed + SEEDS * distributed.rank())
            training = Training(run.learner, run.data.learned, generator)
            spent = train(training, run.folder.path, settings.loop, f"{settings.task} {run.labels['method']}")
            if writes:
                run.folder.finish(training.weights(), spent)
        if writes:
            conclude(run, console)
    distributed.wait_for_all()


def conclude(run: Run, console: Console) -> None:
    """Measures a finished run's action error and exports it."""
    settings, data, folder = run.settings, run.data, run.folder
    effort = folder.effort()
    trained, trained_as = folder.load_policy(data.train.device), folder.record()
    sampler = Sampler(trained, run.learner.sampling)
    errors = {"train": action_error(sampler, data.train, run.teacher)}
    if data.held_out:
        errors["held_out"] = action_error(sampler, data.held_out, run.teacher)
    metrics = {
        **run.labels,
        "task": settings.task,
        "seed": settings.seed,
        "demos": len(data.demonstrations.lengths),
        **({"disturbed": data.demonstrations.disturbed} if data.demonstrations.disturbed else {}),
        "parameters": parameter_count(trained),
        "parameters_encoder": parameter_count(trained.encoder),
        "parameters_denoiser": parameter_count(trained.denoiser),
        **effort,
        "steps": run.learner.steps,
        "action_error": errors,
        "dataset_sha256": data.digest,
        **{key: trained_as.get(key, "unknown") for key in provenance.ORIGIN},
    }
    console.print(f"{folder.path}: trained in {effort['train_s']:.0f} s; action error {errors}")
    atomic_write(folder.path / METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
    export_run(folder, settings.export, data.demonstrations, metrics, console)


def seeded_policy(settings: PolicySettings, contract: Contract, seed: int, device: torch.device) -> Policy:
    """A freshly initialised policy; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return Policy(settings, contract).to(device)
