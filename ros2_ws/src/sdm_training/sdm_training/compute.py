"""Device, thread count and clock of a run."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from sdm_training import distributed
from sdm_training.settings import Settings


class ComputeSettings(Settings):
    """threads: of torch's one pool (two trainings side by side want 1 each); device: "auto" takes CUDA when present."""

    device: str = "auto"
    threads: int = 1


def set_up(settings: ComputeSettings) -> torch.device:
    """Applies the thread count, joins the other processes of a distributed run, and names the device."""
    torch.set_num_threads(settings.threads)
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    return distributed.join(torch.device(automatic if settings.device == "auto" else settings.device))


def training_clock(device: torch.device) -> Callable[[], float]:
    """Counts a training's seconds: of CPU where one thread trains, so that neither neighbours nor a pause lengthen it;
    else of wall time."""
    return time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
