"""From noise to actions: trailing timesteps and the DDIM step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sdm_training.diffusion.noise_schedule import NoiseSchedule

PredictX0 = Callable[[Tensor, Tensor], Tensor]
"""(x_t [B, H, A], timesteps [B]) → x0 [B, H, A]."""


def trailing_timesteps(train_steps: int, count: int) -> tuple[int, ...]:
    """`count` timesteps ending at the noisiest: (99,), (99, 49), (99, 89, …, 9) of 100.

    "Leading" spacing would run a single step at t = 0 on pure noise, where the network expects a clean sample.
    """
    if not 1 <= count <= train_steps:
        raise ValueError(f"{count} sampling steps asked of a process of {train_steps}: give 1 to {train_steps}")
    return tuple(round(train_steps - i * train_steps / count) - 1 for i in range(count))


def ddim_step(
    schedule: NoiseSchedule,
    x_t: Tensor,
    x0: Tensor,
    timestep: int,
    previous: int,
    eta: float = 0.0,
    noise: Tensor | None = None,
) -> Tensor:
    """A DDIM step (Song et al. 2021, Eq. 12) to `previous` (-1: clean); epsilon follows from the x0 given."""
    now, before = schedule.alpha_bar_at(timestep), schedule.alpha_bar_at(previous)
    epsilon = (x_t - now.sqrt() * x0) / (1 - now).sqrt()
    spread = eta * ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
    x = before.sqrt() * x0 + (1 - before - spread**2).clamp(min=0).sqrt() * epsilon
    return x if noise is None else x + spread * noise


def sample_ddim(
    schedule: NoiseSchedule,
    predict_x0: PredictX0,
    noise: Tensor,
    nfe: int,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Actions [B, H, A] in the normalised range after `nfe` network evaluations from `noise` [B, H, A]."""
    timesteps = trailing_timesteps(schedule.train_steps, nfe)
    x = noise
    for timestep, previous in zip(timesteps, (*timesteps[1:], -1), strict=True):
        x0 = predict_x0(x, torch.full(x.shape[:1], timestep, dtype=torch.long, device=x.device))
        fresh = None
        if eta > 0 and previous >= 0:
            fresh = torch.randn(x.shape, generator=generator, device=x.device)
        x = ddim_step(schedule, x, x0, timestep, previous, eta, fresh)
    return x
