"""Distillation by the difference of two scores: what SDM, OneDP and DMD2 share.

A one-step generator G descends the KL divergence between the noised distributions of its chunks and the teacher's. Its
gradient with respect to a generated chunk is w(t) (s_G - s_P), the difference of the scores of the noised chunk a_t;
a network's score follows from the posterior mean x0_hat that it predicts, with a_t = alpha x0 + sigma epsilon:

    s(a_t) = -(a_t - alpha x0_hat(a_t)) / sigma².

The generator's own score is unknown: a critic D, trained to denoise what G makes, stands for it.
"""

from __future__ import annotations

import copy
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.ema import EmaSettings
from sdm_training.learner import Average, Feeding, Learner, MethodSettings, Update
from sdm_training.observation import Batch
from sdm_training.optimiser import OptimiserSettings
from sdm_training.policy import Policy
from sdm_training.process import Process, same_level
from sdm_training.sampling import SamplingSettings

# Where generator and teacher agree to four digits the direction of their difference is noise, and is not scaled up.
MIN_SCALE = 1e-4


class ScoreDistillationSettings(MethodSettings):
    """steps counts critic updates; the generator is updated in every `update_ratio`-th (Algorithm 1's c of SDM).

    generator_level: where G is called, None for the process's noisiest; teacher_weights: the teacher's averaged ones or
    its last; start: G begins as the teacher, or (the papers' ablation) from scratch; encoder "trained" lets G's loss
    train a copy of the teacher's encoder, while P and D keep the frozen one; point_subsets: with a frozen encoder,
    random point subsets of which each observation's encodings are kept.
    """

    needs_teacher: ClassVar[bool] = True

    steps: int = 4000
    batch: int = 128
    update_ratio: int = 5
    teacher_weights: Literal["ema", "raw"] = "ema"
    start: Literal["teacher", "scratch"] = "teacher"
    generator_level: float | None = None
    encoder: Literal["frozen", "trained"] = "frozen"
    point_subsets: int = 8
    generator_optimiser: OptimiserSettings
    critic_optimiser: OptimiserSettings
    ema: EmaSettings | None = None


def score(process: Process, a_t: Tensor, x0: Tensor, levels: Tensor) -> Tensor:
    """The score [B, H, A] of the noised distribution whose posterior mean at a_t is x0 (SDM's Eq. 3 with its minus)."""
    alpha, sigma = process.alpha_sigma(levels)
    return -(a_t - alpha * x0) / sigma**2


class ScoreDistillation(Learner):
    """Student G, frozen teacher P and critic D. A subclass defines the gradient; it may add parts and updates."""

    def __init__(self, settings: ScoreDistillationSettings, policy: Policy) -> None:
        super().__init__()
        process = policy.process
        level = process.noisiest if settings.generator_level is None else settings.generator_level
        process.check_level("distiller.generator_level", level)
        self.settings, self.level = settings, level
        self.steps, self.sampling = settings.steps, SamplingSettings(level=level)
        self.teacher, self.student, self.critic = policy, copy.deepcopy(policy), copy.deepcopy(policy.denoiser)
        if settings.start == "scratch":
            self.student.denoiser.load_state_dict(Policy(policy.settings, policy.contract).denoiser.state_dict())
        self.encodes = settings.encoder == "trained"
        self.feeding = Feeding(
            settings.batch, encoder=None if self.encodes else self.teacher, point_subsets=settings.point_subsets
        )
        generator = "student" if self.encodes else "student.denoiser"
        self.updates = (
            Update("generator", (generator,), settings.generator_optimiser, settings.update_ratio),
            Update("critic", ("critic",), settings.critic_optimiser),
        )
        self.deployed = "student"
        if settings.ema:
            self.average, self.deployed = copy.deepcopy(self.student), "average"
            self.averages = (Average("student", "average", "generator", settings.ema),)
        self.freeze()

    def gradient(self, a_g: Tensor, condition: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """The divergence's gradient [B, H, A] with respect to a_g, and the mean distance of critic and teacher."""
        raise NotImplementedError

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        if update == "generator":
            own, shared = self.conditions(batch)
            a_g = self.generate(draws.normal(*batch.action.shape), own)
            with torch.no_grad():
                gradient, gap = self.gradient(a_g, shared, draws)
            # A scalar whose gradient with respect to a_g is that one, over the number of its entries.
            return (gradient * a_g).mean(), {"gap": gap}
        with torch.no_grad():
            own, shared = self.conditions(batch)
            a_g = self.generate(draws.normal(*batch.action.shape), own)
        loss = self.critic_loss(a_g, shared, draws)
        return loss, {"critic_loss": loss.detach()}

    def conditions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Conditions [B, D] of the student, and of teacher and critic; the same one where the encoder is frozen."""
        if batch.condition is not None:
            return batch.condition, batch.condition
        with torch.no_grad():
            shared = self.teacher.encode(batch.observation)
        return self.student.encode(batch.observation), shared

    def generate(self, noise: Tensor, condition: Tensor) -> Tensor:
        """a_G [B, H, A] = G(z): one pass from pure noise, unclipped so that every chunk gets its gradient."""
        levels = same_level(noise, self.level)
        return self.student.predict_x0(self.student.process.start(noise, levels), levels, condition, clip=False)

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        """Levels [count] at which distributions are compared and the critic learns."""
        return self.teacher.process.draw_levels(count, draws)

    def critic_loss(self, a_g: Tensor, condition: Tensor, draws: Draws) -> Tensor:
        """The denoising objective of D on generated chunks, which are its targets and get no gradient."""
        levels, epsilon = self.draw_levels(len(a_g), draws), draws.normal(*a_g.shape)
        return self.teacher.process.denoising_loss(self.critic, a_g, levels, epsilon, condition)
