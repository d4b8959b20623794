"""FlowPolicy (Zhang et al. 2025): consistency flow matching (Yang et al. 2024), trained from scratch, sampled at once.

Time is cut into segments. From two near places of one path, a little after each other, the network's velocities must
lead to the same place at the end of their segment, and be the same there:
|f(t) - f(r)|² + alpha |v(t) - v(r)|², f(t) = x_t - (t - e) v(x_t, t), where e is the segment's end and r = t - delta,
or e where that is nearer: there f is x_e itself, which ties the network to the demonstrations. One step from noise
goes the first segment's velocity all the way.

Times run from noise, 1, to the action, 0: the papers' other way round. Gradients pass through both places, as in the
released code; where a chunk is not certain that biases the map, since the squared error of one draw holds its variance,
too. With the second place held constant (`hold_target`), as in consistency training, the map is right in the end, but
slow to come: the fast budget stops far from it. The released code also carries what lies beyond a segment's end back to
it, and starts from t = 0.99, at which the noise is not pure.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.processes.flow import Flow
from sdm_training.settings import SettingsError


class FlowPolicySettings(CloningSettings):
    """segments: K; delta: how much later the second place is; velocity_weight: alpha. Published: 2, 0.01, 1e-5.

    hold_target: whether no gradient passes through the second place.
    """

    kind: str = "flowpolicy"
    method: str = "flowpolicy"
    segments: int = Field(default=2, gt=0)
    delta: float = Field(default=1e-2, gt=0, le=1)
    velocity_weight: float = 1e-5
    hold_target: bool = False


class FlowPolicy(BehaviourCloning):
    """Trains a policy whose process is Flow."""

    settings: FlowPolicySettings

    def __init__(self, settings: FlowPolicySettings, policy: Policy, windows: int) -> None:
        if type(policy.process) is not Flow:
            raise SettingsError(
                f"distiller '{settings.kind}' trains the process 'flow', not '{policy.settings.diffusion.kind}': "
                "give diffusion=flow"
            )
        super().__init__(settings, policy, windows)
        self.process = policy.process
        self.sampling = SamplingSettings(nfe=1)

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        segments, epsilon = self.settings.segments, draws.normal(*chunk.shape)
        t = 1 - draws.uniform(len(chunk))
        end = (torch.ceil(t * segments) - 1) / segments
        r = torch.maximum(t - self.settings.delta, end)
        velocity, reached = self.carried(chunk, epsilon, t, end, condition)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.settings.hold_target):
            later, target = self.carried(chunk, epsilon, r, end, condition)
        within = (r > end).float()[:, None, None]
        drifted, turned = (reached - target).square(), within * (velocity - later).square()
        return (drifted + self.settings.velocity_weight * turned).mean()

    def carried(
        self, chunk: Tensor, epsilon: Tensor, t: Tensor, end: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The velocity [B, H, A] at t [B] of a path, and where it leads to until `end` [B]."""
        x = self.process.add_noise(chunk, epsilon, t)
        velocity = self.process.average_velocity(self.trained_policy.denoiser, x, t, t, condition)
        return velocity, x - (t - end)[:, None, None] * velocity


SETTINGS = FlowPolicySettings
create = FlowPolicy
