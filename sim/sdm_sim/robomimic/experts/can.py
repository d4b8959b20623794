"""Can: from the one bin into its compartment of the other."""

from __future__ import annotations

import numpy as np

from sdm_sim.robomimic.experts.hand import SETTLING, Hand, Script, pointing_down, yaw_of
from sdm_sim.robomimic.pose import Pose
from sdm_sim.robomimic.world import World

# How far above its place the can is carried, and from where it is dropped (m).
_CARRY, _DROP = 0.16, 0.06
# Off the middle of its compartment, which is as far as the arm reaches.
_NEARER = (-0.04, -0.05)
# How much higher than its middle it is gripped.
_GRIP = 0.01


def can(world: World) -> Script:
    """Grips the can across and drops it over its place, again where it was lost."""
    hand, thing, place = Hand(world.arms[0]), world.body("Can_main"), world.body("VisualCan_main")
    yield from hand.stay(SETTLING)
    while True:
        down = pointing_down(yaw_of(hand.arm.pose.rotation))
        grasp = thing().turned(down).moved(z=_GRIP)
        yield from hand.go(grasp.moved(z=_CARRY / 2), within=0.02)
        yield from hand.go(grasp)
        yield from hand.close()
        yield from hand.go(grasp.moved(z=_CARRY), within=0.03)
        over = Pose(place().position, thing().rotation).moved(*_NEARER)
        yield from hand.bring(thing, over.moved(z=_CARRY), within=0.015, turned=np.pi)
        yield from hand.bring(thing, over.moved(z=_DROP), within=0.015, turned=np.pi)
        yield from hand.open()
        yield from hand.go(hand.arm.pose.moved(z=_CARRY))
        if np.linalg.norm(thing().position[:2] - place().position[:2]) < _CARRY / 2:
            yield from hand.stay()
