"""What DexArt's four tasks differ in: objects, where they stand, how they are seen and what they weigh."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi, radians
from typing import Literal

Vector3 = tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """A camera's place in m, where it looks and, roughly, its right, in the world."""

    position: Vector3
    forward: Vector3
    right: Vector3


# From the robot's left, level; the faucets are too low for that.
LEVEL = View((0.0, 1.0, 0.5), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0))
FROM_ABOVE = View((-0.3, 0.6, 0.4), (0.16, -0.7, -0.35), (-1.5, -2.0, 0.0))


@dataclass(frozen=True)
class Setting:
    """One task. Lengths in m, angles in rad, densities in kg/m³."""

    objects: tuple[int, ...]
    """PartNet-Mobility's numbers of the objects that DexArt trains on; its others are for tests of generalisation."""
    base_height: float
    """Of the robot's base above the table, on which a plinth then carries it."""
    heading: float
    shift: float
    """An object is moved by up to so much along each axis, in the axis' sense …"""
    turn: float
    """… and turned from its heading by up to so much, either way."""
    crop_low: Vector3
    """DexArt's box in the frame of the robot's base."""
    crop_high: Vector3
    view: View
    handle: Literal["top", "front", "origin"]
    """Where the part to be moved is grasped: at its collision shape's highest or foremost vertex, or its frame."""
    density: float
    link_densities: dict[str, float] = field(default_factory=dict)
    fixed: bool = True
    joint_friction: float = 5.0
    ajar: float = 0.0
    """How far beyond its closed end the joint begins."""
    others_locked: bool = False
    """Whether all joints but that of the part to be moved stand still."""
    slippery: bool = True
    """Whether the object has the simulator's default material, and not DexArt's rougher one."""
    body: str | None = None
    """The link whose height is watched; None for the root."""
    folder: str = "{}"
    """The folder of an object's files."""
    horizon: int = 250
    """Control steps of DexArt's episode (the bucket's is DP3's), of which the policy is told the share that passed."""

    @property
    def base(self) -> Vector3:
        """The robot's base in the world, whose origin is the middle of the table's top."""
        return (-0.5, 0.0, self.base_height)


SETTINGS = {
    "laptop": Setting(
        objects=(11395, 11405, 11406, 11477, 11581, 11586, 9996, 10090, 10098, 10101, 10125),
        base_height=0.0,
        heading=0.0,
        shift=0.1,
        turn=radians(60),
        crop_low=(0.1, -1.0, 0.0047767),
        crop_high=(1.0, 2.0, 0.6),
        view=LEVEL,
        handle="top",
        density=500.0,
        ajar=0.2,
    ),
    "faucet": Setting(
        objects=(148, 693, 822, 857, 991, 1011, 1053, 1288, 1343, 1370, 1466),
        base_height=0.0,
        heading=0.0,
        shift=0.1,
        turn=radians(90),
        crop_low=(0.1, -1.0, 0.0047767),
        crop_high=(2.0, 1.0, 0.4),
        view=FROM_ABOVE,
        handle="origin",
        density=7800.0,
    ),
    "toilet": Setting(
        objects=(
            102677, 102687, 102689, 102692, 102697, 102699, 102701, 102703, 102707, 102708, 103234, 102663, 102666,
            102667, 102669, 102670, 102675,
        ),
        base_height=0.4,
        heading=-pi / 2,
        shift=0.2,
        turn=radians(45),
        crop_low=(0.1, -2.0, -0.3),
        crop_high=(2.0, 2.0, 0.8),
        view=LEVEL,
        handle="front",
        density=50.0,
        ajar=0.25,
        others_locked=True,
    ),
    "bucket": Setting(
        objects=(100431, 100435, 100438, 100439, 100441, 100444, 100446, 100448, 100454, 100461, 100462),
        base_height=0.3,
        heading=pi,
        shift=0.05,
        turn=0.0,
        crop_low=(0.1, -2.0, -0.29),
        crop_high=(2.0, 2.0, 0.4),
        view=LEVEL,
        handle="top",
        density=1000.0,
        link_densities={"link_0": 100.0, "link_1": 7800.0},
        fixed=False,
        joint_friction=0.0,
        slippery=False,
        body="link_1",
        folder="{}_thick_handle",
        horizon=100,
    ),
}  # fmt: skip
