"""Adroit's hand from gymnasium-robotics, on a carrier in the place of an arm.

The carrier moves the forearm along the world's axes and turns it about a point in the palm, as slowly as an arm does.
Its actuators and the hand's take position targets; gravity is compensated, as the controllers of arms do.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import mujoco

# The carrier's joints, which slide (m) and turn (rad).
SLIDES, HINGES = ("carrier.x", "carrier.y", "carrier.z"), ("carrier.yaw", "carrier.pitch", "carrier.roll")
# Sites at the tips of the index, middle, ring and little finger.
TIPS = ("S_fftip", "S_mftip", "S_rftip", "S_lftip")

# Where the forearm begins an episode (m): fingers forward, along the world's y, and the palm down.
_FOREARM, _HOME = "forearm", "-0.007 -0.75 0.32"
# About what the hinges turn, on the forearm's own axis (m).
_PALM = "0 0 0.5"
# The joints' axes in the forearm's frame, whose x, y and z are the world's −x, z and y at home; and their ranges.
_SLIDE_AXES = {"-1 0 0": "-0.3 0.3", "0 0 1": "-0.4 0.4", "0 1 0": "-0.27 0.27"}
_HINGE_AXES = {"0 1 0": "-0.8 0.8", "1 0 0": "-0.8 0.8", "0 0 1": "-1.6 1.6"}
# Damping over stiffness is a third of a second, in which the carrier covers most of its way.
_SLIDE_GAINS, _HINGE_GAINS = 'kp="1500" kv="500"', 'kp="100" kv="30"'
_SKIN = (0.36, 0.42, 0.5, 1.0)


def assets() -> Path:
    """The folder of the hand's model."""
    package = find_spec("gymnasium_robotics")
    assert package is not None
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0], "envs/assets/adroit_hand")


def body_xml() -> str:
    """MJCF of the hand on its carrier, as a body of the world."""
    slides = "".join(
        f'<joint name="{name}" type="slide" axis="{axis}" range="{limits}"/>'
        for name, (axis, limits) in zip(SLIDES, _SLIDE_AXES.items(), strict=True)
    )
    hinges = "".join(
        f'<joint name="{name}" pos="{_PALM}" axis="{axis}" range="{limits}"/>'
        for name, (axis, limits) in zip(HINGES, _HINGE_AXES.items(), strict=True)
    )
    return f"""
    <body name="{_FOREARM}" pos="{_HOME}" xyaxes="-1 0 0 0 0 1">
      <inertial pos="0 0 0.3" mass="1.5" diaginertia="0.01 0.01 0.005"/>
      {slides}{hinges}
      <geom class="D_Vizual" pos="0 -0.01 0.181" euler="0 0 -1.57" mesh="forearm_simple"/>
      <geom class="DC_Hand" size="0.05 0.033" pos="0 0 0.29" type="capsule"/>
      <include file="{assets() / "adroit_model.xml"}"/>
    </body>"""


def actuators_xml() -> str:
    """MJCF of the carrier's actuators; the hand's own come with its assets."""
    driven = [
        *((name, limits, _SLIDE_GAINS) for name, limits in zip(SLIDES, _SLIDE_AXES.values(), strict=True)),
        *((name, limits, _HINGE_GAINS) for name, limits in zip(HINGES, _HINGE_AXES.values(), strict=True)),
    ]
    return "".join(
        f'<position name="A_{name}" joint="{name}" ctrlrange="{limits}" {gains}/>' for name, limits, gains in driven
    )


def finish(spec: mujoco.MjSpec) -> None:
    """What MJCF cannot say of a model that it includes: a dark hand, which together with its carrier weighs nothing."""
    spec.material("MatViz").rgba = _SKIN
    forearm = spec.body(_FOREARM)
    for body in (forearm, *forearm.find_all(mujoco.mjtObj.mjOBJ_BODY)):
        body.gravcomp = 1.0
