"""What the planner wants of the hand: to reach a part and to move it, without haste.

Distances in m, angles in rad, speeds in m/s and rad/s; the weights were found by trial.
"""

from __future__ import annotations

import numpy as np

from sdm_sim.adroit_hand import HAND_JOINTS, PALM_SITE
from sdm_sim.dexhand.article import BOTTOM, HOLD
from sdm_sim.dexhand.hand import HINGES, SLIDES, TIPS
from sdm_sim.dexhand.scene import TIMESTEP
from sdm_sim.sampling_planner import Array, Futures, Objective

_ARM = len(SLIDES + HINGES)
_NOISE = np.repeat([0.12, 0.25], [_ARM, HAND_JOINTS])
# No use in lifting higher (m).
_HIGH = 0.15


def push(part: int) -> Objective:
    """Reach a part with three fingers and move its joint, which is number `part` of qpos, as far as it goes."""
    fingers = TIPS[:3]

    def cost(futures: Futures) -> Array:
        reach = np.mean([futures.distance(tip, HOLD) for tip in fingers], axis=0)
        return 2.0 * reach - 2.0 * futures.qpos[..., part] + 0.2 * futures.qvel[..., part] ** 2 + _effort(futures)

    return Objective(cost, (HOLD, *fingers), samples=24, horizon=14, noise=_NOISE, timestep=TIMESTEP)


def lift(part: int) -> Objective:
    """Reach around a bail from above and lift what hangs on it; its height is number `part` of qpos."""

    def cost(futures: Futures) -> Array:
        places = futures.places
        grasp = futures.distance(PALM_SITE, HOLD) + np.mean([futures.distance(tip, HOLD) for tip in TIPS], axis=0)
        above = np.mean([np.maximum(0.0, places[tip] - places[HOLD] + 0.01)[..., 2] for tip in TIPS], axis=0)
        tilt = np.linalg.norm((places[HOLD] - places[BOTTOM])[..., :2], axis=-1)
        height, speed = np.minimum(futures.qpos[..., part], _HIGH), futures.qvel[..., part]
        return 2.0 * grasp + 2.0 * above + 1.5 * tilt - 20.0 * height + 2.0 * speed**2 + _effort(futures)

    places = (HOLD, BOTTOM, PALM_SITE, *TIPS)
    return Objective(cost, places, samples=32, horizon=16, noise=_NOISE, timestep=TIMESTEP)


def _effort(futures: Futures) -> Array:
    """Of a hand that is hurried along, turned or waved about, or held crookedly."""
    turns = slice(len(SLIDES), _ARM)
    squares = futures.qvel**2
    hurry = squares[..., : len(SLIDES)].sum(-1) + 0.1 * squares[..., turns].sum(-1)
    waving = 2e-3 * squares[..., _ARM : _ARM + HAND_JOINTS].mean(-1)
    return hurry + waving + 0.02 * (futures.qpos[..., turns] ** 2).sum(-1)
