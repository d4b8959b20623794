"""What the scripts have an arm do: each motion is a generator of actions [7] that ends where the motion does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sdm_sim.robomimic.arm import Arm
from sdm_sim.robomimic.pose import Pose

Script = Iterator[NDArray[np.float64]]

OPEN, CLOSED = -1.0, 1.0
# robosuite lets things fall into their places first.
SETTLING = 8
# Control steps in which the fingers close or open.
_GRIPPING = 10


class Hand:
    """An arm and what its fingers were told last."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self._gripper = OPEN

    def stay(self, steps: int | None = None) -> Script:
        """Keeps still for so many steps, None: from now on."""
        here = self.arm.pose
        while steps is None or steps > 0:
            yield self.arm.towards(here, self._gripper)
            steps = None if steps is None else steps - 1

    def open(self) -> Script:
        """Lets go."""
        self._gripper = OPEN
        yield from self.stay(_GRIPPING)

    def close(self) -> Script:
        """Takes hold."""
        self._gripper = CLOSED
        yield from self.stay(_GRIPPING)

    def go(
        self, target: Pose | Callable[[], Pose], within: float = 0.005, turned: float = 0.05, at_most: int = 80
    ) -> Script:
        """Moves the tool to a target that may move itself, until it is `within` so many m and `turned` within so many
        rad of it, for `at_most` so many steps."""
        for _ in range(at_most):
            wanted = target if isinstance(target, Pose) else target()
            if self._off(wanted, within, turned):
                yield self.arm.towards(wanted, self._gripper)
            else:
                return

    def bring(
        self, thing: Callable[[], Pose], to: Pose, within: float = 0.005, turned: float = 0.05, at_most: int = 80
    ) -> Script:
        """Moves a thing that the hand holds to a pose, however it lies in the hand; see `go`."""
        return self.go(lambda: to * thing().inverse() * self.arm.pose, within, turned, at_most)

    def _off(self, target: Pose, within: float, turned: float) -> bool:
        here = self.arm.pose
        far = np.linalg.norm(target.position - here.position) > within
        return bool(far or (target.rotation * here.rotation.inv()).magnitude() > turned)


def pointing_down(yaw: float) -> Rotation:
    """How a hand that points down is turned whose fingers close along the direction `yaw` (rad, in the world)."""
    return Rotation.from_euler("z", yaw) * Rotation.from_euler("x", np.pi)


def yaw_of(rotation: Rotation) -> float:
    """The direction of the x axis in the world's plane (rad)."""
    x, y, _ = rotation.apply([1.0, 0.0, 0.0])
    return float(np.arctan2(y, x))


def nearest_yaw(yaw: float, to: float, symmetry: float) -> float:
    """Of the angles that differ from `yaw` by multiples of `symmetry` (rad) the one nearest to `to`."""
    return to + (yaw - to + symmetry / 2) % symmetry - symmetry / 2
