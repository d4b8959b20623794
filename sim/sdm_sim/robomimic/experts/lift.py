"""Lift: the cube off the table."""

from __future__ import annotations

import numpy as np

from sdm_sim.robomimic.experts.hand import SETTLING, Hand, Script, nearest_yaw, pointing_down, yaw_of
from sdm_sim.robomimic.world import World

_ABOVE, _LIFTED = 0.08, 0.12


def lift(world: World) -> Script:
    """Grips the cube at two of its sides, again where it was missed."""
    hand, cube = Hand(world.arms[0]), world.body("cube_main")
    yield from hand.stay(SETTLING)
    while True:
        grasp = cube().turned(
            pointing_down(nearest_yaw(yaw_of(cube().rotation), yaw_of(hand.arm.pose.rotation), np.pi / 2))
        )
        yield from hand.go(grasp.moved(z=_ABOVE), within=0.02)
        yield from hand.go(grasp)
        yield from hand.close()
        yield from hand.go(grasp.moved(z=_LIFTED), at_most=30)
        if cube().position[2] > grasp.position[2] + _LIFTED / 2:
            yield from hand.stay()
        yield from hand.open()
