"""What a renderer is made with: MuJoCo reads it from the model, once, when the GL context is made."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mujoco


@contextmanager
def render_quality(model: mujoco.MjModel, shadows: int, samples: int) -> Iterator[None]:
    """For renderers that are made within: the side of the shadows' map in pixels (0: none), and samples of a pixel (0:
    one). The model's own come back."""
    quality = model.vis.quality
    own = quality.shadowsize, quality.offsamples
    quality.shadowsize, quality.offsamples = shadows, samples
    try:
        yield
    finally:
        quality.shadowsize, quality.offsamples = own
