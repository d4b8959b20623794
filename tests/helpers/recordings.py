"""Small datasets of a tool that moves, for what shows recordings, and the recordings of an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sdm_cockpit.replay.open_recordings import addressed
from sdm_cockpit.replay.recording import Recording
from sdm_core.contract import ActionEntry, Contract
from sdm_core.datasets.dataset import Episode, EpisodeStore, image_arrays

from helpers.contracts import image_contract, small_contract

STEPS = 12


def moving_contract(images: bool = False, coloured: bool = False) -> Contract:
    """The small contract with steps of 10 mm as actions; with colour images of a camera, too, or coloured points, where
    asked for."""
    cloud = {"channels": 6 if coloured else 3}
    plain = image_contract(with_cloud=True, cloud=cloud) if images else small_contract(cloud=cloud)
    names = ("hand.dx", "hand.dy", "hand.dz")
    entries = tuple(ActionEntry(name=name, unit="10 mm per step", low=-1, high=1) for name in names)
    action = plain.action.model_copy(update={"entries": entries, "hold": (0.0, 0.0, 0.0)})
    return plain.model_copy(update={"action": action})


def moving_episode(seed: int, contract: Contract, steps: int = STEPS) -> Episode:
    """The hand goes 10 mm along x at each step, from a place of the seed; of each cloud eight points are no padding."""
    random = np.random.default_rng(seed)
    state = np.tile(random.uniform(-0.3, 0.3, contract.state_dim), (steps, 1))
    state[:, 0] += 0.01 * np.arange(steps)
    cloud = random.uniform((-0.5, -0.5, 0.1), (0.5, 0.5, 0.6), (steps, 32, 3))
    if contract.observation.cloud and contract.observation.cloud.coloured:
        cloud = np.concatenate([cloud, random.uniform(0.0, 1.0, cloud.shape)], axis=-1)
    cloud[:, 8:] = 0
    images = {
        name: random.integers(0, 255, (steps, *reversed(image.size), 3)).astype(np.uint8)
        for name, image in image_arrays(contract).items()
    }
    action = np.tile(np.array([1, 0, 0], np.float32), (steps, 1))
    return Episode(state.astype(np.float32), action, cloud.astype(np.float32), images)


def moving_dataset(path: Path, contract: Contract | None = None, episodes: int = 2) -> EpisodeStore:
    """A dataset of such episodes; the first one is a success, the others nobody judged."""
    contract = contract or moving_contract()
    store = EpisodeStore.create(path, contract)
    for seed in range(episodes):
        store.append(moving_episode(seed, contract), {"seed": seed}, success=True if seed == 0 else None)
    return store


def recordings_at(address: str) -> Iterator[Recording]:
    """The episodes of an address, one after another. Raises as open_recordings."""
    recordings, numbers = addressed(address)
    return (recordings[number] for number in numbers)
