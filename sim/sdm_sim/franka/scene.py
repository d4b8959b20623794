"""The cell around the arm: its table, the light, and the third-person camera opposite it. The world is fr3_link0.

Geometry that collides says so by its class: what stands still by `fixed`, what can be carried by `loose`. The arm meets
both, loose things meet what is fixed, and nothing else meets anything.
"""

from __future__ import annotations

from sdm_sim.franka import fr3

TIMESTEP = 0.002
# A RealSense D435's depth camera at 640×480 sees 75° × 62°. Smaller images have the same view, as its decimation gives.
FOVY_DEG = 62.0
CAMERA, WRIST = "camera", "wrist"
# Opposite the arm, looking 36° down at it.
_CAMERA_POSITION, _CAMERA_AXES = "0.98 0 0.58", "0 1 0 -0.588 0 0.809"

_FRAME = """
<mujoco model="franka_cell">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{timestep}" integrator="implicitfast" cone="elliptic" impratio="10" iterations="20"/>
  <statistic center="0.45 0 0.2" extent="1"/>
  <visual>
    <headlight ambient="0.32 0.32 0.33" diffuse="0.28 0.28 0.28" specular="0 0 0"/>
    <map znear="0.02" zfar="12"/>
    <quality shadowsize="1024" numslices="18" numstacks="10"/>
  </visual>
  <default>{defaults}
    <default class="fixed"><geom group="2" contype="0" conaffinity="3" friction="0.9 0.01 0.001"/></default>
    <default class="loose"><geom group="2" contype="2" conaffinity="1" friction="0.9 0.01 0.001" condim="4"/></default>
    <default class="seen"><geom group="2" contype="0" conaffinity="0" mass="0"/></default>
  </default>
  <asset>{assets}
    <texture type="skybox" builtin="gradient" rgb1="0.82 0.85 0.88" rgb2="0.55 0.6 0.66" width="64" height="256"/>
    <texture name="wood" type="2d" builtin="flat" rgb1="0.71 0.6 0.47" rgb2="0.71 0.6 0.47" mark="random"
      markrgb="0.68 0.57 0.44" random="0.25" width="256" height="256"/>
    <material name="wood" texture="wood" texrepeat="2 2" specular="0" shininess="0"/>
    <material name="floor" rgba="0.5 0.51 0.53 1" specular="0" shininess="0"/>
    {task_assets}
  </asset>
  <worldbody>
    <light pos="0.7 -0.9 1.9" dir="-0.15 0.45 -0.9" diffuse="0.5 0.49 0.47" specular="0.1 0.1 0.1" directional="false"
      cutoff="70" exponent="4"/>
    <light pos="0.2 1.0 1.8" dir="0.1 -0.5 -0.85" diffuse="0.2 0.2 0.22" specular="0 0 0" castshadow="false"/>
    <camera name="{camera}" pos="{position}" xyaxes="{axes}" fovy="{fovy}"/>
    <geom class="seen" name="floor" type="plane" pos="0 0 -0.75" size="4 4 0.1" material="floor"/>
    <geom class="fixed" name="table" type="box" pos="0.4 0 -0.02" size="0.65 0.6 0.02" material="wood"/>
    {arm}
    {bodies}
  </worldbody>
  <actuator>{actuators}</actuator>
  {couplings}
  {extras}
</mujoco>
"""


def scene_xml(bodies: str, assets: str = "", extras: str = "") -> str:
    """The MJCF of a cell with a task's own bodies, assets and further sections."""
    return _FRAME.format(
        timestep=TIMESTEP,
        defaults=fr3.DEFAULTS,
        assets=fr3.ASSETS,
        task_assets=assets,
        camera=CAMERA,
        position=_CAMERA_POSITION,
        axes=_CAMERA_AXES,
        fovy=FOVY_DEG,
        arm=fr3.arm_xml(FOVY_DEG),
        bodies=bodies,
        actuators=fr3.ACTUATORS,
        couplings=fr3.COUPLINGS,
        extras=extras,
    )
