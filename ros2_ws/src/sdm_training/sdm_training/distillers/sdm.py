"""Score and Distribution Matching (SDM Policy, Jia et al. 2024): Algorithm 1 with Eq. 2–6.

Three networks start from the teacher's denoiser: the one-step generator G, the frozen teacher P and the critic D, which
follows the generator's distribution. Eq. 3 as printed lacks its minus; the score of x_t = alpha x0 + sigma epsilon is

    s(a_t) = -(a_t - alpha_t x0_hat(a_t)) / sigma_t²,

and Eq. 4's gradient, by which G descends, is then -(s_P - s_D) = alpha_t / sigma_t² · (x0_D - x0_P).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.data.windows import Windows
from sdm_training.diffusion.noise_schedule import NoiseSchedule
from sdm_training.ema import Ema, EmaSettings
from sdm_training.optimiser import Optimiser, OptimiserSettings
from sdm_training.policy import Policy
from sdm_training.sampling import SamplingSettings
from sdm_training.settings import Part, Settings, SettingsError
from sdm_training.training_loop import prefixed, under

Weight = Literal["score", "x0", "variance"]
Normalisation = Literal["per_sample", "batch", "none"]

# Where generator and teacher agree to four digits the direction of their difference is noise, and is not scaled up.
MIN_SCALE = 1e-4

ENCODED_AT_ONCE = 256


class NoiseLevels(Settings):
    """Timesteps at which the distributions are compared: `low` … `high` (both included), every `stride`-th from `low`.

    DDIM's grid of the published code is low 9, high 99, stride 10.
    """

    low: int = 0
    high: int = 99
    stride: int = 1

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Uniform timesteps [count]."""
        levels = (self.high - self.low) // self.stride + 1
        return self.low + self.stride * torch.randint(levels, (count,), generator=generator)


class GradientSettings(Settings):
    """Eq. 4's free choices.

    weight w(t): "score" is Eq. 4's first line, "x0" its second (alpha / sigma² absorbed), "variance" multiplies the
    score by sigma² as OneDP does. normalisation: "per_sample" divides by the sample's mean distance between generator
    and teacher (DMD2), "batch" by the mean size of the teacher's score over the batch (the published code), which is
    of one kind with weight "score" alone.
    """

    weight: Weight = "x0"
    normalisation: Normalisation = "per_sample"

    @model_validator(mode="after")
    def batch_divides_scores(self) -> Self:
        if self.normalisation == "batch" and self.weight != "score":
            raise ValueError(f'normalisation "batch" belongs to weight "score", not to "{self.weight}"')
        return self


class SdmSettings(Part):
    """steps counts critic updates; the generator is updated in every `update_ratio`-th (Algorithm 1's c).

    generator_timestep: where G is called, None for the last valid one; generator_scale and critic_scale: λ and γ of
    Eq. 5 and 6; encoder "trained" lets G's loss train a copy of the teacher's encoder, while P and D keep the frozen
    one; point_subsets: with a frozen encoder, random point subsets of which each observation's encodings are kept.
    """

    needs_teacher: ClassVar[bool] = True

    kind: str = "sdm"
    method: str = "sdm"
    steps: int = 4000
    batch: int = 128
    update_ratio: int = 5
    teacher_weights: Literal["ema", "raw"] = "ema"
    generator_timestep: int | None = None
    gradient: GradientSettings = GradientSettings()
    noise_levels: NoiseLevels = NoiseLevels()
    generator_scale: float = 1.0
    critic_scale: float = 1.0
    encoder: Literal["frozen", "trained"] = "frozen"
    point_subsets: int = 8
    generator_optimiser: OptimiserSettings
    critic_optimiser: OptimiserSettings
    ema: EmaSettings | None = None


def score(schedule: NoiseSchedule, a_t: Tensor, x0: Tensor, timesteps: Tensor) -> Tensor:
    """Eq. 3 with its minus: the score [B, H, A] of the noised distribution whose posterior mean at a_t is x0."""
    alpha, sigma = schedule.alpha_sigma(timesteps)
    return -(a_t - alpha * x0) / sigma**2


