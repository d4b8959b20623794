"""A bucket, which is to be lifted by its bail."""

from __future__ import annotations

import numpy as np

from sdm_sim.dexhand.article import BOTTOM, HOLD, JOINT, Article

# How high it is to be lifted (m).
_LIFT = 0.1
# The staves of its wall, and the pieces of wire on either side of its grip.
_STAVES, _PIECES = 16, 4
# Half the grip's length, and how far the bail swings to either side of upright (rad).
_GRIP, _SWING = 0.05, 1.3
_FREE = 'limited="false" damping="0" frictionloss="0"'


def draw_bucket(rng: np.random.Generator) -> Article:
    """Of another size and colour, elsewhere, its bail leaning more or less in each episode."""
    radius, height = rng.uniform((0.075, 0.055), (0.095, 0.07))
    x, y, yaw, lean = rng.uniform((-0.05, 0.0, -0.3, -0.35), (0.05, 0.06, 0.3, 0.35))
    red, green, blue = rng.uniform(0.2, 0.8, 3)
    colour = f'rgba="{red} {green} {blue} 1"'
    wires, top = _wires(radius)
    body = f"""
    <body name="bucket" pos="{x} {y} {height}" euler="0 0 {yaw}">
      <joint name="{JOINT}" type="slide" axis="0 0 1" {_FREE}/>
      <joint name="aside.x" type="slide" axis="1 0 0" {_FREE}/>
      <joint name="aside.y" type="slide" axis="0 1 0" {_FREE}/>
      <joint name="tilt" type="ball" {_FREE}/>
      <geom class="loose" group="3" type="cylinder" size="{radius} {height}" mass="0.5"/>
      <geom class="seen" type="cylinder" pos="0 0 {0.004 - height}" size="{radius} 0.004" {colour}/>
      {_staves(radius, height, colour)}
      <site name="{BOTTOM}" pos="0 0 {-height}" group="3"/>
      <body name="bail" pos="0 0 {height}" euler="{lean} 0 0">
        <joint name="bail" axis="1 0 0" range="{-_SWING - lean} {_SWING - lean}" damping="0.002" frictionloss="0.05"/>
        {wires}
        <geom class="loose" type="capsule" fromto="{-_GRIP} 0 {top} {_GRIP} 0 {top}" size="0.011" mass="0.03"
          rgba="0.55 0.4 0.25 1"/>
        <site name="{HOLD}" pos="0 0 {top}" group="3"/>
      </body>
    </body>"""
    return Article(body, _LIFT)


def _staves(radius: float, height: float, colour: str) -> str:
    """What is seen of the wall; fingers and table meet one solid cylinder, which is cheaper than sixteen boxes."""
    angles = np.arange(_STAVES) * 2 * np.pi / _STAVES
    return "".join(
        f'<geom class="seen" type="box" pos="{radius * np.cos(angle)} {radius * np.sin(angle)} 0" '
        f'euler="0 0 {angle}" size="0.003 {radius * np.tan(np.pi / _STAVES)} {height}" {colour}/>'
        for angle in angles
    )


def _wires(radius: float) -> tuple[str, float]:
    """The bail's wires, from the rim on either side up to the grip, and how high above the rim that is."""
    arc = np.linspace(0.0, np.arccos(0.9 * _GRIP / radius), _PIECES + 1)
    across, up = radius * np.cos(arc), 1.1 * radius * np.sin(arc)
    wires = "".join(
        f'<geom class="loose" type="capsule" size="0.005" mass="0.005" rgba="0.5 0.5 0.52 1" '
        f'fromto="{side * across[piece]} 0 {up[piece]} {side * across[piece + 1]} 0 {up[piece + 1]}"/>'
        for side in (-1, 1)
        for piece in range(_PIECES)
    )
    return wires, float(up[-1])
