"""The noise that a policy is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def episode_noise(seed: int, sequence: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Of an episode's `sequence`-th observation, counted from 0."""
    seeds = np.random.SeedSequence(seed, spawn_key=(sequence,))
    return np.random.default_rng(seeds).standard_normal(shape, np.float32)
