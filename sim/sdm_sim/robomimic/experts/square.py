"""Square: the nut over the square peg."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from sdm_sim.robomimic.experts.hand import SETTLING, Hand, Script, nearest_yaw, pointing_down, yaw_of
from sdm_sim.robomimic.pose import Pose
from sdm_sim.robomimic.world import World

# Above the peg's middle, in m: where the nut is carried, where it is let go of, and where it lies when it is done.
_CARRY, _RELEASE, _DONE = 0.135, 0.06, 0.02
# How the fingers close when the arm is ready (rad).
_READY = np.pi / 2
# Directions of the handle in which the nut fits the peg, but for the one that is beyond the arm's reach (rad).
_FITTING = (np.pi, np.pi / 2, -np.pi / 2)


def square(world: World) -> Script:
    """Grips the nut at its handle and lowers it over the peg; again where it slipped or hangs askew."""
    hand, nut, handle = Hand(world.arms[0]), world.body("SquareNut_main"), world.site("SquareNut_handle_site")
    peg = world.body("peg1")().position
    yield from hand.stay(SETTLING)
    while True:
        across = nearest_yaw(yaw_of(nut().rotation) + np.pi / 2, _READY, np.pi)
        grasp = handle().turned(pointing_down(across))
        yield from hand.go(grasp.moved(z=0.1), within=0.015)
        yield from hand.go(grasp, within=0.004)
        yield from hand.close()
        yield from hand.go(grasp.moved(z=0.1), within=0.01)
        level = Pose(peg, Rotation.from_euler("z", _fitting(yaw_of(nut().rotation))))
        yield from hand.bring(nut, level.moved(z=_CARRY), within=0.003, turned=0.03)
        yield from hand.bring(nut, level.moved(z=_RELEASE), within=0.004, turned=0.1, at_most=40)
        yield from hand.open()
        yield from hand.go(hand.arm.pose.moved(z=0.1), at_most=30)
        if nut().position[2] < peg[2] + _DONE:
            yield from hand.stay()


def _fitting(yaw: float) -> float:
    """The direction of _FITTING that is nearest to a nut's."""
    return min(_FITTING, key=lambda fitting: abs(nearest_yaw(fitting, yaw, 2 * np.pi) - yaw))
