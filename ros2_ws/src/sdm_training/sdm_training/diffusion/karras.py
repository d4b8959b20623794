"""The noise levels and the second-order solver of EDM (Karras et al. 2022) for dx/dsigma = (x - x0) / sigma."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

PredictX0 = Callable[[Tensor, Tensor], Tensor]
"""(x [B, H, A], sigmas [B]) → x0 [B, H, A]."""


def karras_sigmas(count: int, low: float, high: float, rho: float) -> tuple[float, ...]:
    """`count` sigmas from `high` down to `low`, evenly spaced in sigma^(1/rho) (Eq. 5); a single one is `high`."""
    first, last = high ** (1 / rho), low ** (1 / rho)
    return tuple((first + i / max(count - 1, 1) * (last - first)) ** rho for i in range(count))


def heun_step(predict_x0: PredictX0, x: Tensor, sigmas: Tensor, targets: Tensor) -> Tensor:
    """x [B, H, A] carried from `sigmas` [B] to `targets` [B] > 0 by the trapezoidal rule (Algorithm 1, two calls)."""
    step = (targets - sigmas)[:, None, None]
    slope = (x - predict_x0(x, sigmas)) / sigmas[:, None, None]
    ahead = x + step * slope
    slope_ahead = (ahead - predict_x0(ahead, targets)) / targets[:, None, None]
    return x + step * (slope + slope_ahead) / 2
