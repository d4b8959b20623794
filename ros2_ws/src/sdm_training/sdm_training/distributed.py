"""One training over several processes (torchrun), each with its share of every batch and the same weights."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from sdm_training.settings import SettingsError


def join(device: torch.device) -> torch.device:
    """Joins the group that torchrun has begun, if it has; returns this process's device."""
    if world() == 1:
        return device
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return torch.device("cuda", int(os.environ["LOCAL_RANK"])) if device.type == "cuda" else device


def world() -> int:
    """Number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number; number 0 alone writes."""
    return int(os.environ.get("RANK", "0"))


def wait_for_all() -> None:
    """Returns once every process is here."""
    if world() > 1:
        dist.barrier()


def share_of(observations: int) -> int:
    """This process's part of a batch. Raises SettingsError where it cannot be divided."""
    if observations % world():
        raise SettingsError(
            f"a batch of {observations} cannot be divided among {world()} processes: make it a multiple"
        )
    return observations // world()


def average(gradients: Sequence[Tensor]) -> None:
    """Replaces the gradients by their mean over the processes, in one message."""
    if world() == 1:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world()
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.reshape(gradient.shape))
