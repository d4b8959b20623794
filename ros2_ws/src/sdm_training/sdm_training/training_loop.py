"""The one loop in which every method is trained: progress, logs, and a state that survives a kill."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from sdm_core.atomic import atomic_write
from sdm_core.errors import CheckpointError
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from sdm_training.sampling import SamplingSettings
from sdm_training.settings import Settings, SettingsError


class LoopSettings(Settings):
    """All in steps; snapshots: how many sets of weights are kept evenly over the run, the last at its end, for the
    best-5 protocol (0: none)."""

    state_every: int = 500
    log_every: int = 50
    snapshots: int = 0


class Trainee(Protocol):
    """What the loop trains. Its randomness comes from `generator` alone."""

    steps: int
    sampling: SamplingSettings
    generator: torch.Generator

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One training step; returns scalars to be logged."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a resumed run needs: weights, averages, optimiser moments."""
        ...

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """The policy's weights as they would be deployed now."""
        ...


def train(trainee: Trainee, folder: Path, settings: LoopSettings, title: str) -> float:
    """Trains to the end, from the folder's saved state where there is one; returns all seconds spent."""
    state_file = folder / "state.safetensors"
    first, spent_before = load_state(trainee, state_file) if state_file.exists() else (0, 0.0)
    if settings.snapshots > trainee.steps:
        raise SettingsError(f"loop.snapshots {settings.snapshots} are more than the training's {trainee.steps} steps")
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first)
    started = time.perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} steps/s  {task.fields[report]}  ETA"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns) as progress:
            bar = progress.add_task(title, total=trainee.steps, completed=first, rate=0.0, report="")
            for index in range(first, trainee.steps):
                scalars = trainee.step(index)
                done = index + 1
                if done % settings.log_every == 0 or done == trainee.steps:
                    rate = (done - first) / (time.perf_counter() - started)
                    values = {name: float(value) for name, value in scalars.items()}
                    for name, value in {**values, "steps_per_second": rate}.items():
                        writer.add_scalar(name, value, done)
                    report = "  ".join(f"{name} {value:.2e}" for name, value in values.items())
                    progress.update(bar, completed=done, rate=rate, report=report)
                if done * settings.snapshots // trainee.steps > index * settings.snapshots // trainee.steps:
                    atomic_write(folder / "snapshots" / f"step_{done:07d}.safetensors", save(trainee.weights()))
                if done % settings.state_every == 0 or done == trainee.steps:
                    spent = spent_before + time.perf_counter() - started
                    save_state(trainee, state_file, done, spent)
    finally:
        writer.close()
    return spent_before + time.perf_counter() - started


def save_state(trainee: Trainee, path: Path, step: int, spent_s: float) -> None:
    """Writes the state whole or not at all: a kill leaves the previous one."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in trainee.tensors().items()}
    tensors["generator"] = trainee.generator.get_state()
    atomic_write(path, save(tensors, {"step": str(step), "spent_s": str(spent_s)}))


def load_state(trainee: Trainee, path: Path) -> tuple[int, float]:
    """Restores the trainee; returns the steps done and the seconds they took."""
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            metadata = file.metadata()
        trainee.generator.set_state(tensors.pop("generator"))
        trainee.load(tensors)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} cannot be resumed from ({str(error).splitlines()[0]}): delete it to start afresh"
        ) from None
    return int(metadata["step"]), float(metadata["spent_s"])


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keys with `prefix.` before them."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries whose keys start with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
