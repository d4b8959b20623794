"""ToolHang: the frame into the stand, then the tool onto the frame's hook.

The tool stays flat until its ring lies around the hook's post, over which it would not pass upright; let go of, it
swings down about the post, and is helped where friction holds it.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from sdm_sim.robomimic.experts.hand import SETTLING, Hand, Script, nearest_yaw, pointing_down, yaw_of
from sdm_sim.robomimic.pose import Pose
from sdm_sim.robomimic.world import World

# How the hand holds the frame, in the frame's axes as it lies: the fingers close along x, and the hand leans towards
# the frame's tip (−z), so that it still points down somewhat when the frame stands.
_GRIP = Rotation.from_euler("x", -130, degrees=True)
# How the frame stands, its hook away from the arm.
_STANDING = Rotation.from_euler("z", np.pi)
# The upper end of the hole in the stand, and how deep it is (m).
_HOLE, _DEPTH = Pose(np.array([0.0, 0.045, 0.08]), Rotation.identity()), 0.149
# The post of the hook in the place where the hook ends (m).
_POST = Pose(np.array([0.0037, 0.0, 0.0]), Rotation.identity())
# The tool is gripped with the fingers nearest to this direction, from which the arm can turn on (rad).
_ACROSS = np.pi / 2 + 0.6
# Backwards out of the hand (m).
_BACK = Pose(np.array([0.0, 0.0, -0.08]), Rotation.identity())


def tool_hang(world: World) -> Script:
    """Assembles the frame and hangs the tool."""
    hand = Hand(world.arms[0])
    yield from hand.stay(SETTLING)
    yield from _assemble(world, hand)
    yield from _hang(world, hand)
    yield from hand.stay()


def _assemble(world: World, hand: Hand) -> Script:
    frame, tip = world.body("frame_root"), world.site("frame_tip_site")
    grasp = Pose(world.geom("frame_grip_frame")().position, frame().rotation * _GRIP)
    yield from hand.go(grasp * _BACK, within=0.01)
    yield from hand.go(grasp, within=0.003)
    yield from hand.close()
    yield from hand.go(grasp.moved(z=0.15), within=0.02)
    hole = (world.body("stand_root")() * _HOLE).turned(_STANDING)
    yield from hand.bring(tip, hole.moved(z=0.06), within=0.03, turned=0.2, at_most=100)
    yield from hand.bring(tip, hole.moved(z=0.015), within=0.0015, turned=0.02, at_most=100)
    yield from hand.bring(tip, hole.moved(z=-_DEPTH), within=0.003, turned=np.pi)
    yield from hand.open()
    yield from hand.go(hand.arm.pose * _BACK, within=0.02)
    yield from hand.go(hand.arm.pose.moved(z=0.1), within=0.02)


def _hang(world: World, hand: Hand) -> Script:
    tool, ring, hook = world.body("tool_root"), world.site("tool_hole1_center"), world.site("frame_hang_site")
    across = nearest_yaw(yaw_of(tool().rotation) + np.pi / 2, _ACROSS, np.pi)
    grasp = tool().turned(pointing_down(across))
    yield from hand.go(grasp.moved(z=0.1), within=0.01, at_most=120)
    yield from hand.go(grasp, within=0.004)
    yield from hand.close()
    yield from hand.go(grasp.moved(z=0.28), within=0.02)
    post = (hook() * _POST).turned(Rotation.identity())
    yield from hand.bring(ring, post.moved(x=0.1, z=0.08), within=0.02, turned=0.1, at_most=120)
    yield from hand.bring(ring, post.moved(z=0.035), within=0.002, turned=0.05, at_most=100)
    yield from hand.bring(ring, post.moved(z=0.012), within=0.003, turned=0.05, at_most=30)
    yield from hand.bring(ring, post.moved(x=-0.004, z=0.008), within=0.002, turned=0.05, at_most=20)
    yield from hand.open()
    yield from hand.go(hand.arm.pose * _BACK, within=0.02, at_most=40)
    yield from _push_down(hand, hook())


def _push_down(hand: Hand, hook: Pose) -> Script:
    """Presses on the handle's far end with the fingers shut, and gets out of its way."""
    ready = hook.turned(hand.arm.pose.rotation)
    yield from hand.go(ready.moved(x=0.13, z=0.08), within=0.015, at_most=40)
    yield from hand.close()
    yield from hand.go(ready.moved(x=0.12, z=-0.06), within=0.01, at_most=40)
    yield from hand.go(ready.moved(x=0.08, z=-0.09), within=0.01, at_most=30)
    yield from hand.go(ready.moved(x=0.17, z=0.05), within=0.02, at_most=40)
