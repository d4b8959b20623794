"""Device, thread count and clock of a run."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from pydantic import Field

from sdm_training import distributed
from sdm_training.settings import Settings, SettingsError


class ComputeSettings(Settings):
    """threads: of torch's one pool (two trainings side by side want 1 each); device: "auto" takes CUDA when present."""

    device: str = "auto"
    threads: int = Field(default=1, gt=0)


def set_up(settings: ComputeSettings) -> torch.device:
    """Applies the thread count, joins the other processes of a distributed run, and names the device."""
    device = _device(settings.device)
    torch.set_num_threads(settings.threads)
    return distributed.join(device)


def _device(name: str) -> torch.device:
    """Raises SettingsError where torch has no device of this name here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ImportError):  # an unknown name; one that this torch, or machine, lacks
        raise SettingsError(f"compute.device={name}: torch finds no such device here; give cpu, cuda or auto") from None
    return torch.device(name)


def training_clock(device: torch.device) -> Callable[[], float]:
    """Counts a training's seconds: of CPU where one thread trains, so that neither neighbours nor a pause lengthen it;
    else of wall time."""
    return time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
