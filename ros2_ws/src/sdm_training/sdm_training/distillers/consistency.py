"""Consistency Policy (Prasad et al. 2024): a consistency trajectory model (Kim et al. 2024) distilled from EDM.

The student jumps from any bin t of the flow to any later bin s. Two ways from a noised demonstration must end alike
(CTM loss): the student's jump t → s; and one Heun step of the teacher t → u, the next bin, then the jump u → s of the
student's average. Both are carried to the flow's end by the average, and compared there. Beside it the student denoises
(DSM loss), which anchors its slope.

Where the published code and Kim et al. differ, this follows the latter. The code carries the student's jump to the end
without gradients, so that its CTM loss moves nothing; and its DSM loss regresses the jump t → 0 on the demonstration,
not the slope, which leaves a one-step regression. Its pseudo-Huber distance squares the error twice. Left out here:
dropout (0.2 there), whose draws would not be the run's own.
"""

from __future__ import annotations

import copy
import math

import torch
from pydantic import Field
from torch import Tensor

from sdm_training.diffusion.karras import heun_step
from sdm_training.draws import Draws
from sdm_training.method_parts.ema import EmaSettings
from sdm_training.method_parts.learner import Average, Feeding, Learner, StudentSettings, Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy, PolicySettings, warm_start
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.processes.ctm import Ctm, CtmSettings
from sdm_training.processes.edm import Edm
from sdm_training.settings import SettingsError

# Of the pseudo-Huber distance, a square root of a dimension (Song & Dhariwal 2024).
HUBER_SCALE = 0.00054


class ConsistencySettings(StudentSettings):
    """bins, start_scale: see CtmSettings; ctm_scale, dsm_scale: of the two losses; target: the student's average, which
    makes the targets and is deployed; sample_nfe: the jumps with which the student counts as itself."""

    kind: str = "consistency"
    method: str = "consistency"
    steps: int = Field(default=4000, gt=0)
    batch: int = Field(default=128, gt=0)
    bins: int = 80
    start_scale: float = 1.0
    ctm_scale: float = 1.0
    dsm_scale: float = 1.0
    sample_nfe: int = 1
    point_subsets: int = Field(default=8, gt=0)
    optimiser: OptimiserSettings
    target: EmaSettings = EmaSettings(max_decay=0.9)


def pseudo_huber(a: Tensor, b: Tensor) -> Tensor:
    """sqrt(|a - b|² + c²) - c of chunks [B, H, A], averaged (Song & Dhariwal 2024, Eq. 7)."""
    c = HUBER_SCALE * math.sqrt(a[0].numel())
    return ((a - b).square().sum((1, 2)) + c**2).sqrt().mean() - c


class Consistency(Learner):
    """Student, its average, and the frozen EDM teacher, whose encoder they share."""

    deployed = "average"

    def __init__(self, settings: ConsistencySettings, policy: Policy, windows: int) -> None:
        super().__init__()
        if type(policy.process) is not Edm:
            raise SettingsError("distiller consistency follows EDM's flow: give a teacher of that process, as edm is")
        self.settings, self.steps = settings, settings.steps
        self.teacher = policy
        self.student = trajectory_student(policy, settings)
        self.average = copy.deepcopy(self.student)
        self.sampling = SamplingSettings(nfe=settings.sample_nfe)
        self.feeding = Feeding(settings.batch, encoder=self.teacher, point_subsets=settings.point_subsets)
        self.updates = (Update("consistency", ("student.denoiser",), settings.optimiser),)
        self.averages = (Average("student", "average", "consistency", settings.target),)
        self.freeze()

    @property
    def process(self) -> Ctm:
        assert isinstance(self.student.process, Ctm)
        return self.student.process

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        assert batch.condition is not None
        chunk = self.teacher.normalised_chunk(batch)
        ctm = self.ctm_loss(chunk, batch.condition, draws)
        levels, epsilon = self.process.draw_levels(len(chunk), draws), draws.normal(*chunk.shape)
        dsm = self.process.denoising_loss(self.student.denoiser, chunk, levels, epsilon, batch.condition)
        total = self.settings.ctm_scale * ctm + self.settings.dsm_scale * dsm
        return total, {"ctm_loss": ctm.detach(), "dsm_loss": dsm.detach()}

    def ctm_loss(self, chunk: Tensor, condition: Tensor, draws: Draws) -> Tensor:
        """The distance at the flow's end (Kim et al. 2024, Eq. 9) of the two ways t → s and t → u → s."""
        process, sigmas = self.process, self.process.sigmas
        starts = draws.integers(0, len(sigmas) - 2, len(chunk))
        later = len(sigmas) - 1 - starts
        ends = starts + 1 + (draws.uniform(len(chunk)) * later).long().clamp(max=later - 1)
        t, u, s = sigmas[starts], sigmas[starts + 1], sigmas[ends]
        x_t = process.add_noise(chunk, draws.normal(*chunk.shape), t)
        jumped = process.jump(self.student.denoiser, x_t, t, s, condition)
        with torch.no_grad():
            x_u = heun_step(lambda x, levels: self.teacher.predict_x0(x, levels, condition, clip=False), x_t, t, u)
            target = process.jump(self.average.denoiser, x_u, u, s, condition)
            target = process.jump_to_end(self.average.denoiser, target, s, condition)
        return pseudo_huber(process.jump_to_end(self.average.denoiser, jumped, s, condition), target)


def trajectory_student(teacher: Policy, settings: ConsistencySettings) -> Policy:
    """The teacher's network, told a second time, on its flow: it begins by computing what the teacher does."""
    edm = teacher.settings.diffusion.model_dump(exclude={"kind"})
    process = CtmSettings(**edm, bins=settings.bins, start_scale=settings.start_scale)
    student = Policy(PolicySettings(network=teacher.settings.network, diffusion=process), teacher.contract)
    warm_start(student, teacher)
    return student.to(teacher.action_low.device).eval()


SETTINGS = ConsistencySettings
create = Consistency
