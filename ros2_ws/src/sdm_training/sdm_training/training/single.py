"""A learner trained alone: its optimisers, averages and feed, as the training loop drives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from sdm_training import distributed
from sdm_training.data.windows import Windows
from sdm_training.draws import Draws
from sdm_training.method_parts.ema import Ema
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import Learner
from sdm_training.method_parts.optimiser import Optimiser
from sdm_training.named_tensors import prefixed, under
from sdm_training.policy.sampling import SamplingSettings


class Training:
    """The Trainee (see loop.py) of any learner. All its randomness comes from one generator."""

    def __init__(self, learner: Learner, windows: Windows, generator: torch.Generator) -> None:
        self.learner, self.generator = learner, generator
        self.device = windows.device
        self.draws = Draws(self.device, generator)
        share = distributed.share_of(learner.feeding.observations)
        self.feed = Feed(replace(learner.feeding, observations=share), windows, self.draws)
        self.steps: int = learner.steps
        self.sampling: SamplingSettings = learner.sampling
        self._optimisers = {
            update.name: Optimiser(
                [parameter for _, parameter in learner.trained(update)],
                update.optimiser,
                update.count(learner.steps),
            )
            for update in learner.updates
        }
        self._averages = [
            (a, Ema(learner.get_submodule(a.source), learner.get_submodule(a.target), a.settings))
            for a in learner.averages
        ]
        self._scalars: dict[str, Tensor] = {}

    def step(self, index: int) -> Mapping[str, Tensor]:
        """Every update that is due, one after the other, on one batch."""
        batch = self.feed.batch()
        for update in self.learner.updates:
            if not update.due(index):
                continue
            count = index // update.every
            loss, scalars = self.learner(update.name, batch, self.draws)
            self._optimisers[update.name].step(loss, count)
            for average, ema in self._averages:
                if average.after == update.name:
                    ema.update(count)
            self._scalars |= scalars
        return self._scalars

    def tensors(self) -> dict[str, Tensor]:
        tensors = prefixed("learner", self.learner.state_dict())
        for name, optimiser in self._optimisers.items():
            tensors |= prefixed(f"optimiser.{name}", optimiser.tensors())
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.learner.load_state_dict(under("learner", tensors))
        for name, optimiser in self._optimisers.items():
            optimiser.load(under(f"optimiser.{name}", tensors))

    def weights(self) -> dict[str, Tensor]:
        return dict(self.learner.weights())
