"""AdamW with warm-up and cosine decay, whose whole state is tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from sdm_training import distributed
from sdm_training.settings import Settings

Momentum = Annotated[float, Field(ge=0, lt=1)]


class OptimiserSettings(Settings):
    """clip: maximum gradient norm, or None; cosine: decay to zero over the run after the warm-up."""

    learning_rate: float = Field(gt=0)
    betas: tuple[Momentum, Momentum] = (0.95, 0.999)
    weight_decay: float = Field(default=1e-6, ge=0)
    warmup_steps: int = Field(default=0, ge=0)
    cosine: bool = True
    clip: float | None = Field(default=None, gt=0)


def learning_rate(settings: OptimiserSettings, step: int, steps: int) -> float:
    """Linear from zero over the warm-up, then cosine to zero at the end of `steps` (or constant)."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if not settings.cosine:
        return settings.learning_rate
    progress = (step - settings.warmup_steps) / max(steps - settings.warmup_steps, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class Optimiser:
    """Steps `parameters`; the learning rate is a function of the step alone, so resuming needs no scheduler state."""

    def __init__(self, parameters: Iterable[nn.Parameter], settings: OptimiserSettings, total_steps: int) -> None:
        self.parameters = list(parameters)
        self.settings, self.total_steps = settings, total_steps
        self._adamw = torch.optim.AdamW(
            self.parameters,
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def step(self, loss: Tensor, step: int) -> None:
        """Back-propagates `loss` into the parameters alone, and updates them."""
        gradients = torch.autograd.grad(loss, self.parameters)
        distributed.average(gradients)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate(self.settings, step, self.total_steps)
        self._adamw.step()
        self._adamw.zero_grad()

    def tensors(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter index."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.parameters)
            for name, value in self._adamw.state[parameter].items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave."""
        for key, value in tensors.items():
            index, name = key.split(".", 1)
            parameter = self.parameters[int(index)]
            # The step count is read on the host on a CPU, and on the device in the fused CUDA kernel.
            self._adamw.state[parameter][name] = value.to(parameter.device)
