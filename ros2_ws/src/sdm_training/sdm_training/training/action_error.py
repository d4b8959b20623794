"""How far a policy's actions are from the demonstrations and from its teacher's."""

from __future__ import annotations

import torch

from sdm_training.data.windows import Windows
from sdm_training.policy.sampling import Sampler

MAX_WINDOWS = 512


@torch.no_grad()
def action_error(sampler: Sampler, windows: Windows, teacher: Sampler | None = None) -> dict[str, float]:
    """Mean |difference| in raw action units over evenly spread windows: to the demonstrations and the teacher.

    Student and teacher draw different noise: where the policy is multimodal, the distance to the teacher is its spread.
    """
    generator = torch.Generator().manual_seed(0)
    count = min(len(windows), MAX_WINDOWS)
    batch = windows.batch(torch.linspace(0, len(windows) - 1, count).long())

    def sample(of: Sampler) -> torch.Tensor:
        noise = torch.randn((count, *of.policy.chunk_shape), generator=generator).to(windows.device)
        return of.act(batch.observation, noise)

    actions = sample(sampler)
    errors = {"demonstrations": float((actions - batch.action).abs().mean())}
    if teacher is not None:
        errors["teacher"] = float((actions - sample(teacher)).abs().mean())
    return errors
