"""The FR3 and the Franka Hand as a MuJoCo model of primitives: nothing is downloaded, and it renders fast.

Kinematics are the manufacturer's Denavit–Hartenberg parameters (Craig's convention), inertias and limits those of its
robot description. Shapes are ours: capsules and cylinders within a few millimetres of the real covers. Where they
collide, they do so with the surroundings alone; the joint limits keep the arm from itself. SI units.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

JOINTS = tuple(f"fr3_joint{number}" for number in range(1, 8))
FINGER_JOINTS = ("fr3_finger_joint1", "fr3_finger_joint2")
BASE_FRAME, TOOL_FRAME = "fr3_link0", "fr3_hand_tcp"

# The posture in which the manufacturer's examples begin: the tool points straight down.
READY = (0.0, -pi / 4, 0.0, -3 * pi / 4, 0.0, pi / 2, pi / 4)
# Torque N·m and its change N·m/s, as libfranka accepts them.
TORQUE_LIMITS = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
TORQUE_RATE_LIMIT = 1000.0
# Of the hand: greatest opening (m), and the force that it holds things with (N).
MAX_WIDTH, GRASP_FORCE = 0.08, 30.0


@dataclass(frozen=True)
class Link:
    """A link, its joint to the link before it, and its shapes, all in the link's own frame."""

    a: float
    d: float
    alpha: float
    lower: float
    upper: float
    mass: float
    centre: tuple[float, float, float]
    inertia: tuple[float, float, float, float, float, float]
    """About the centre of mass: xx, yy, zz, xy, xz, yz."""
    shapes: tuple[str, ...]


def _capsule(start: str, end: str, radius: float, collides: bool = False) -> str:
    shape = f'type="capsule" fromto="{start} {end}" size="{radius}"'
    return f"<geom {shape}/>" + (f'<geom class="collides" {shape}/>' if collides else "")


def _cylinder(start: str, end: str, radius: float, material: str = "cover") -> str:
    return f'<geom type="cylinder" fromto="{start} {end}" size="{radius}" material="{material}"/>'


