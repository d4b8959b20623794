"""The table, the light and the camera around hand and thing. The world's origin is the middle of the table's top.

Geometry says by its class what it meets: `thing` meets the hand, `loose` the table too, and `seen` nothing.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np

from sdm_sim.dexhand import hand

TIMESTEP = 0.005
CAMERA = "camera"

# The hand's assets bring options of their own, which those after them overrule.
_SCENE = """
<mujoco model="dexhand">
  <actuator>{actuators}</actuator>
  <include file="{assets}/adroit_assets.xml"/>
  <compiler angle="radian" meshdir="{assets}/resources/meshes" texturedir="{assets}/resources/textures"/>
  <option timestep="{timestep}" integrator="implicitfast" cone="elliptic" impratio="3" tolerance="1e-5"
    noslip_iterations="0"/>
  <statistic center="0 0 0.1" extent="1" meaninertia="0.3"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <headlight ambient="0.32 0.32 0.33" diffuse="0.3 0.3 0.3" specular="0 0 0"/>
    <map znear="0.02" zfar="12"/>
    <quality shadowsize="1024"/>
  </visual>
  <default>
    <default class="thing"><geom group="2" contype="0" conaffinity="1" friction="0.9 0.01 0.001"/></default>
    <default class="loose"><geom group="2" contype="2" conaffinity="1" friction="0.9 0.01 0.001"/></default>
    <default class="seen"><geom group="2" contype="0" conaffinity="0" mass="0"/></default>
  </default>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.82 0.85 0.88" rgb2="0.55 0.6 0.66" width="64"
      height="256"/>
    <texture name="table" type="2d" builtin="flat" rgb1="0.71 0.6 0.47" rgb2="0.71 0.6 0.47" mark="random"
      markrgb="0.68 0.57 0.44" random="0.25" width="256" height="256"/>
    <material name="table" texture="table" texrepeat="2 2" specular="0" shininess="0"/>
    <material name="floor" rgba="0.7 0.71 0.73 1" specular="0" shininess="0"/>
  </asset>
  <worldbody>
    <light pos="0.6 -0.9 1.9" dir="-0.3 0.45 -0.9" diffuse="0.5 0.49 0.47" specular="0.1 0.1 0.1" directional="false"
      cutoff="70" exponent="4"/>
    <light pos="-0.6 1.0 1.8" dir="0.3 -0.5 -0.85" diffuse="0.2 0.2 0.22" specular="0 0 0" castshadow="false"/>
    <camera name="{camera}" pos="0.86 -0.58 0.68" xyaxes="0.51 0.86 0 -0.397 0.235 0.887" fovy="42"/>
    <geom class="seen" name="floor" type="plane" pos="0 0 -0.75" size="4 4 0.1" material="floor"/>
    <geom name="table" type="box" pos="0 0 -0.02" size="0.45 0.45 0.02" material="table" contype="0" conaffinity="3"/>
    {hand}
    {thing}
  </worldbody>
</mujoco>
"""


def scene(thing: str) -> mujoco.MjSpec:
    """The scene with the MJCF of a thing in it."""
    xml = _SCENE.format(
        actuators=hand.actuators_xml(),
        assets=hand.assets(),
        timestep=TIMESTEP,
        camera=CAMERA,
        hand=hand.body_xml(),
        thing=thing,
    )
    spec = mujoco.MjSpec.from_string(xml)
    hand.finish(spec)
    return spec


def refit(model: mujoco.MjModel, other: mujoco.MjModel) -> None:
    """Makes the arrays of a model those of another that differs in nothing but sizes, places and colours."""
    for name in dir(model):
        values = getattr(model, name)
        if isinstance(values, np.ndarray) and not name.startswith("_"):
            values[:] = getattr(other, name)
