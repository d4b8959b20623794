"""`franka/insert`: a coffee pod from the table into the holder of a machine, which is 9 mm wider than the pod."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.franka.contract import CROP_HIGH
from sdm_sim.franka.expert import Plan, raised
from sdm_sim.franka.pick_place import ASIDE, AT_REST, RELEASED_WIDTH
from sdm_sim.franka.robot import Robot
from sdm_sim.franka.things import Fixture, Thing

Vector = NDArray[np.float64]

# The pod's radius and half height, and how much higher than its centre it is gripped (m).
POD_RADIUS, POD_HALF, GRIP = 0.0205, 0.023, 0.009
POD_LOW, POD_HIGH = np.array([0.42, -0.22]), np.array([0.58, -0.04])
# The slot: radius within, floor and depth; a funnel leads into it.
SLOT_RADIUS, SLOT_FLOOR, SLOT_DEPTH = 0.025, 0.045, 0.014
MACHINE_LOW, MACHINE_HIGH = np.array([0.50, 0.16]), np.array([0.56, 0.24])
# Inserted: the pod stands upright on the slot's floor.
SEATED, UPRIGHT = 0.006, 0.97
# How high above its seat the expert lets go of it.
_DROP = 0.006
_SIDES, _WALL, _FUNNEL = 8, 0.004, 0.004


def _ring() -> str:
    """The slot's walls and its funnel, of as many plates as it has sides."""
    plates = []
    for side in range(_SIDES):
        angle = 2 * np.pi * side / _SIDES
        across = np.tan(np.pi / _SIDES) * (SLOT_RADIUS + 2 * _WALL)
        for distance, height, tilt, half in (
            (SLOT_RADIUS + _WALL, SLOT_FLOOR + SLOT_DEPTH / 2, 0.0, SLOT_DEPTH / 2),
            (SLOT_RADIUS + _WALL + _FUNNEL / 2, SLOT_FLOOR + SLOT_DEPTH, np.pi / 4, _FUNNEL),
        ):
            place = f"{distance * np.cos(angle):.6f} {distance * np.sin(angle):.6f} {height:.6f}"
            plates.append(
                f'<geom class="fixed" type="box" pos="{place}" size="{_WALL} {across:.6f} {half}" '
                f'quat="{_turned(angle, tilt)}" material="holder" friction="0.3 0.01 0.001"/>'
            )
    return "".join(plates)


def _turned(about_z: float, about_y: float) -> str:
    """The quaternion wxyz of a turn about y, then about z."""
    (a, b), (c, d) = ((np.cos(angle / 2), np.sin(angle / 2)) for angle in (about_z, about_y))
    return " ".join(f"{part:.9f}" for part in (a * c, -b * d, a * d, b * c))


_POD = f"""
<body name="pod">
  <freejoint/>
  <geom class="loose" type="cylinder" size="{POD_RADIUS} {POD_HALF}" mass="0.1" material="pod"/>
  <geom class="seen" type="cylinder" pos="0 0 {POD_HALF}" size="{POD_RADIUS - 0.003} 0.0008" material="foil"/>
</body>"""
_MACHINE = f"""
<body name="machine" mocap="true">
  <geom class="fixed" type="cylinder" pos="0 0 {SLOT_FLOOR / 2}" size="{SLOT_RADIUS + 2 * _WALL} {SLOT_FLOOR / 2}"
    material="machine"/>
  <geom class="fixed" type="box" pos="-0.035 0 0.006" size="0.085 0.06 0.006" material="machine"/>
  <geom class="fixed" type="box" pos="-0.1 0 0.075" size="0.02 0.055 0.075" material="machine"/>
  <geom class="seen" type="box" pos="-0.1 0 0.152" size="0.0205 0.0555 0.004" material="holder"/>
  <geom class="seen" type="cylinder" fromto="-0.081 0.03 0.125 -0.077 0.03 0.125" size="0.008" material="foil"/>
  {_ring()}
</body>"""


class Insert:
    """See Scenario. Done when the pod stands in the slot and the hand has let go."""

    step_limit = 250
    seen_to = CROP_HIGH[1]
    bodies = _POD + _MACHINE
    assets = """
    <material name="pod" rgba="0.55 0.2 0.14 1" specular="0.1" shininess="0.2"/>
    <material name="foil" rgba="0.85 0.7 0.35 1" specular="0.2" shininess="0.4"/>
    <material name="machine" rgba="0.22 0.24 0.27 1" specular="0.05" shininess="0.1"/>
    <material name="holder" rgba="0.7 0.72 0.74 1" specular="0.1" shininess="0.2"/>"""
    extras = ""

    def bind(self, model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> None:
        self._robot = robot
        self.pod, self._machine = Thing(model, data, "pod"), Fixture(model, data, "machine")

    def reset(self, seed: int, rng: np.random.Generator) -> None:
        self.pod.put(np.append(rng.uniform(POD_LOW, POD_HIGH), POD_HALF), 0.0)
        self._machine.put(np.append(rng.uniform(MACHINE_LOW, MACHINE_HIGH), 0.0))

    def before_step(self) -> None:
        """Nothing moves by itself."""

    @property
    def seat(self) -> Vector:
        """Where the pod's centre is once it stands in the slot."""
        return raised(self._machine.position, SLOT_FLOOR + POD_HALF)

    def solved(self) -> bool:
        off = np.abs(self.pod.position - self.seat)
        seated = off[2] < SEATED and np.linalg.norm(off[:2]) < SLOT_RADIUS - POD_RADIUS + 0.002
        let_go = self._robot.width > RELEASED_WIDTH and self.pod.speed < AT_REST
        return bool(seated and let_go and self.pod.upright > UPRIGHT)

    def plan(self, rng: np.random.Generator) -> Plan:
        grip = GRIP + rng.uniform(-0.003, 0.003)
        turn = rng.uniform(-0.2, 0.2)
        return Plan(
            grasp=lambda: raised(self.pod.position, grip),
            yaw=lambda: turn,
            place=lambda: raised(self.seat, grip + _DROP),
            place_yaw=turn,
            hover=rng.uniform(0.07, 0.1),
            aside=np.append(rng.uniform(-ASIDE, ASIDE, 2), 0.0),
            carry=rng.uniform(0.16, 0.2),
            precise=True,
        )