_BASE_INERTIA = '<inertial pos="-0.0172 0.0004 0.0745" mass="2.3966" diaginertia="0.009 0.0115 0.0085"/>'
_BASE_SHAPES = (
    _cylinder("0 0 0", "0 0 0.105", 0.068),
    _cylinder("0 0 0.105", "0 0 0.14", 0.058),
    '<geom type="box" pos="-0.075 0 0.035" size="0.075 0.062 0.035"/>',
    '<geom type="box" pos="-0.045 0 0.006" size="0.1 0.09 0.006" material="metal"/>',
    '<geom type="box" pos="-0.151 0 0.035" size="0.002 0.045 0.02" material="joint"/>',
)
LINKS = (
    Link(
        0.0, 0.333, 0.0, -2.7437, 2.7437, 2.9274653454,
        (0.0000004128, -0.0181251324, -0.0386035970),
        (0.0239273165, 0.0224821613, 0.0063500983, 0.0000133179, -0.0001140477, -0.0019950321),
        (
            _cylinder("0 0 -0.192", "0 0 -0.06", 0.055),
            _capsule("0 0 -0.075", "0 -0.03 0", 0.055),
            _capsule("0 -0.069 0", "0 0 0", 0.055),
            _cylinder("0 0 -0.193", "0 0 -0.189", 0.0556, "joint"),
        ),
    ),
    Link(
        0.0, 0.0, -pi / 2, -1.7837, 1.7837, 2.9355370338,
        (0.0031828864, -0.0743221644, 0.0088146084),
        (0.0419389463, 0.0251451489, 0.0617021447, 0.0002025733, 0.0040777842, -0.0042252158),
        (
            _capsule("0 0 0", "0 0 0.069", 0.055),
            _capsule("0 0 0.03", "0 -0.075 0", 0.055),
            _cylinder("0 -0.06 0", "0 -0.194 0", 0.055),
            _cylinder("0 -0.192 0", "0 -0.197 0", 0.0556, "joint"),
        ),
    ),
    Link(
        0.0, 0.316, pi / 2, -2.9007, 2.9007, 2.2449013699,
        (0.0407015686, -0.0048200565, -0.0289730823),
        (0.0241014255, 0.0197405327, 0.0190444945, 0.0024046946, -0.0028562693, -0.0021042127),
        (
            _cylinder("0 0 -0.121", "0 0 -0.06", 0.055),
            _capsule("0 0 -0.066", "0.0825 0.02 0", 0.055),
            _capsule("0.0825 0 0", "0.0825 0.054 0", 0.055),
            _cylinder("0.0825 0.05 0", "0.0825 0.098 0", 0.058, "joint"),
            '<geom type="ellipsoid" pos="0.0825 0.098 0" size="0.04 0.014 0.04"/>',
        ),
    ),
    Link(
        0.0825, 0.0, pi / 2, -3.0421, -0.1518, 2.6155955791,
        (-0.0459100965, 0.0630492960, -0.0085187868),
        (0.0345299832, 0.0288816219, 0.0412547117, 0.0132255227, 0.0101514300, -0.0009762834),
        (
            _capsule("0 0 0", "0 0 0.054", 0.055),
            _cylinder("0 0 0.05", "0 0 0.098", 0.058, "joint"),
            '<geom type="ellipsoid" pos="0 0 0.098" size="0.04 0.04 0.014"/>',
            _capsule("0 0 0.02", "-0.0825 0.06 0", 0.055),
            _cylinder("-0.0825 0.06 0", "-0.0825 0.124 0", 0.055),
        ),
    ),
    Link(
        -0.0825, 0.384, -pi / 2, -2.8065, 2.8065, 2.3271207594,
        (-0.0016039605, 0.0292536262, -0.0972965990),
        (0.0516102785, 0.0478772971, 0.0164236256, -0.0057151734, -0.0035673168, 0.0106739851),
        (
            _cylinder("0 0 -0.259", "0 0 -0.2", 0.055),
            _cylinder("0 0 -0.262", "0 0 -0.257", 0.0556, "joint"),
            _capsule("0 0 -0.205", "0 0.012 -0.19", 0.0545),
            _capsule("0 0.02 -0.18", "0 0.07 -0.08", 0.04),
            _capsule("0 0.07 -0.08", "0 0.075 0", 0.036, collides=True),
            _capsule("0 0.06 0", "0 0 0", 0.05, collides=True),
            _cylinder("0 0.06 0", "0 0.118 0", 0.05, "joint"),
            '<geom type="ellipsoid" pos="0 0.118 0" size="0.034 0.012 0.034"/>',
        ),
    ),
    Link(
        0.0, 0.0, pi / 2, 0.5445, 4.5169, 1.8170376524,
        (0.0597131221, -0.0410294666, -0.0101692726),
        (0.0054123336, 0.0140583295, 0.0160808179, 0.0061934564, 0.0014219289, -0.0013140754),
        (
            _capsule("0 0 0", "0 0 0.01", 0.046),
            _capsule("0 0 0", "0.088 0 0", 0.043, collides=True),
            _cylinder("0.088 0.072 0", "0.088 -0.051 0", 0.044),
            _cylinder("0.088 0.08 0", "0.088 0.07 0", 0.036, "joint"),
        ),
    ),
    Link(
        0.088, 0.0, pi / 2, -3.0159, 3.0159, 0.6271432862,
        (0.0045225817, 0.0086261921, -0.0161633251),
        (0.0002109239, 0.0001771857, 0.0000599319, -0.0000243330, 0.0000456448, 0.0000874407),
        (
            _cylinder("0 0 0.05", "0 0 0.09", 0.043),
            _cylinder("0 0 0.0495", "0 0 0.0525", 0.0436, "joint"),
            _capsule("0.02 0.02 0.072", "0.055 0.055 0.072", 0.019),
            _cylinder("0.0555 0.0555 0.072", "0.069 0.069 0.072", 0.016, "joint"),
            _cylinder("0 0 0.09", "0 0 0.107", 0.0315, "metal"),
        ),
    ),
)  # fmt: skip
FLANGE, HAND_TURN, TCP = 0.107, -pi / 4, 0.1034

# The wrist camera, a RealSense D435 before the hand, tilted so that it sees the fingertips: pose of its lens in the
# hand's frame. MuJoCo's cameras look along −z, with y up.
_WRIST_TILT = 0.25
_WRIST_CAMERA = f"""
<body name="wrist_camera" pos="0.07 0 0.02" xyaxes="0 -1 0 {-cos(_WRIST_TILT):.6f} 0 {-sin(_WRIST_TILT):.6f}"
  gravcomp="1">
  <camera name="wrist" fovy="{{fovy}}"/>
  <geom type="box" pos="0 0 0.014" size="0.045 0.0125 0.0115" material="metal" mass="0.072"/>
  <geom type="box" pos="0 0 0.0021" size="0.043 0.0105 0.0005" material="joint"/>
  <geom type="box" pos="0 0.024 0.016" size="0.014 0.022 0.004" material="metal"/>
</body>"""
_FINGER_SHAPES = """
<geom type="box" pos="0 0.013 0.01" size="0.009 0.012 0.01" material="metal"/>
<geom type="box" pos="0 0.015 0.028" size="0.008 0.006 0.012" material="metal"/>
<geom type="box" pos="0 0.0085 0.044" size="0.0095 0.0065 0.0098" material="rubber"/>
<geom class="collides" type="box" pos="0 0.0085 0.0425" size="0.0095 0.0085 0.0115" friction="1.4 0.02 0.001"
  condim="4" solref="0.005 1" solimp="0.98 0.998 0.001" priority="1"/>
<geom class="collides" type="box" pos="0 0.015 0.02" size="0.009 0.01 0.02"/>"""


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.10g}" for value in values)


