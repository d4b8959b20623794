"""What the planner wants in each of Adroit's tasks: costs that lead there, and how boldly to imagine.

Distances in m, angles in rad; the weights were found by trial.
"""

from __future__ import annotations

import numpy as np

from sdm_sim.adroit_hand import PALM_SITE
from sdm_sim.sampling_planner import Array, Futures, Objective


def _door(futures: Futures) -> Array:
    """Reach the handle, turn the latch, and once the door is ajar think of nothing but its angle."""
    hinge, latch = futures.qpos[..., -2], futures.qpos[..., -1]
    reach = 3.0 * futures.distance(PALM_SITE, "S_handle") * (hinge < 0.3)
    turn = 0.5 * np.abs(1.8 - latch) * (hinge < 0.1)
    return reach + turn + 2.0 * np.abs(1.57 - hinge) + _haste(futures)


def _hammer(futures: Futures) -> Array:
    """Grasp the hammer, bring its head to the nail, and drive the nail in."""
    grasp = futures.distance(PALM_SITE, "Object")
    aim = futures.distance("tool", "S_target")
    return 2.0 * grasp + 3.0 * aim + 40.0 * futures.distance("S_target", "nail_goal") + _haste(futures)


def _pen(futures: Futures) -> Array:
    """Turn the pen into the target's direction, and never drop it."""
    places = futures.places
    pen, target = (places[f"{which}_top"] - places[f"{which}_bottom"] for which in ("object", "target"))
    alike = (pen * target).sum(-1) / (_norm(pen) * _norm(target))
    middle = (places["object_top"] + places["object_bottom"]) / 2
    dropped = 5.0 * (middle[..., 2] < 0.15)
    return 4.0 * _norm(middle - places["eps_ball"]) + 2.0 * (1.0 - alike) + dropped + 10.0 * _haste(futures)


def _relocate(futures: Futures) -> Array:
    """Close palm and fingers around the ball, and bring it to the target."""
    tips = np.mean([futures.distance(tip, "Object") for tip in _TIPS], axis=0)
    return 2.0 * futures.distance(PALM_SITE, "Object") + 2.0 * tips + 6.0 * futures.distance("Object", "target")


def _haste(futures: Futures) -> Array:
    return 1e-4 * (futures.qvel**2).mean(-1)


def _norm(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=-1)


_TIPS = ("S_fftip", "S_mftip", "S_rftip", "S_thtip")

OBJECTIVES = {
    "door": Objective(_door, (PALM_SITE, "S_handle"), horizon=20),
    "hammer": Objective(_hammer, (PALM_SITE, "Object", "tool", "S_target", "nail_goal"), horizon=20),
    # A pen in the fingers asks for the world's own time step.
    "pen": Objective(_pen, ("object_top", "object_bottom", "target_top", "target_bottom", "eps_ball"), timestep=0.002),
    "relocate": Objective(_relocate, (PALM_SITE, "Object", "target", *_TIPS), horizon=20),
}
