"""The page's colours: Okabe and Ito's, which the colour-blind tell apart. What a policy sees is cool, its plan warm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]

ORANGE: Rgb = (230, 159, 0)
SKY_BLUE: Rgb = (86, 180, 233)
BLUISH_GREEN: Rgb = (0, 158, 115)
YELLOW: Rgb = (240, 228, 66)
BLUE: Rgb = (0, 114, 178)
VERMILLION: Rgb = (213, 94, 0)
REDDISH_PURPLE: Rgb = (204, 121, 167)
ALARM: Rgb = (200, 24, 42)
"""Everybody's red, of another brightness than all of the above; a word stands beside it."""
GREY: Rgb = (134, 142, 150)
WHITE: Rgb = (241, 243, 245)
BLACK: Rgb = (16, 17, 19)

CLOUD_LOW, CLOUD_HIGH = BLUE, (150, 226, 255)
TRAIL = SKY_BLUE
CROP = BLUISH_GREEN
WORKSPACE = GREY
WARNING = VERMILLION
PLANS: tuple[tuple[Rgb, Rgb], ...] = (
    (VERMILLION, YELLOW),
    (REDDISH_PURPLE, WHITE),
    (BLUISH_GREEN, (178, 242, 220)),
    (YELLOW, WHITE),
)
"""For each plan of a snapshot the colours of its first and its last target."""


def ramp(first: Rgb, last: Rgb, share: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours uint8[N,3] from `first` to `last` for `share` float[N] from 0 to 1."""
    start, end = np.array(first, np.float64), np.array(last, np.float64)
    return (start + np.clip(share, 0.0, 1.0)[:, None] * (end - start)).astype(np.uint8)


def css(colour: Rgb) -> str:
    """As a style sheet writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