def _placed(link: Link) -> str:
    """The link's frame at joint angle 0: Rx(alpha), then a along x and d along the new z."""
    position = (link.a, -link.d * sin(link.alpha), link.d * cos(link.alpha))
    turn = (cos(link.alpha / 2), sin(link.alpha / 2), 0.0, 0.0)
    return f'pos="{_numbers(position)}" quat="{_numbers(turn)}"'


def _finger(number: int, turn: str) -> str:
    return f"""
<body name="finger{number}" pos="0 0 0.0584" quat="{turn}" gravcomp="1">
  <inertial pos="0 0.012 0.022" mass="0.03" diaginertia="5e-6 5e-6 2e-6"/>
  <joint name="{FINGER_JOINTS[number - 1]}" type="slide" axis="0 1 0" range="0 {MAX_WIDTH / 2}" damping="10"
    armature="0.2"/>{_FINGER_SHAPES}
</body>"""


def _hand(fovy: float) -> str:
    return f"""
<body name="fr3_hand" pos="0 0 {FLANGE}" euler="0 0 {HAND_TURN}" gravcomp="1">
  <inertial pos="-0.01 0 0.03" mass="0.73" diaginertia="0.001 0.0025 0.0017"/>
  <geom type="cylinder" pos="0 0 0.004" size="0.032 0.004" material="metal"/>
  <geom type="box" pos="0 0 0.034" size="0.0315 0.088 0.026"/>
  <geom type="box" pos="0 0 0.057" size="0.0285 0.098 0.008"/>
  <geom type="box" pos="0 0 0.035" size="0.0318 0.06 0.009" material="metal"/>
  <geom type="cylinder" pos="0 0.088 0.034" size="0.0155 0.026"/>
  <geom type="cylinder" pos="0 -0.088 0.034" size="0.0155 0.026"/>
  <geom class="collides" type="box" pos="0 0 0.036" size="0.032 0.102 0.029"/>
  <site name="{TOOL_FRAME}" pos="0 0 {TCP}" size="0.004" group="5"/>{_WRIST_CAMERA.format(fovy=fovy)}
  {_finger(1, "1 0 0 0")}{_finger(2, "0 0 0 1")}
</body>"""


def arm_xml(wrist_fovy: float) -> str:
    """The body tree `fr3_link0`; its model also needs DEFAULTS, ASSETS, ACTUATORS and COUPLINGS."""
    tree = _hand(wrist_fovy)
    for number, link in reversed(list(enumerate(LINKS, 1))):
        tree = f"""
<body name="fr3_link{number}" {_placed(link)} gravcomp="1">
  <inertial pos="{_numbers(link.centre)}" mass="{link.mass}" fullinertia="{_numbers(link.inertia)}"/>
  <joint name="{JOINTS[number - 1]}" axis="0 0 1" range="{link.lower} {link.upper}" damping="0.5" armature="0.1"/>
  {"".join(link.shapes)}{tree}
</body>"""
    return f'<body name="{BASE_FRAME}" childclass="fr3">{_BASE_INERTIA}{"".join(_BASE_SHAPES)}{tree}</body>'


DEFAULTS = """
<default class="fr3">
  <geom group="2" contype="0" conaffinity="0" material="cover" mass="0"/>
  <default class="collides"><geom group="3" contype="1" conaffinity="0" mass="0"/></default>
</default>"""
ASSETS = """
<material name="cover" rgba="0.93 0.93 0.92 1" specular="0.15" shininess="0.3"/>
<material name="joint" rgba="0.17 0.18 0.2 1" specular="0.1" shininess="0.2"/>
<material name="metal" rgba="0.62 0.64 0.66 1" specular="0.2" shininess="0.4"/>
<material name="rubber" rgba="0.12 0.12 0.13 1" specular="0" shininess="0"/>"""
# One motor opens and closes the hand; the fingers are coupled, as by the hand's own belt.
ACTUATORS = "".join(
    f'<motor joint="{joint}" ctrlrange="{-limit} {limit}"/>' for joint, limit in zip(JOINTS, TORQUE_LIMITS, strict=True)
) + (
    f'<position name="hand" tendon="hand" kp="4000" kv="120" ctrlrange="0 {MAX_WIDTH / 2}" '
    f'forcerange="{-GRASP_FORCE} {GRASP_FORCE}"/>'
)
COUPLINGS = f"""
<tendon><fixed name="hand"><joint joint="{FINGER_JOINTS[0]}" coef="0.5"/><joint joint="{FINGER_JOINTS[1]}" coef="0.5"/>
</fixed></tendon>
<equality><joint joint1="{FINGER_JOINTS[0]}" joint2="{FINGER_JOINTS[1]}" solref="0.005 1"/></equality>"""
