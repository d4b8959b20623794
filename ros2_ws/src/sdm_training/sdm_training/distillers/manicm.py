"""ManiCM (Lu et al. 2024): latent consistency distillation of DP3 into one step.

A demonstration noised to a timestep t of the teacher's DDIM grid, and the same chunk carried to t - k by one step of
the teacher, must be mapped to the same end: by the student from t, by its average from t - k. At timestep 0 the map is
the identity (see ConsistencyModel), which anchors it. Encoder and teacher are frozen.

The teacher's step is DDIM's: the noise in it follows from the x0 that the teacher predicts. The published code hands
the network's output to that step as the noise, whatever it predicts; with DP3's x0 prediction that is x0 again, and
the target lies off the flow.
"""

from __future__ import annotations

import copy

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.draws import Draws
from sdm_training.method_parts.ema import EmaSettings
from sdm_training.method_parts.learner import Average, Feeding, Learner, StudentSettings, Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy, PolicySettings, warm_start
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.processes.consistency_model import ConsistencyModelSettings
from sdm_training.processes.discrete import Discrete
from sdm_training.settings import SettingsError


class ManiCmSettings(StudentSettings):
    """skip: timesteps of one DDIM step of the teacher (k); sigma_data, timestep_scaling: see ConsistencyModelSettings;
    target: the student's average, which makes the targets and is deployed."""

    kind: str = "manicm"
    method: str = "manicm"
    steps: int = Field(default=4000, gt=0)
    batch: int = Field(default=128, gt=0)
    skip: int = 10
    sigma_data: float = 0.5
    timestep_scaling: float = 10.0
    point_subsets: int = Field(default=8, gt=0)
    optimiser: OptimiserSettings
    target: EmaSettings = EmaSettings(max_decay=0.95)


class ManiCm(Learner):
    """Student, its average, and the frozen teacher, whose encoder they share."""

    deployed = "average"

    def __init__(self, settings: ManiCmSettings, policy: Policy, windows: int) -> None:
        super().__init__()
        if type(policy.process) is not Discrete:
            raise SettingsError("distiller manicm follows DDIM: give a teacher of discrete diffusion, as dp3 is")
        policy.process.check_one_call(policy.process.noisiest)
        train_steps = policy.process.settings.train_steps
        if not 1 <= settings.skip <= train_steps or train_steps % settings.skip:
            raise SettingsError(f"distiller.skip {settings.skip} does not divide the teacher's {train_steps} timesteps")
        self.settings, self.steps = settings, settings.steps
        self.teacher = policy
        self.student = consistency_student(policy, settings)
        self.average = copy.deepcopy(self.student)
        self.sampling = SamplingSettings(level=policy.process.noisiest)
        self.feeding = Feeding(settings.batch, encoder=self.teacher, point_subsets=settings.point_subsets)
        self.updates = (Update("consistency", ("student.denoiser",), settings.optimiser),)
        self.averages = (Average("student", "average", "consistency", settings.target),)
        self.freeze()

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        assert batch.condition is not None
        process, skip = self.teacher.process, self.settings.skip
        chunk = self.teacher.normalised_chunk(batch)
        last_step = int(process.noisiest) // skip
        levels = skip * draws.integers(1, last_step + 1, len(chunk)) - 1
        x_t = process.add_noise(chunk, draws.normal(*chunk.shape), levels)
        with torch.no_grad():
            earlier = (levels - skip).clamp(min=0)
            x_earlier = self.teacher_step(x_t, levels, earlier, batch.condition)
            target = self.average.predict_x0(x_earlier, earlier, batch.condition, clip=False)
        loss = mse_loss(self.student.predict_x0(x_t, levels, batch.condition, clip=False), target)
        return loss, {"consistency_loss": loss.detach()}

    def teacher_step(self, x_t: Tensor, levels: Tensor, earlier: Tensor, condition: Tensor) -> Tensor:
        """DDIM (Song et al. 2021, Eq. 12 with eta = 0) from timesteps `levels` [B] to `earlier` [B]."""
        process = self.teacher.process
        x0 = self.teacher.predict_x0(x_t, levels, condition)
        alpha, sigma = process.alpha_sigma(levels)
        epsilon = (x_t - alpha * x0) / sigma
        return process.add_noise(x0, epsilon, earlier)


def consistency_student(teacher: Policy, settings: ManiCmSettings) -> Policy:
    """The teacher's network as a consistency model."""
    discrete = teacher.settings.diffusion.model_dump(exclude={"kind"})
    process = ConsistencyModelSettings(
        **discrete, sigma_data=settings.sigma_data, timestep_scaling=settings.timestep_scaling
    )
    student = Policy(PolicySettings(network=teacher.settings.network, diffusion=process), teacher.contract)
    warm_start(student, teacher)
    return student.to(teacher.action_low.device).eval()


SETTINGS = ManiCmSettings
create = ManiCm
