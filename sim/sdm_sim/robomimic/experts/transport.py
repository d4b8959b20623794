"""Transport: the hammer from its covered bin into another beyond a gap, and out of that one the trash.

Robot 0, the giver, takes off the lid and holds the hammer out over the gap; the taker, robot 1, has cleared away the
trash by then. No arm reaches across, so that the hammer changes hands in the air, each hand at its own end.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from sdm_sim.robomimic.experts.hand import SETTLING, Hand, Script, nearest_yaw, pointing_down, yaw_of
from sdm_sim.robomimic.experts.two_hands import TwoHands
from sdm_sim.robomimic.pose import Pose
from sdm_sim.robomimic.world import World

# How much higher than their places things are carried, and a hand approaches them (m).
_CLEAR, _ABOVE = 0.2, 0.1
# The lid's way aside, to where it is let go of (m).
_ASIDE, _LOWER = -0.36, -0.13
# From the middle of the hammer's handle to where a hand holds it, and to the middle of the hammer with its head (m).
_GRIP, _MIDDLE = 0.065, 0.017
# In how many short ways the hammer comes out of its bin, whose walls it nearly touches: a long one swerves.
_RISES = 11
# Where the hammer changes hands, and where the taker waits meanwhile: as far as arms reach that point down.
_MEETING = Pose(np.array([0.0, 0.0, 1.05]), pointing_down(0.0))
_WAITING = _MEETING.moved(y=0.2, z=0.15)
# How the hammer is turned to lie across its bin from corner to corner, where there is room.
_DIAGONAL = Rotation.from_euler("z", -np.pi / 4)
# Above the middle of their bins: from where the trash and the hammer are dropped (m).
_DROP_TRASH, _DROP_HAMMER = 0.02, 0.06


def transport(world: World) -> Script:
    """Clears the trash, hands over the hammer and drops it into its bin."""
    giver, taker = Hand(world.arms[0]), Hand(world.arms[1])
    hammer, both = world.body("payload_root"), TwoHands(giver, taker)
    yield from both.work(giver.stay(SETTLING), taker.stay(SETTLING))
    yield from both.work(_hold_out(world, giver), _clear(world, taker))
    yield from both.work(giver.stay(0), _take(taker, _handle(hammer(), taker, end=1)))
    yield from both.work(_leave(giver), taker.stay(0))
    yield from both.work(giver.stay(0), _drop(world, taker))
    yield from both.work(giver.stay(), taker.stay())


def _hold_out(world: World, hand: Hand) -> Script:
    yield from _uncover(world, hand)
    lying = world.body("payload_root")()
    grasp, centred = _handle(lying, hand, end=-1), _handle(lying * _along(-_MIDDLE), hand, end=-1)
    yield from hand.go(grasp.moved(z=_CLEAR), within=0.02)
    yield from hand.go(grasp, within=0.004)
    yield from hand.close()
    for height in np.linspace(0.0, _CLEAR, _RISES):
        yield from hand.go(centred.moved(z=height), within=0.01, at_most=20)
    yield from hand.go(_MEETING.moved(y=-_GRIP).turned(pointing_down(np.pi)))


def _uncover(world: World, hand: Hand) -> Script:
    lid, knob = world.body("transport_start_bin_lid_root"), world.geom("transport_start_bin_lid_handle")
    covering, grasp = lid(), knob().turned(pointing_down(np.pi))
    yield from hand.go(grasp.moved(z=_ABOVE), within=0.015)
    yield from hand.go(grasp, within=0.004)
    yield from hand.close()
    yield from hand.bring(lid, covering.moved(z=0.06), within=0.02)
    yield from hand.bring(lid, covering.moved(x=_ASIDE, z=0.06), within=0.02)
    yield from hand.bring(lid, covering.moved(x=_ASIDE, z=_LOWER), within=0.02, at_most=40)
    yield from hand.open()
    yield from hand.go(hand.arm.pose.moved(z=_CLEAR), within=0.03)


def _clear(world: World, hand: Hand) -> Script:
    trash, place = world.body("trash_main"), world.body("transport_trash_bin_root")()
    across = nearest_yaw(yaw_of(trash().rotation), yaw_of(hand.arm.pose.rotation), np.pi / 2)
    grasp = trash().turned(pointing_down(across))
    yield from hand.go(grasp.moved(z=_CLEAR), within=0.02)
    yield from hand.go(grasp, within=0.004)
    yield from hand.close()
    yield from hand.go(grasp.moved(z=_CLEAR), within=0.02)
    over = place.turned(trash().rotation)
    yield from hand.bring(trash, over.moved(z=_CLEAR), within=0.03, turned=np.pi)
    yield from hand.bring(trash, over.moved(z=_DROP_TRASH), within=0.03, turned=np.pi)
    yield from hand.open()
    yield from hand.go(hand.arm.pose.moved(z=_CLEAR), within=0.03)
    yield from hand.go(_WAITING, within=0.02)


def _take(hand: Hand, grasp: Pose) -> Script:
    yield from hand.go(grasp.moved(z=_ABOVE), within=0.01)
    yield from hand.go(grasp, within=0.004)
    yield from hand.close()


def _leave(hand: Hand) -> Script:
    yield from hand.open()
    yield from hand.go(hand.arm.pose.moved(y=-_ABOVE, z=_ABOVE), within=0.03)


def _drop(world: World, hand: Hand) -> Script:
    hammer, place = world.body("payload_root"), world.body("transport_target_bin_root")()
    over = place.turned(_DIAGONAL * hammer().rotation) * _along(-_MIDDLE)
    yield from hand.bring(hammer, over.moved(z=_CLEAR), within=0.01, turned=0.1)
    yield from hand.bring(hammer, over.moved(z=_DROP_HAMMER), within=0.01, turned=0.1, at_most=30)
    yield from hand.open()


def _handle(hammer: Pose, hand: Hand, end: int) -> Pose:
    """How a hand grips the end of the handle that points along y (`end` 1) or against it (-1)."""
    _, ahead, _ = hammer.rotation.apply([0.0, 0.0, 1.0])
    across = nearest_yaw(yaw_of(hammer.rotation), yaw_of(hand.arm.pose.rotation), np.pi)
    return (hammer * _along(end * np.sign(ahead) * _GRIP)).turned(pointing_down(across))


def _along(distance: float) -> Pose:
    """In the hammer's frame the place so far from the middle of its handle, towards the head (m)."""
    return Pose(np.array([0.0, 0.0, distance]), Rotation.identity())
