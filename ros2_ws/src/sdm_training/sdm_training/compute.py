"""Device, thread count, memory and clock of a run."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import torch
from pydantic import Field

from sdm_training import distributed
from sdm_training.settings import Settings, SettingsError

# glibc's names for mallopt (malloc.h), and more than any tensor of a step.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _NEVER = -1, -3, 1 << 30


class ComputeSettings(Settings):
    """threads: of torch's one pool (two trainings side by side want 1 each); device: "auto" takes CUDA when present."""

    device: str = "auto"
    threads: int = Field(default=1, gt=0)


def set_up(settings: ComputeSettings) -> torch.device:
    """Applies the thread count, joins the other processes of a distributed run, and names the device."""
    device = _device(settings.device)
    torch.set_num_threads(settings.threads)
    if device.type == "cpu":
        keep_freed_memory()
    return distributed.join(device)


def keep_freed_memory() -> None:
    """Keeps this process's freed memory for its next tensors, where the C library is glibc.

    By default large blocks go back to the kernel, which clears each of their pages anew when the next step wants them.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, _NEVER)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)


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
