"""`fork/reach`: a goal behind a broad obstacle, which may be passed on the left or on the right, equally well.

Here the methods come apart: demonstrations go both ways from one and the same start, and their mean leads straight into
the obstacle. The pusher starts just before a wedge, so that a policy without a choice touches it within its first two
chunks, while the first four steps of either way already move it 4 cm aside. Touching the obstacle ends all hope of
success. The world is symmetric about x = 0 in distribution; the goal lies along +y, so left is −x.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import ActionSpec, CloudSpec, Contract

from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_camera import TaskCamera
from sdm_sim.task_contract import actions, depth_camera, states, task_contract

NAME = "fork/reach"
CONTROL_HZ, SUBSTEPS = 20.0, 10
STEP_LIMIT = 100
# How far a full command moves the pusher's target in one step, in m.
STRIDE = 0.015
CAMERA, IMAGE_SIZE = "above", 128
CROP_LOW, CROP_HIGH = (-0.28, -0.12, 0.004), (0.28, 0.44, 0.24)
WORKSPACE_LOW, WORKSPACE_HIGH = np.array([-0.26, -0.10, 0.02]), np.array([0.26, 0.42, 0.08])

STATE_NAMES = ("pusher.x", "pusher.y", "pusher.z")

# Lengths in m. The obstacle is a wedge of 0.12 from centre to corner, taller than the pusher can rise. All is shifted
# together by COMMON_SPREAD; the start stays on the obstacle's axis, so that no side is nearer.
START, OBSTACLE, GOAL = np.array([0.0, 0.0, 0.06]), np.array([0.0, 0.16, 0.06]), np.array([0.0, 0.32, 0.03])
COMMON_SPREAD, START_SPREAD, GOAL_SPREAD = (0.03, 0.03), (0.0, 0.003), (0.02, 0.02)
GOAL_RADIUS = 0.02
# Demonstrations have seeds below this one, and come both ways from each start. Evaluations have seeds above, and so as
# many different starts as seeds.
PAIRED_SEEDS = 1000
BULGE = 0.16
# The expert's speed leaves its commands room to be smaller than full.
EXPERT_STRIDE = 0.9 * STRIDE

_SCENE = f"""
<mujoco model="fork">
  <option timestep="{1 / CONTROL_HZ / SUBSTEPS}" gravity="0 0 0" integrator="implicitfast"/>
  <visual><headlight ambient="0.3 0.3 0.3" diffuse="0.3 0.3 0.3"/></visual>
  <worldbody>
    <light pos="0.5 -0.3 1.5" dir="-0.4 0.4 -1" diffuse="0.5 0.5 0.5"/>
    <camera name="{CAMERA}" pos="0 0.16 1.0" fovy="34"/>
    <geom name="table" type="plane" size="0.6 0.6 0.1" rgba="0.75 0.72 0.68 1" contype="0" conaffinity="0"/>
    <body name="obstacle" mocap="true">
      <geom name="obstacle" type="box" size="0.085 0.085 0.06" euler="0 0 45" rgba="0.7 0.25 0.2 1"/>
    </body>
    <body name="goal" mocap="true">
      <geom type="cylinder" size="0.03 0.005" rgba="0.2 0.65 0.3 1" contype="0" conaffinity="0"/>
    </body>
    <body name="pusher">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <geom type="capsule" fromto="0 0 0 0 0 0.1" size="0.012" mass="1" rgba="0.25 0.4 0.8 1"/>
    </body>
  </worldbody>
  <actuator>
    <position joint="x" kp="2500" kv="100"/>
    <position joint="y" kp="2500" kv="100"/>
    <position joint="z" kp="2500" kv="100"/>
  </actuator>
