"""`franka/pick-place`: a milk carton from the table into a bin."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np

from sdm_sim.franka.expert import Plan, raised
from sdm_sim.franka.robot import Robot
from sdm_sim.franka.things import Fixture, Thing

# Half edges of the carton, and how much higher than its centre it is gripped (m).
CARTON, GRIP = np.array([0.024, 0.024, 0.045]), 0.02
# Where it may lie, and how it may be turned (rad).
CARTON_LOW, CARTON_HIGH, CARTON_TURN = np.array([0.42, -0.22]), np.array([0.60, -0.02]), 0.5
# The bin: half edges within, and where it may stand.
BIN, WALL = np.array([0.095, 0.08, 0.035]), 0.004
BIN_LOW, BIN_HIGH = np.array([0.47, 0.22]), np.array([0.53, 0.27])
# The hand has let go where it is wider than this, the carton's diagonal and more; slower than that is at rest (m/s).
RELEASED_WIDTH, AT_REST = 0.072, 0.05

# How far beside its grasp the expert arrives at most, and then corrects itself (m).
ASIDE = 0.03

_INK = "0.13 0.33 0.62 1"


def _wall(x: float, y: float, half_x: float, half_y: float) -> str:
    height = BIN[2]
    return f'<geom class="fixed" type="box" pos="{x} {y} {height}" size="{half_x} {half_y} {height}" material="bin"/>'


_CARTON = f"""
<body name="carton">
  <freejoint/>
  <geom class="loose" type="box" size="{CARTON[0]} {CARTON[1]} {CARTON[2]}" mass="0.25" material="paper"/>
  <geom class="seen" type="box" pos="0 0 -0.02" size="{CARTON[0] + 2e-4} {CARTON[1] + 2e-4} 0.02" rgba="{_INK}"/>
  <geom class="seen" type="mesh" mesh="gable" pos="0 0 {CARTON[2]}" material="paper"/>
  <geom class="seen" type="box" pos="0 0 {CARTON[2] + 0.021}" size="{CARTON[0]} 0.0015 0.005" rgba="{_INK}"/>
</body>"""
_BIN = f"""
<body name="bin" mocap="true">
  <geom class="fixed" type="box" pos="0 0 {WALL / 2}" size="{BIN[0]} {BIN[1]} {WALL / 2}" material="bin"/>
  {_wall(BIN[0] + WALL, 0, WALL, BIN[1] + 2 * WALL)}{_wall(-BIN[0] - WALL, 0, WALL, BIN[1] + 2 * WALL)}
  {_wall(0, BIN[1] + WALL, BIN[0], WALL)}{_wall(0, -BIN[1] - WALL, BIN[0], WALL)}
</body>"""


class PickPlace:
    """See Scenario. Done when the carton rests in the bin and the hand has let go."""

    step_limit = 200
    # The nearer half of the bin: a cloud's points spread over all surfaces alike, and a whole bin would leave one in
    # five of them to the carton.
    seen_to = 0.24
    bodies = _CARTON + _BIN
    assets = f"""
    <mesh name="gable" vertex="{CARTON[0]} {CARTON[1]} 0 {CARTON[0]} {-CARTON[1]} 0 {-CARTON[0]} {CARTON[1]} 0
      {-CARTON[0]} {-CARTON[1]} 0 {CARTON[0]} 0 0.02 {-CARTON[0]} 0 0.02"/>
    <material name="paper" rgba="0.93 0.92 0.88 1" specular="0" shininess="0"/>
    <material name="bin" rgba="0.26 0.4 0.36 1" specular="0" shininess="0"/>"""
    extras = ""

    def bind(self, model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> None:
        self._robot = robot
        self.carton, self._bin = Thing(model, data, "carton"), Fixture(model, data, "bin")

    def reset(self, seed: int, rng: np.random.Generator) -> None:
        place, turn = rng.uniform(CARTON_LOW, CARTON_HIGH), rng.uniform(-CARTON_TURN, CARTON_TURN)
        self.carton.put(np.append(place, CARTON[2]), turn)
        self._bin.put(np.append(rng.uniform(BIN_LOW, BIN_HIGH), 0.0))

    def before_step(self) -> None:
        """Nothing moves by itself."""

    def solved(self) -> bool:
        inside = np.abs(self.carton.position[:2] - self._bin.position[:2]) < BIN[:2]
        low = self.carton.position[2] < CARTON[2] + 0.02
        let_go = self._robot.width > RELEASED_WIDTH
        return bool(inside.all() and low and let_go and self.carton.speed < AT_REST)

    def plan(self, rng: np.random.Generator) -> Plan:
        grip = GRIP + rng.uniform(-0.006, 0.006)
        place = np.append(rng.uniform(-0.02, 0.02, 2), CARTON[2] + grip + rng.uniform(0.012, 0.025))
        return Plan(
            grasp=lambda: raised(self.carton.position, grip),
            yaw=lambda: nearest_turn(self.carton.yaw),
            place=lambda: self._bin.position + place,
            place_yaw=rng.uniform(-0.1, 0.1),
            hover=rng.uniform(0.08, 0.11),
            aside=np.append(rng.uniform(-ASIDE, ASIDE, 2), 0.0),
            carry=rng.uniform(0.2, 0.25),
        )


def nearest_turn(yaw: float) -> float:
    """The turn of a hand that grips something square at `yaw`: within an eighth of a circle."""
    return float((-yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4)
