"""Supervised training of a policy on demonstration windows: what the teachers and plain regression share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from sdm_training.data.windows import PointChoice, Windows
from sdm_training.ema import Ema, EmaSettings
from sdm_training.optimiser import Optimiser, OptimiserSettings
from sdm_training.policy import Policy
from sdm_training.settings import Part, SettingsError
from sdm_training.training_loop import prefixed, under


class CloningSettings(Part):
    """steps of training, or epochs over the windows; draws: (noise, timestep) pairs that share one encoded observation.

    state_dropout: share of the observations whose state is hidden from the encoder, so that it learns to find things in
    the cloud rather than to recognise one of ten trajectories by the robot's pose.
    """

    method: str
    steps: int | None = None
    epochs: int | None = None
    observations: int = 32
    draws: int = 4
    points: PointChoice = "random"
    state_dropout: float = 0.0
    optimiser: OptimiserSettings
    ema: EmaSettings = EmaSettings()

    def total_steps(self, windows: int) -> int:
        """Steps of the whole training."""
        if self.steps is not None:
            return self.steps
        if self.epochs is None:
            raise SettingsError(f"method '{self.method}' has neither steps nor epochs")
        return self.epochs * -(-windows // self.observations)


class BehaviourCloning(ABC):
    """A Trainee (see training_loop) whose loss a subclass defines on encoded observations and normalised actions."""

    def __init__(self, settings: CloningSettings, policy: Policy, windows: Windows, generator: torch.Generator) -> None:
        self.settings, self.policy, self.windows, self.generator = settings, policy, windows, generator
        self.steps = settings.total_steps(len(windows))
        self.optimiser = Optimiser(policy.parameters(), settings.optimiser, self.steps)
        self.ema = Ema(policy, settings.ema)

    @abstractmethod
    def loss(self, condition: Tensor, action: Tensor) -> Tensor:
        """Scalar loss for conditions [B, D] and normalised chunks [B, H, A]."""

    def step(self, index: int) -> Mapping[str, Tensor]:
        batch = self.windows.batch(
            self.windows.draw(self.settings.observations, self.generator), self.settings.points, self.generator
        )
        kept = torch.rand(len(batch.state), generator=self.generator) >= self.settings.state_dropout
        condition = self.policy.encode(batch.point_cloud, batch.state, kept.to(batch.state.device))
        condition = condition.repeat_interleave(self.settings.draws, 0)
        action = self.policy.normalise_action(batch.action).repeat_interleave(self.settings.draws, 0)
        loss = self.loss(condition, action)
        self.optimiser.step(loss, index)
        self.ema.update(index)
        return {"loss": loss.detach()}

    def tensors(self) -> dict[str, Tensor]:
        return {
            **prefixed("policy", self.policy.state_dict()),
            **prefixed("ema", self.ema.average.state_dict()),
            **prefixed("optimiser", self.optimiser.tensors()),
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.policy.load_state_dict(under("policy", tensors))
        self.ema.average.load_state_dict(under("ema", tensors))
        self.optimiser.load(under("optimiser", tensors))

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, and the last raw ones under `raw.`."""
        return {**self.ema.average.state_dict(), **prefixed("raw", self.policy.state_dict())}

    def noise_like(self, chunk: Tensor) -> Tensor:
        """Standard normal noise from the run's generator."""
        return torch.randn(chunk.shape, generator=self.generator).to(chunk.device)
