"""A faucet, shut, whose lever is to be turned."""

from __future__ import annotations

import numpy as np

from sdm_sim.dexhand.article import HOLD, JOINT, Article

# What the lever turns by at most (rad), and the share of it that is to be gone.
_TURN, _SHARE = 2.0, 0.8
_METAL, _RED = 'rgba="0.72 0.74 0.77 1"', 'rgba="0.75 0.2 0.18 1"'


def draw_faucet(rng: np.random.Generator) -> Article:
    """Of another size, elsewhere and turned in each episode."""
    radius, height, length = rng.uniform((0.024, 0.06, 0.1), (0.034, 0.085, 0.13))
    x, y, yaw = rng.uniform((-0.07, 0.0, -0.4), (0.05, 0.08, 0.4))
    spout = 1.7 * height
    body = f"""
    <body name="faucet" pos="{x} {y} 0" euler="0 0 {yaw}">
      <geom class="thing" type="cylinder" pos="0 0 0.006" size="{1.6 * radius} 0.006" {_METAL}/>
      <geom class="thing" type="cylinder" pos="0 0 {height}" size="{radius} {height}" {_METAL}/>
      <geom class="thing" type="capsule" fromto="0 0 {1.5 * height} 0 0.15 {spout}" size="{0.5 * radius}" {_METAL}/>
      <geom class="thing" type="capsule" fromto="0 0.15 {spout} 0 0.155 {1.3 * height}" size="{0.5 * radius}" {_METAL}/>
      <body name="lever" pos="0 0 {2 * height + 0.014}">
        <joint name="{JOINT}" axis="0 0 1" range="0 {_TURN}" damping="0.05" frictionloss="0.15"/>
        <geom class="thing" type="cylinder" size="{radius} 0.012" mass="0.1" {_RED}/>
        <geom class="thing" type="capsule" fromto="0 0 0.004 0 {-length} 0.02" size="0.011" mass="0.1" {_RED}/>
        <site name="{HOLD}" pos="-0.02 {-0.8 * length} 0.015" group="3"/>
      </body>
    </body>"""
    return Article(body, _SHARE * _TURN)
