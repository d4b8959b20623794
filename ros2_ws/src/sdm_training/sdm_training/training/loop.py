"""The one loop in which every method is trained: progress, logs, and a state that survives a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import torch
from pydantic import Field
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from sdm_core.atomic import atomic_write
from sdm_core.errors import CheckpointError
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from sdm_training import distributed
from sdm_training.compute import training_clock
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.runs.run_folder import STATE
from sdm_training.settings import Settings, SettingsError


class LoopSettings(Settings):
    """All in steps; snapshots: how many sets of weights are kept evenly over the run, the last at its end, for the
    best-5 protocol (0: none)."""

    state_every: int = Field(default=500, gt=0)
    log_every: int = Field(default=50, gt=0)
    snapshots: int = Field(default=0, ge=0)


class Trainee(Protocol):
    """What the loop trains, on `device`. Its randomness comes from `generator` alone, which may be on another one."""

    device: torch.device
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


def resumed_seed(seed: int, step: int) -> int:
    """Of a process that goes on from `step`, not knowing its random state: another at every step."""
    # Odd, so that no two steps meet within the 32 bits that a generator takes of a seed.
    return (seed + 2_654_435_761 * step) % 2**32


def train(trainee: Trainee, folder: Path, settings: LoopSettings, title: str) -> float:
    """Trains to the end, from the folder's saved state where there is one; returns all seconds spent, by the
    `training_clock`.

    Of several processes (see distributed) only the first one writes.
    """
    state_file, own_seed = folder / STATE, trainee.generator.initial_seed()
    first, spent_before = load_state(trainee, state_file) if state_file.exists() else (0, 0.0)
    if settings.snapshots > trainee.steps:
        raise SettingsError(f"loop.snapshots {settings.snapshots} are more than the training's {trainee.steps} steps")
    if first and distributed.rank():  # the state is the first process's
        trainee.generator.manual_seed(resumed_seed(own_seed, first))
    clock = training_clock(trainee.device)
    started = clock()

    def spent() -> float:
        return spent_before + clock() - started

    with _shown(folder, title, first, trainee.steps) if distributed.rank() == 0 else nullcontext() as show:
        for index in range(first, trainee.steps):
            scalars = trainee.step(index)
            done = index + 1
            if show is None:
                continue
            if done % settings.log_every == 0 or done == trainee.steps:
                show(done, {name: float(value) for name, value in scalars.items()})
            if snapshot_due(settings.snapshots, index, trainee.steps):
                write_snapshot(folder, done, trainee.weights(), spent())
            if done % settings.state_every == 0 or done == trainee.steps:
                save_state(trainee, state_file, done, spent())
    return spent()


@contextmanager
def _shown(folder: Path, title: str, first: int, steps: int) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Gives what shows the scalars after a step, in TensorBoard and on a progress bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} steps/s  {task.fields[report]}  ETA"),
        TimeRemainingColumn(),
    )
    started = time.perf_counter()
    with SummaryWriter(str(folder / "tensorboard"), purge_step=first) as writer, Progress(*columns) as progress:
        bar = progress.add_task(title, total=steps, completed=first, rate=0.0, report="")

        def show(done: int, values: dict[str, float]) -> None:
            rate = (done - first) / (time.perf_counter() - started)
            for name, value in {**values, "steps_per_second": rate}.items():
                writer.add_scalar(name, value, done)
            report = "  ".join(f"{name} {value:.2e}" for name, value in values.items())
            progress.update(bar, completed=done, rate=rate, report=report)

        yield show


def snapshot_due(count: int, index: int, steps: int) -> bool:
    """Whether step `index` is followed by one of the `count` sets of weights that are kept of `steps` steps."""
    return (index + 1) * count // steps > index * count // steps


def write_snapshot(folder: Path, step: int, weights: Mapping[str, Tensor], spent_s: float) -> None:
    """Keeps the weights after `step` steps and the seconds that they took."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    atomic_write(folder / "snapshots" / f"step_{step:07d}.safetensors", save(tensors, {"train_s": str(spent_s)}))


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
