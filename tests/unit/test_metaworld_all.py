"""All 50 MetaWorld tasks: usable observations, experts that solve them, episodes that repeat. Minutes long."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.agents import episode, random
from sdm_sim.demonstrations import demonstrate
from sdm_sim.registry import make_task, task_names

pytestmark = pytest.mark.slow

NAMES = [name for name in task_names() if name.startswith("metaworld/")]
# The weakest experts solve seven of ten seeds; five failures in a row would be a fault.
ATTEMPTS = 5


@pytest.mark.parametrize("name", NAMES)
def test_a_demonstration_can_be_recorded(name: str) -> None:
    task = make_task(name)
    episodes = (demonstrate(task, seed) for seed in range(ATTEMPTS))
    episode = next((episode for episode in episodes if episode is not None), None)
    task.close()
    assert episode is not None
    assert all(np.isfinite(array).all() for array in episode.arrays().values())
    assert (np.abs(episode.action) <= 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_random_agent_meets_the_contract_and_repeats_itself(name: str) -> None:
    task = make_task(name)
    first, second = (episode(task, 7, random, look_every=20) for _ in range(2))
    task.close()
    assert all(np.isfinite(values).all() for values in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
