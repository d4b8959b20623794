"""Consistency trajectory models (Kim et al. 2024): EDM's flow, along which a network of two times jumps in one call."""

from __future__ import annotations

import torch
from torch import Tensor

from sdm_training.diffusion.karras import karras_sigmas
from sdm_training.policy.process import Network, same_level
from sdm_training.processes.edm import Edm, EdmSettings
from sdm_training.settings import SettingsError


class CtmSettings(EdmSettings):
    """bins: how many sigmas the flow is divided into, spaced as EDM's sampler spaces them.

    start_scale: of the noise that sampling begins with, in parts of sigma_max. Consistency Policy begins with
    1 / sigma_max, next to the flow's centre: outliers become rare, and so does every way but one.
    """

    kind: str = "ctm"
    bins: int = 80
    start_scale: float = 1.0


class Ctm(Edm):
    """Levels are sigmas; the network is told where a jump begins and where it ends."""

    times = 2
    sigmas: Tensor

    def __init__(self, settings: CtmSettings) -> None:
        super().__init__(settings)
        self.settings: CtmSettings = settings
        ladder = karras_sigmas(settings.bins, settings.sigma_min, settings.sigma_max, settings.rho)
        self.register_buffer("sigmas", torch.tensor(ladder), persistent=False)

    def towards(self, network: Network, x: Tensor, levels: Tensor, targets: Tensor, condition: Tensor) -> Tensor:
        """g(x, t, s) [B, H, A]: where the straight line from x through the jump's end meets sigma = 0."""
        c_skip, c_out, c_in = self.scalings(levels)
        times = torch.stack([self.embedded(levels), self.embedded(targets)], dim=1)
        return c_skip * x + c_out * network(c_in * x, times, condition)

    def jump(self, network: Network, x: Tensor, levels: Tensor, targets: Tensor, condition: Tensor) -> Tensor:
        """G(x, t, s) = s/t x + (1 - s/t) g(x, t, s) (Eq. 4): x [B, H, A] carried along the flow to `targets` [B]."""
        kept = (targets / levels)[:, None, None]
        return kept * x + (1 - kept) * self.towards(network, x, levels, targets, condition)

    def jump_to_end(self, network: Network, x: Tensor, levels: Tensor, condition: Tensor) -> Tensor:
        """The flow's end [B, H, A], at sigma_min."""
        return self.jump(network, x, levels, same_level(x, self.settings.sigma_min), condition)

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """g(x, t, t): a jump of no length knows the flow's slope alone, and so the posterior mean."""
        x0 = self.towards(network, x, levels, levels, condition)
        clip = self.settings.clip_sample if clip is None else clip
        return x0.clamp(-1, 1) if clip else x0

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """`nfe` jumps, at evenly spaced bins: 0; or 0, 27 and 54 of 80.

        Consistency Policy's chain jumps to the end each time and adds fresh noise for the next jump. A deployed policy
        is given one noise, so that it can be repeated; so this one jumps from bin to bin, without more noise (the
        gamma = 0 of Kim et al., Algorithm 3).
        """
        self.check_nfe(nfe)
        settings = self.settings
        ladder = karras_sigmas(settings.bins, settings.sigma_min, settings.sigma_max, settings.rho)
        levels = [same_level(noise, ladder[-(-step * settings.bins // nfe)]) for step in range(nfe)]
        x = self.start(noise, levels[0]) * settings.start_scale
        for now, target in zip(levels, [*levels[1:], same_level(noise, settings.sigma_min)], strict=True):
            x = self.jump(network, x, now, target, condition)
        return x.clamp(-1, 1) if settings.clip_sample else x

    def check_nfe(self, nfe: int) -> None:
        bins = self.settings.bins
        if not 1 <= nfe < bins:
            raise SettingsError(f"{nfe} jumps asked of {bins} bins: give 1 to {bins - 1}")


SETTINGS = CtmSettings
create = Ctm
