"""Supervised training on demonstration windows: what the teachers and the methods without a teacher share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Self

from pydantic import Field, model_validator
from torch import Tensor

from sdm_training.data.windows import PointChoice
from sdm_training.draws import Draws
from sdm_training.method_parts.ema import EmaSettings
from sdm_training.method_parts.learner import Average, Feeding, Learner, MethodSettings, Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy


class CloningSettings(MethodSettings):
    """steps of training, or else epochs over the windows; draws: (noise, level) pairs that share an encoded
    observation.

    state_dropout: share of the observations whose state is hidden from the encoder, so that it learns to find things in
    the cloud rather than to recognise one of ten trajectories by the robot's pose.
    """

    steps: int | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, gt=0)
    observations: int = Field(default=32, gt=0)
    draws: int = Field(default=4, gt=0)
    points: PointChoice = "random"
    state_dropout: float = Field(default=0.0, ge=0, lt=1)
    optimiser: OptimiserSettings
    ema: EmaSettings = EmaSettings()

    @model_validator(mode="after")
    def is_as_long_as_one_of_them_says(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(f"steps is {self.steps}, epochs is {self.epochs}: give one, and null for the other")
        return self

    def total_steps(self, windows: int) -> int:
        """Steps of the whole training."""
        if self.epochs is None:
            assert self.steps is not None
            return self.steps
        return self.epochs * -(-windows // self.observations)


class BehaviourCloning(Learner):
    """A subclass defines the loss on encoded observations and normalised chunks; the averaged policy is deployed."""

    deployed, raw = "average", "trained_policy"

    def __init__(self, settings: CloningSettings, policy: Policy, windows: int) -> None:
        super().__init__()
        self.settings = settings
        self.steps = settings.total_steps(windows)
        self.feeding = Feeding(settings.observations, settings.points)
        self.trained_policy, self.average = policy, copy.deepcopy(policy)
        self.updates = (Update("cloning", ("trained_policy",), settings.optimiser),)
        self.averages = (Average("trained_policy", "average", "cloning", settings.ema),)
        self.freeze()

    @abstractmethod
    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        """Scalar loss for conditions [B, D] and normalised chunks [B, H, A]."""

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        kept = draws.uniform(len(batch.action)) >= self.settings.state_dropout
        condition = self.trained_policy.encode(batch.observation, kept).repeat_interleave(self.settings.draws, 0)
        chunk = self.trained_policy.normalised_chunk(batch).repeat_interleave(self.settings.draws, 0)
        loss = self.cloning_loss(condition, chunk, draws)
        return loss, {"loss": loss.detach()}
