"""A toilet, small enough for a table, whose lid is to be lifted."""

from __future__ import annotations

import numpy as np

from sdm_sim.dexhand.article import HOLD, JOINT, Article

# What the lid opens to at most (rad), and the share of what is left of it that is to be gone.
_OPEN, _SHARE = 1.65, 0.8
_WHITE = 'rgba="0.92 0.92 0.9 1"'


def draw_toilet(rng: np.random.Generator) -> Article:
    """Of another size, elsewhere and its lid more or less ajar in each episode."""
    radius, height, lid = rng.uniform((0.11, 0.08, 0.006), (0.135, 0.1, 0.009))
    x, y, yaw, ajar = rng.uniform((-0.05, 0.0, -0.25, 0.2), (0.05, 0.06, 0.25, 0.35))
    shade = rng.uniform(0.5, 0.9)
    painted = f'rgba="{shade} {shade} 0.85 1"'
    hinge = 1.02 * radius
    rim, half_rim = 1.6 * height, 0.4 * height
    body = f"""
    <body name="toilet" pos="{x} {y} 0" euler="0 0 {yaw}">
      <geom class="thing" type="cylinder" pos="0 0.02 {0.6 * height}" size="{0.6 * radius} {0.6 * height}" {_WHITE}/>
      <geom class="thing" type="cylinder" pos="0 0 {rim}" size="{0.95 * radius} {half_rim}" {_WHITE}/>
      <geom class="thing" type="box" pos="0 {0.9 * radius} {rim}" size="{0.7 * radius} {0.3 * radius} {half_rim}"
        {_WHITE}/>
      <geom class="thing" type="box" pos="0 {hinge + 2 * lid + 0.065} {1.7 * height}"
        size="{radius} 0.04 {1.7 * height}" {_WHITE}/>
      <body name="lid" pos="0 {hinge} {2 * height + 0.004}" euler="{-ajar} 0 0">
        <joint name="{JOINT}" axis="-1 0 0" range="0 {_OPEN - ajar}" damping="0.05" frictionloss="0.7"/>
        <geom class="thing" type="cylinder" pos="0 {-1.05 * radius} {lid}" size="{1.08 * radius} {lid}" mass="0.35"
          {painted}/>
        <geom class="thing" type="box" pos="0 {-0.25 * radius} {lid}" size="{0.6 * radius} {0.25 * radius} {lid}"
          mass="0.05" {painted}/>
        <site name="{HOLD}" pos="0 {-2 * radius} -0.012" group="3"/>
      </body>
    </body>"""
    return Article(body, _SHARE * (_OPEN - ajar))