</mujoco>
"""


def fork_contract() -> Contract:
    """The contract of `fork/reach`."""
    return task_contract(
        NAME,
        CONTROL_HZ,
        states("m", *STATE_NAMES),
        CloudSpec(frame="world", crop_low=CROP_LOW, crop_high=CROP_HIGH, centre=STATE_NAMES, scale=0.3),
        ActionSpec(
            kind="native",
            entries=actions(f"{1000 * STRIDE:g} mm per step", -1, 1, "pusher.dx", "pusher.dy", "pusher.dz"),
            delta_reference="the position that the pusher was last sent to",
            base_frame="world",
            tool_frame="pusher",
            hold=(0.0, 0.0, 0.0),
        ),
        (depth_camera(IMAGE_SIZE),),
    )


@dataclass(frozen=True)
class Layout:
    """Where things are in an episode: float64[3] each, in m, in the world."""

    start: NDArray[np.float64]
    obstacle: NDArray[np.float64]
    goal: NDArray[np.float64]

    @classmethod
    def of(cls, seed: int) -> Layout:
        """The layout of a seed; pairs 2k and 2k+1 below PAIRED_SEEDS share one, which so does not tell the way."""
        rng = np.random.default_rng(seed // 2 if seed < PAIRED_SEEDS else seed)

        def shift(spread: tuple[float, float]) -> NDArray[np.float64]:
            return np.append(rng.uniform(-1.0, 1.0, 2) * spread, 0.0)

        common = shift(COMMON_SPREAD)
        return cls(START + common + shift(START_SPREAD), OBSTACLE + common, GOAL + common + shift(GOAL_SPREAD))


def expert_way(seed: int) -> str:
    """The side on which the expert passes: `L` for even seeds, `R` for odd ones."""
    return "LR"[seed % 2]


def expert_path(layout: Layout, way: str) -> NDArray[np.float64]:
    """Where the expert sends the pusher, step by step [K,3]: half a sine beside the line from start to goal."""
    progress = np.linspace(0.0, 1.0, 1000)
    curve = layout.start + progress[:, None] * (layout.goal - layout.start)
    curve[:, 0] += (1 if way == "R" else -1) * BULGE * np.sin(np.pi * progress)
    travelled = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))
    stops = np.append(np.arange(0.0, travelled[-1], EXPERT_STRIDE), travelled[-1])
    return np.stack([np.interp(stops, travelled, curve[:, axis]) for axis in range(3)], axis=1)


class ForkTask(SolvedOnce):
    """See Task."""

    name = NAME
    step_limit = STEP_LIMIT
    expert_kind = "scripted"
    score = None

    def __init__(self) -> None:
        self.contract = fork_contract()
        self._model = mujoco.MjModel.from_xml_string(_SCENE)
        self._data = mujoco.MjData(self._model)
        self.world = MujocoWorld(self._model, self._data)
        self._camera = TaskCamera(self._model, self._data, CAMERA, IMAGE_SIZE)
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._layout = Layout.of(seed)
        self._path = expert_path(self._layout, expert_way(seed))
        mujoco.mj_resetData(self._model, self._data)
        self._data.mocap_pos[self._model.body("obstacle").mocapid[0]] = self._layout.obstacle
        self._data.mocap_pos[self._model.body("goal").mocapid[0]] = [*self._layout.goal[:2], 0.005]
        self._data.qpos[:] = self._data.ctrl[:] = self._layout.start
        mujoco.mj_forward(self._model, self._data)
        self._steps = self._success_steps = 0
        self._touched = False
        self._way: str | None = None

    def step(self, action: NDArray[np.float64]) -> None:
        target = self._data.ctrl + STRIDE * np.clip(action, -1.0, 1.0)
        self._data.ctrl[:] = np.clip(target, WORKSPACE_LOW, WORKSPACE_HIGH)
        for _ in range(SUBSTEPS):
            mujoco.mj_step(self._model, self._data)
            self._touched |= self._data.ncon > 0  # the pusher and the obstacle are all that can collide
        mujoco.mj_forward(self._model, self._data)  # positions as of the end of the step, for the camera
        self._steps += 1
        beside = self._data.qpos - self._layout.obstacle
        if self._way is None and beside[1] >= 0:
            self._way = "L" if beside[0] < 0 else "R"
        reached = np.linalg.norm(self._data.qpos - self._layout.goal) < GOAL_RADIUS
        self._success_steps += bool(reached and not self._touched)

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        return self._camera.frame(STATE_NAMES, self._data.qpos.copy(), depth, images)

    @property
    def way(self) -> str | None:
        return self._way

    def expert(self) -> NDArray[np.float64]:
        aim = self._path[min(self._steps + 1, len(self._path) - 1)]
        return np.clip((aim - self._data.ctrl) / STRIDE, -1.0, 1.0)

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self._camera.picture(width, height)

    def close(self) -> None:
        self._camera.close()
