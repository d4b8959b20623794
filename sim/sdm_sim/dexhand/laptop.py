"""A laptop, ajar, whose lid is to be opened."""

from __future__ import annotations

import numpy as np

from sdm_sim.dexhand.article import HOLD, JOINT, Article

# What the lid opens to at most (rad), and the share of what is left of it that is to be gone.
_OPEN, _SHARE = 2.1, 0.8


def draw_laptop(rng: np.random.Generator) -> Article:
    """Of another size, elsewhere and more or less ajar in each episode."""
    width, depth = rng.uniform((0.14, 0.1), (0.17, 0.12))  # half edges, as are all of MJCF
    base, lid = rng.uniform((0.008, 0.004), (0.012, 0.006))
    x, y, yaw, ajar = rng.uniform((-0.05, 0.0, -0.3, 0.35), (0.05, 0.06, 0.3, 0.55))
    grey = rng.uniform(0.35, 0.75)
    shell = f'rgba="{grey} {grey} {grey} 1"'
    body = f"""
    <body name="laptop" pos="{x} {y} {base}" euler="0 0 {yaw}">
      <geom class="thing" type="box" size="{width} {depth} {base}" {shell}/>
      <geom class="seen" type="box" pos="0 {0.3 * depth} {base}" size="{0.85 * width} {0.45 * depth} 0.001"
        rgba="0.1 0.1 0.11 1"/>
      <geom class="seen" type="box" pos="0 {-0.55 * depth} {base}" size="{0.3 * width} {0.25 * depth} 0.001"
        rgba="0.3 0.3 0.32 1"/>
      <body name="lid" pos="0 {depth} {base + lid}" euler="{-ajar} 0 0">
        <joint name="{JOINT}" axis="-1 0 0" range="0 {_OPEN - ajar}" damping="0.05" frictionloss="0.4"/>
        <geom class="thing" type="box" pos="0 {-depth} {lid}" size="{width} {depth} {lid}" mass="0.25" {shell}/>
        <geom class="seen" type="box" pos="0 {-depth} 0" size="{0.92 * width} {0.9 * depth} 0.001"
          rgba="0.12 0.2 0.35 1"/>
        <site name="{HOLD}" pos="0 {-1.85 * depth} -0.012" group="3"/>
      </body>
    </body>"""
    return Article(body, _SHARE * (_OPEN - ajar))
