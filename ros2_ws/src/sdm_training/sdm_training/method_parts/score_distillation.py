"""Distillation by the difference of two scores: what SDM, OneDP and DMD2 share.

A one-step generator G descends the KL divergence between the noised distributions of its chunks and the teacher's. Its
gradient with respect to a generated chunk is w(t) (s_G - s_P), the difference of the scores of the noised chunk a_t;
a network's score follows from the posterior mean x0_hat that it predicts, with a_t = alpha x0 + sigma epsilon:

    s(a_t) = -(a_t - alpha x0_hat(a_t)) / sigma².

Where the generator's own score is unknown a critic D, trained to denoise what G makes, stands for it.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field, field_validator
from torch import Tensor

from sdm_training import registry
from sdm_training.draws import Draws
from sdm_training.method_parts.ema import EmaSettings
from sdm_training.method_parts.learner import Average, Feeding, Learner, StudentSettings, Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import Process, same_level
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.settings import Settings, SettingsError

# Where generator and teacher agree to four digits the direction of their difference is noise, and is not scaled up.
MIN_SCALE = 1e-4

Value = TypeVar("Value")


class NoiseLevels(Settings):
    """Timesteps at which the distributions are compared: `low` … `high` (both included), every `stride`-th from `low`.

    DDIM's grid of SDM's published code is low 9, high 99, stride 10.
    """

    low: int = 0
    high: int = 99
    stride: int = Field(default=1, gt=0)

    def check(self, process: Process) -> None:
        """Raises SettingsError where there are no such timesteps."""
        for bound in (self.low, self.high):
            process.check_level("distiller.noise_levels", bound)
        if self.low > self.high:
            raise SettingsError(f"distiller.noise_levels.low {self.low} lies above high {self.high}")

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Uniform timesteps [count]."""
        return self.low + self.stride * draws.integers(0, (self.high - self.low) // self.stride, count)


class ScoreDistillationSettings(StudentSettings):
    """steps counts critic updates; the generator is updated in every `update_ratio`-th (Algorithm 1's c of SDM).

    batch: observations a step; draws: chunks generated for each of them. generator_level: where G is called, None for
    the process's noisiest; noise_levels: where the distributions are compared and D learns, None for the process's own;
    both may be given by the kind of the teacher's process, {discrete: …, edm: …}. start: G begins as the teacher, or
    (the papers' ablation) from scratch; encoder "trained" lets G's loss train a copy of the teacher's encoder, while P
    and D keep the frozen one; point_subsets: with a frozen encoder, random point subsets of which each observation's
    encodings are kept. critic_optimiser: None without a D.
    """

    steps: int = Field(default=4000, gt=0)
    batch: int = Field(default=128, gt=0)
    draws: int = Field(default=1, gt=0)
    update_ratio: int = Field(default=5, gt=0)
    start: Literal["teacher", "scratch"] = "teacher"
    generator_level: float | dict[str, float] | None = None
    noise_levels: NoiseLevels | dict[str, NoiseLevels] | None = None
    encoder: Literal["frozen", "trained"] = "frozen"
    point_subsets: int = Field(default=8, gt=0)
    generator_optimiser: OptimiserSettings
    critic_optimiser: OptimiserSettings | None
    ema: EmaSettings | None = None

    @field_validator("generator_level", "noise_levels")
    @classmethod
    def names_processes(cls, value: Any) -> Any:
        for kind in value if isinstance(value, dict) else ():
            registry.find("processes", kind)
        return value


class Comparison(NamedTuple):
    """Generated chunks noised to `levels` [B], a_t [B, H, A], and their posterior means x0 [B, H, A] by the teacher's
    distribution of chunks and by the generator's own."""

    levels: Tensor
    a_t: Tensor
    x0_teacher: Tensor
    x0_generator: Tensor


def score(process: Process, a_t: Tensor, x0: Tensor, levels: Tensor) -> Tensor:
    """The score [B, H, A] of the noised distribution whose posterior mean at a_t is x0 (SDM's Eq. 3 with its minus)."""
    alpha, sigma = process.alpha_sigma(levels)
    return -(a_t - alpha * x0) / sigma**2


def sample_scale(a_g: Tensor, x0_teacher: Tensor) -> Tensor:
    """Each chunk's mean distance [B, 1, 1] from what the teacher makes of it, by which DMD2 divides its gradient."""
    return (a_g - x0_teacher).abs().mean(dim=(1, 2), keepdim=True).clamp(min=MIN_SCALE)


class ScoreDistillation(Learner):
    """Student G, frozen teacher P and critic D. A subclass defines the gradient; it may add parts and updates.

    With `draws` chunks an observation, B below is the batch times them.
    """

    def __init__(self, settings: ScoreDistillationSettings, policy: Policy, windows: int) -> None:
        super().__init__()
        process, kind = policy.process, policy.settings.diffusion.kind
        if not process.has_scores:
            raise SettingsError(
                f"distiller {settings.kind} compares scores, and a teacher of the process '{kind}' has none: give one "
                "of diffusion, such as dp3 or edm"
            )
        level = for_process(settings.generator_level, kind)
        self.level = process.noisiest if level is None else level
        process.check_level("distiller.generator_level", self.level)
        process.check_one_call(self.level)
        self.noise_levels = for_process(settings.noise_levels, kind)
        if self.noise_levels:
            self.noise_levels.check(process)
        self.settings = settings
        self.steps, self.sampling = settings.steps, SamplingSettings(level=self.level)
        self.teacher, self.student = policy, copy.deepcopy(policy)
        if settings.start == "scratch":
            self.student.denoiser.load_state_dict(Policy(policy.settings, policy.contract).denoiser.state_dict())
        self.encodes = settings.encoder == "trained"
        self.feeding = Feeding(
            settings.batch, encoder=None if self.encodes else self.teacher, point_subsets=settings.point_subsets
        )
        generator = "student" if self.encodes else "student.denoiser"
        self.updates = (Update("generator", (generator,), settings.generator_optimiser, settings.update_ratio),)
        if settings.critic_optimiser:
            self.critic = copy.deepcopy(policy.denoiser)
            self.updates += (Update("critic", ("critic",), settings.critic_optimiser),)
        self.deployed = "student"
        if settings.ema:
            self.average, self.deployed = copy.deepcopy(self.student), "average"
            self.averages = (Average("student", "average", "generator", settings.ema),)
        self.freeze()

    @abstractmethod
    def gradient(self, a_g: Tensor, compared: Comparison) -> Tensor:
        """The divergence's gradient [B, H, A] with respect to a_g."""

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        if update == "generator":
            return self.generator_loss(self.generated(batch, draws), batch, draws)
        with torch.no_grad():
            a_g = self.generated(batch, draws)
        return self.critic_loss(a_g, batch, draws)

    def generator_loss(self, a_g: Tensor, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """A scalar whose gradient with respect to a_g is the divergence's, over the number of its entries."""
        with torch.no_grad():
            compared = self.compare(a_g, batch, draws)
            gradient = self.gradient(a_g, compared)
            gap = (compared.x0_generator - compared.x0_teacher).abs().mean()
        return (gradient * a_g).mean(), {"gap": gap}

    def critic_loss(self, a_g: Tensor, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """The denoising objective of D on generated chunks, which are its targets and get no gradient."""
        levels, epsilon = self.draw_levels(len(a_g), draws), draws.normal(*a_g.shape)
        condition = self.critic_condition(batch)
        loss = self.teacher.process.denoising_loss(self.critic, a_g, levels, epsilon, condition)
        return loss, {"critic_loss": loss.detach()}

    def compare(self, a_g: Tensor, batch: Batch, draws: Draws) -> Comparison:
        """Noises the chunks, and asks the teacher and the critic for what they were."""
        levels = self.draw_levels(len(a_g), draws)
        a_t = self.teacher.process.add_noise(a_g, draws.normal(*a_g.shape), levels)
        x0_teacher = self.teacher.predict_x0(a_t, levels, self.condition(self.teacher, batch), clip=False)
        return Comparison(levels, a_t, x0_teacher, self.generator_x0(a_g, a_t, levels, batch))

    def generator_x0(self, a_g: Tensor, a_t: Tensor, levels: Tensor, batch: Batch) -> Tensor:
        """The posterior mean x0 [B, H, A] of a_t by the distribution of the generator's chunks: the critic's."""
        return self.teacher.process.predict_x0(self.critic, a_t, levels, self.critic_condition(batch), clip=False)

    def condition(self, policy: Policy, batch: Batch) -> Tensor:
        """Conditions [B, D] as `policy` encodes the observations; the kept ones where the encoder is frozen."""
        condition = policy.encode(batch.observation) if batch.condition is None else batch.condition
        return condition.repeat_interleave(self.settings.draws, 0)

    def critic_condition(self, batch: Batch) -> Tensor:
        """Conditions [B, D] of D, which sees what the teacher does."""
        with torch.no_grad():
            return self.condition(self.teacher, batch)

    def generated(self, batch: Batch, draws: Draws) -> Tensor:
        """Chunks a_G [B, H, A] of the student for the batch's observations."""
        condition = self.condition(self.student, batch)
        return self.generate(draws.normal(len(condition), *self.student.chunk_shape), condition)

    def generate(self, noise: Tensor, condition: Tensor) -> Tensor:
        """a_G [B, H, A] = G(z): one pass from pure noise, unclipped so that every chunk gets its gradient."""
        levels, noise = same_level(noise, self.level), noise * self.sampling.noise_scale
        return self.student.predict_x0(self.student.process.start(noise, levels), levels, condition, clip=False)

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        """Levels [count] at which distributions are compared and the critic learns."""
        levels = self.noise_levels
        return levels.draw(count, draws) if levels else self.teacher.process.draw_levels(count, draws)


def for_process(value: Value | dict[str, Value] | None, kind: str) -> Value | None:
    """What a setting says for this kind of process."""
    return value.get(kind) if isinstance(value, dict) else value