def generator_gradient(
    schedule: NoiseSchedule,
    settings: GradientSettings,
    a_g: Tensor,
    a_t: Tensor,
    x0_teacher: Tensor,
    x0_critic: Tensor,
    timesteps: Tensor,
) -> Tensor:
    """Eq. 4: the gradient [B, H, A] of the KL divergence with respect to the generated chunk a_g, noised to a_t."""
    alpha, sigma = schedule.alpha_sigma(timesteps)
    if settings.weight == "score":
        weight = alpha / sigma**2
    else:
        weight = alpha if settings.weight == "variance" else torch.ones_like(alpha)
    # -(s_P - s_D), in which a_t cancels: as a difference of scores it would lose digits near the last step.
    gradient = weight * (x0_critic - x0_teacher)
    if settings.normalisation == "per_sample":
        # Unweighted, else w(t) would cancel.
        return gradient / (a_g - x0_teacher).abs().mean(dim=(1, 2), keepdim=True).clamp(min=MIN_SCALE)
    if settings.normalisation == "batch":
        return gradient / score(schedule, a_t, x0_teacher, timesteps).abs().mean().clamp(min=MIN_SCALE)
    return gradient


class Sdm:
    """The Trainee (see training_loop)."""

    def __init__(self, settings: SdmSettings, policy: Policy, windows: Windows, generator: torch.Generator) -> None:
        schedule = policy.schedule
        timestep = schedule.last if settings.generator_timestep is None else settings.generator_timestep
        levels = settings.noise_levels
        if not 0 <= timestep <= schedule.last:
            raise SettingsError(f"distiller.generator_timestep {timestep} is outside 0 … {schedule.last}")
        if not 0 <= levels.low <= levels.high <= schedule.last:
            raise SettingsError(f"distiller.noise_levels {levels.low} … {levels.high} are outside 0 … {schedule.last}")
        self.settings, self.windows, self.generator = settings, windows, generator
        self.steps = settings.steps
        self.timestep = timestep
        self.sampling = SamplingSettings(nfe=1, timestep=timestep)
        self.teacher = policy.requires_grad_(False).eval()
        self.student = copy.deepcopy(policy)
        self.critic = copy.deepcopy(policy)
        trained = self.student if settings.encoder == "trained" else self.student.denoiser
        trained.requires_grad_(True)
        self.critic.denoiser.requires_grad_(True)
        updates = -(-settings.steps // settings.update_ratio)
        self.generator_optimiser = Optimiser(trained.parameters(), settings.generator_optimiser, updates)
        self.critic_optimiser = Optimiser(self.critic.denoiser.parameters(), settings.critic_optimiser, settings.steps)
        self.ema = Ema(self.student, settings.ema) if settings.ema else None
        self._conditions = self._encode_all() if settings.encoder == "frozen" else None
        self._gap = torch.zeros((), device=windows.device)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """Lines 2–20 of Algorithm 1."""
        settings = self.settings
        encode, condition = self._encode(self.windows.draw(settings.batch, self.generator))
        noise = self._noise(settings.batch)
        if index % settings.update_ratio == 0:
            update = index // settings.update_ratio
            loss, self._gap = self.generator_loss(self.generate(noise, encode()), condition)
            self.generator_optimiser.step(loss, update)
            if self.ema:
                self.ema.update(update)
        with torch.no_grad():
            a_g = self.generate(noise, encode())
        critic_loss = self.critic_loss(a_g, condition)
        self.critic_optimiser.step(critic_loss, index)
        return {"critic_loss": critic_loss.detach(), "gap": self._gap}

    def generate(self, noise: Tensor, condition: Tensor) -> Tensor:
        """a_G [B, H, A] = G(z): one pass from pure noise, unclipped so that every chunk gets its gradient."""
        timesteps = torch.full(noise.shape[:1], self.timestep, device=noise.device)
        return self.student.predict_x0(noise, timesteps, condition, clip=False)

    def generator_loss(self, a_g: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 5, as a scalar whose gradient with respect to a_g is λ/size times Eq. 4's; and the mean |x0_D - x0_P|."""
        timesteps = self._draw_timesteps(len(a_g))
        with torch.no_grad():
            a_t = self.teacher.schedule.add_noise(a_g, self._noise(len(a_g)), timesteps)
            x0_teacher = self.teacher.predict_x0(a_t, timesteps, condition, clip=False)
            x0_critic = self.critic.predict_x0(a_t, timesteps, condition, clip=False)
            gradient = generator_gradient(
                self.teacher.schedule, self.settings.gradient, a_g, a_t, x0_teacher, x0_critic, timesteps
            )
        return self.settings.generator_scale * (gradient * a_g).mean(), (x0_critic - x0_teacher).abs().mean()

    def critic_loss(self, a_g: Tensor, condition: Tensor) -> Tensor:
        """Eq. 6: the denoising objective of D on the generated chunks, which are its targets and get no gradient."""
        a_g, schedule = a_g.detach(), self.critic.schedule
        timesteps, epsilon = self._draw_timesteps(len(a_g)), self._noise(len(a_g))
        prediction = self.critic.denoiser(schedule.add_noise(a_g, epsilon, timesteps), timesteps, condition)
        return self.settings.critic_scale * mse_loss(prediction, schedule.target(a_g, epsilon))

    def tensors(self) -> dict[str, Tensor]:
        averaged = prefixed("ema", self.ema.average.state_dict()) if self.ema else {}
        return {
            **prefixed("student", self.student.state_dict()),
            **prefixed("critic", self.critic.denoiser.state_dict()),
            **prefixed("generator_optimiser", self.generator_optimiser.tensors()),
            **prefixed("critic_optimiser", self.critic_optimiser.tensors()),
            **averaged,
            "gap": self._gap,
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.student.load_state_dict(under("student", tensors))
        self.critic.denoiser.load_state_dict(under("critic", tensors))
        self.generator_optimiser.load(under("generator_optimiser", tensors))
        self.critic_optimiser.load(under("critic_optimiser", tensors))
        if self.ema:
            self.ema.average.load_state_dict(under("ema", tensors))
        self._gap = tensors["gap"]

    def weights(self) -> dict[str, Tensor]:
        """The student's weights: averaged where `ema` is set."""
        return dict((self.ema.average if self.ema else self.student).state_dict())

    def _encode(self, indices: Tensor) -> tuple[Callable[[], Tensor], Tensor]:
        """Conditions [B, D]: what gives the student's, by its weights as they are then, and that of teacher and critic.

        Where the encoder is frozen they are the same one.
        """
        if self._conditions is not None:
            subsets = torch.randint(len(self._conditions), indices.shape, generator=self.generator)
            condition = self._conditions[subsets, indices]
            return lambda: condition, condition
        batch = self.windows.batch(indices, "random", self.generator)
        with torch.no_grad():
            condition = self.teacher.encode(batch.point_cloud, batch.state)
        return lambda: self.student.encode(batch.point_cloud, batch.state), condition

    @torch.no_grad()
    def _encode_all(self) -> Tensor:
        """The frozen encoder's conditions [point_subsets, W, D], so that no training step encodes anything."""
        subsets = []
        for _ in range(self.settings.point_subsets):
            parts = [
                self.teacher.encode(batch.point_cloud, batch.state)
                for indices in torch.arange(len(self.windows)).split(ENCODED_AT_ONCE)
                for batch in (self.windows.batch(indices, "random", self.generator),)
            ]
            subsets.append(torch.cat(parts))
        return torch.stack(subsets)

    def _noise(self, count: int) -> Tensor:
        return torch.randn((count, *self.teacher.chunk_shape), generator=self.generator).to(self.windows.device)

    def _draw_timesteps(self, count: int) -> Tensor:
        return self.settings.noise_levels.draw(count, self.generator).to(self.windows.device)


SETTINGS = SdmSettings


def create(settings: SdmSettings, policy: Policy, windows: Windows, generator: torch.Generator) -> Sdm:
    """The Trainee of this method; `policy` is the teacher."""
    return Sdm(settings, policy, windows, generator)
