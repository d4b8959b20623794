"""How one axis stops in discrete time within its acceleration and jerk limits.

A command stream p_k with period dt has v_k = (p_k - p_{k-1}) / dt, a_k = (v_k - v_{k-1}) / dt and jerk
(a_k - a_{k-1}) / dt. Everything here speaks of these differences, so that the limits hold for the commands as they are
published, with no model between. Scalars, not arrays: an axis takes some tens of steps to stop, each depending on the
last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Slower than this is standing still: 1e-9 m/s is a nanometre a second, and rounding leaves less.
_REST_SPEED = 1e-9
# A stop that takes more periods than this counts as none.
_LONGEST_STOP = 20_000


@dataclass(frozen=True)
class AxisLimits:
    """Limits of one axis (unit/s, unit/s², unit/s³; infinite where there are none) at period `dt` (s)."""

    velocity: float
    acceleration: float
    jerk: float
    dt: float

    def window(self, acceleration: float) -> tuple[float, float]:
        """The least and greatest acceleration that may follow `acceleration`."""
        step = self.jerk * self.dt
        return max(-self.acceleration, acceleration - step), min(self.acceleration, acceleration + step)


@dataclass(frozen=True)
class Stop:
    """The path of a stop, relative to where it began: extremes, end, and the highest speed on the way."""

    low: float
    high: float
    end: float
    peak_speed: float


def brake(velocity: float, acceleration: float, limits: AxisLimits) -> float:
    """The next acceleration of the fastest stop that does not swing back.

    With u = jerk·dt, a deceleration m = n u + r that then ramps down to nothing takes Σ = (n + 1) m - u n (n + 1) / 2
    off v / dt. Its inverse is the deceleration from which the ramp ends exactly at rest; beyond the window it is
    clipped.
    """
    demand = abs(velocity) / limits.dt
    step = limits.jerk * limits.dt
    n = math.floor((math.sqrt(1 + 8 * demand / step) - 1) / 2)
    deceleration = demand if n == 0 else (demand + step * n * (n + 1) / 2) / (n + 1)
    least, greatest = limits.window(acceleration)
    return min(max(-math.copysign(deceleration, velocity), least), greatest)


def stop(velocity: float, acceleration: float, limits: AxisLimits) -> Stop:
    """Follows `brake` until the axis stands still."""
    position = low = high = 0.0
    peak = abs(velocity)
    ramp = limits.jerk * limits.dt
    for _ in range(_LONGEST_STOP):
        if abs(velocity) <= _REST_SPEED and abs(acceleration) <= ramp:
            return Stop(low, high, position, peak)
        acceleration = brake(velocity, acceleration, limits)
        velocity += acceleration * limits.dt
        position += velocity * limits.dt
        low, high, peak = min(low, position), max(high, position), max(peak, abs(velocity))
    return Stop(-math.inf, math.inf, math.nan, math.inf)
