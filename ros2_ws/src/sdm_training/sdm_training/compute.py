"""Device, thread count and seeds of a run."""

from __future__ import annotations

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
