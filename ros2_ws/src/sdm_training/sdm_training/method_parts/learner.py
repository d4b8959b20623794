"""What a method is to the trainers: its networks, and the losses by which parts of them learn.

A learner holds no data, no optimiser and no random state. Its losses are pure functions of its parameters, a batch and
draws, so the same learner is trained alone (training/single.py) or in a stack of many at once (stack/).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from sdm_training.data.windows import PointChoice
from sdm_training.draws import Draws
from sdm_training.method_parts.ema import EmaSettings
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.named_tensors import prefixed
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.settings import Part


class MethodSettings(Part):
    """method: its name in results; variant: what sets an ablation apart from it, or None; needs_teacher: whether it
    distils one (see StudentSettings), or learns from demonstrations alone."""

    needs_teacher: ClassVar[bool] = False

    method: str
    variant: str | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What results say of it."""
        return {"method": self.method, **({"variant": self.variant} if self.variant else {})}


class StudentSettings(MethodSettings):
    """Of a method that distils. teacher_weights: the averaged ones of the teacher that it is given, or its last."""

    needs_teacher: ClassVar[bool] = True

    teacher_weights: Literal["ema", "raw"] = "ema"


@dataclass(frozen=True)
class Update:
    """One optimiser's part of a step: the loss `name` moves the parameters of `modules` in every `every`-th step.

    modules: attribute paths of the learner, such as "student.denoiser".
    """

    name: str
    modules: tuple[str, ...]
    optimiser: OptimiserSettings
    every: int = 1

    def due(self, step: int) -> bool:
        return step % self.every == 0

    def count(self, steps: int) -> int:
        """How often it happens in `steps` steps."""
        return -(-steps // self.every)


@dataclass(frozen=True)
class Average:
    """The module `target` follows `source`, as an exponential moving average, after each update `after`."""

    source: str
    target: str
    after: str
    settings: EmaSettings


@dataclass(frozen=True)
class Feeding:
    """What a step is fed: `observations` windows, and how their points are chosen.

    encoder: a policy whose frozen encoder gives every condition, kept for `point_subsets` random subsets of each cloud
    so that no step encodes anything; None where the losses encode for themselves.
    """

    observations: int
    points: PointChoice = "random"
    encoder: Policy | None = None
    point_subsets: int = 8


class Learner(nn.Module, ABC):
    """All networks of one training. `deployed` is the attribute path of the policy that comes out of it, and `raw`,
    where there is one, of the same policy's last weights beside its averaged ones."""

    steps: int
    sampling: SamplingSettings
    feeding: Feeding
    updates: tuple[Update, ...]
    averages: tuple[Average, ...] = ()
    deployed: str
    raw: str | None = None

    @abstractmethod
    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar that the update descends, and scalars to be logged."""

    def forward(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """`loss`, as torch.func.functional_call wants it."""
        return self.loss(update, batch, draws)

    @property
    def policy(self) -> Policy:
        """The policy that is being made."""
        policy = self.get_submodule(self.deployed)
        assert isinstance(policy, Policy)
        return policy

    def trained(self, update: Update) -> Iterator[tuple[str, nn.Parameter]]:
        """The named parameters that an update moves."""
        for path in update.modules:
            yield from self.get_submodule(path).named_parameters(prefix=path)

    def weights(self) -> Mapping[str, Tensor]:
        """The policy as it would be deployed now; the last raw weights under `raw.`."""
        raw = self.get_submodule(self.raw).state_dict() if self.raw else {}
        return {**self.policy.state_dict(), **prefixed("raw", raw)}

    def freeze(self) -> None:
        """Marks as trained what an update moves, and nothing else; called once, at the end of __init__."""
        self.requires_grad_(False)
        for update in self.updates:
            for path in update.modules:
                self.get_submodule(path).requires_grad_(True)
