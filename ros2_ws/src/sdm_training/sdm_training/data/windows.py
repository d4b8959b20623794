"""Training windows over demonstrations, held in memory and gathered by index on the training device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sdm_core.contract import Contract, NormaliserStatistics
from sdm_core.dataset import EpisodeStore
from sdm_core.errors import DatasetError
from sdm_core.normaliser import fit_bounds
from torch import Tensor

from sdm_training.data.padding import fill_padding
from sdm_training.draws import Draws
from sdm_training.observation import Batch, Observation


@dataclass(frozen=True)
class WindowRows:
    """Rows of the stored arrays for every window: state [W, T], cloud [W, C], action [W, H]."""

    state: NDArray[np.int64]
    cloud: NDArray[np.int64]
    action: NDArray[np.int64]


def window_rows(
    lengths: list[int], n_obs_steps: int, cloud_steps: int, horizon: int, n_action_steps: int, past_actions: int = 0
) -> WindowRows:
    """Windows of episodes of the given lengths that lie one after the other.

    A window at observation t holds the states t-T+1 … t, the clouds t-C+1 … t and the actions t-P … t-P+H-1, P of them
    past. What lies before an episode's start or after its end is repeated from its edge, as in DP3: at the end up to
    n_action_steps - 1 actions are.
    """
    states, clouds, actions = [], [], []
    start = 0
    for length in lengths:
        last = max(length - horizon + past_actions + n_action_steps - 1, 0)
        now = np.arange(min(last, length - 1) + 1)[:, None]

        def rows(now: NDArray, first: int, stop: int, start: int, length: int) -> NDArray[np.int64]:
            return start + np.clip(now + np.arange(first, stop), 0, length - 1)

        states.append(rows(now, 1 - n_obs_steps, 1, start, length))
        clouds.append(rows(now, 1 - cloud_steps, 1, start, length))
        actions.append(rows(now, -past_actions, horizon - past_actions, start, length))
        start += length
    return WindowRows(np.concatenate(states), np.concatenate(clouds), np.concatenate(actions))


class Windows:
    """All windows of some episodes under a contract. Indexing happens on `device`, so a batch costs one gather."""

    def __init__(self, demonstrations: Demonstrations, contract: Contract, device: torch.device) -> None:
        cloud = contract.observation.cloud
        assert cloud is not None
        self.network_points = cloud.network_points
        rows = window_rows(
            demonstrations.lengths,
            contract.n_obs_steps,
            cloud.steps,
            contract.horizon,
            contract.n_action_steps,
            contract.past_actions,
        )
        self._states, self._clouds, self._actions = (
            torch.from_numpy(array).to(device)
            for array in (demonstrations.state, demonstrations.point_cloud, demonstrations.action)
        )
        self._clouds = fill_padding(self._clouds)
        self._state_rows, self._cloud_rows, self._action_rows = (
            torch.from_numpy(array).to(device) for array in (rows.state, rows.cloud, rows.action)
        )
        self.device = device

    def __len__(self) -> int:
        return len(self._state_rows)

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Indices of `count` windows, drawn with replacement."""
        return draws.integers(0, len(self) - 1, count)

    def batch(self, indices: Tensor, draws: Draws | None = None) -> Batch:
        """The windows [B] with network_points of each cloud: random ones of its points, or without `draws` the first of
        the farthest-point order."""
        indices = indices.to(self.device)
        rows = self._cloud_rows[indices]
        stored = self._clouds.shape[1]
        if draws is None or self.network_points == stored:
            clouds = self._clouds[rows][:, :, : self.network_points]
        else:
            order = draws.uniform(*rows.shape, stored).argsort(-1)[..., : self.network_points]
            clouds = self._clouds[rows[..., None], order]
        observation = Observation(self._states[self._state_rows[indices]], clouds)
        return Batch(observation, self._actions[self._action_rows[indices]])


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes, one after the other: state [R, S], action [R, A], point_cloud [R, N, channels], all float32."""

    contract: Contract
    lengths: list[int]
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    point_cloud: NDArray[np.float32]

    @classmethod
    def load(cls, path: str) -> Demonstrations:
        """Every episode of a store; actions are limited to the contract's bounds. Raises DatasetError without any."""
        store = EpisodeStore.open(path)
        if not len(store):
            raise DatasetError(f"{path}: holds no episode; record some with sdm-demos first")
        low = np.array([entry.low for entry in store.contract.action.entries])
        high = np.array([entry.high for entry in store.contract.action.entries])
        lengths = np.diff(store.episode_ends, prepend=0).tolist()
        arrays = {name: store.read(name).astype(np.float32) for name in ("state", "action", "point_cloud")}
        for name, values in arrays.items():
            if not np.isfinite(values).all():
                raise DatasetError(f"{path}: data/{name} holds NaN or infinite values; record the dataset again")
        action = arrays["action"].clip(low, high).astype(np.float32)
        return cls(store.contract, lengths, arrays["state"], action, arrays["point_cloud"])

    def split(self, held_out: int) -> tuple[Demonstrations, Demonstrations | None]:
        """Training episodes, and the last `held_out` ones (None for 0)."""
        if not 0 <= held_out < len(self.lengths):
            raise DatasetError(f"{held_out} episodes to hold out of {len(self.lengths)}: keep one or more to train on")
        if not held_out:
            return self, None
        kept = len(self.lengths) - held_out
        return self._slice(0, kept), self._slice(kept, len(self.lengths))

    def _slice(self, first: int, stop: int) -> Demonstrations:
        rows = slice(sum(self.lengths[:first]), sum(self.lengths[:stop]))
        return Demonstrations(
            self.contract, self.lengths[first:stop], self.state[rows], self.action[rows], self.point_cloud[rows]
        )

    def normaliser(self) -> NormaliserStatistics:
        """Min–max statistics of state and action."""
        return NormaliserStatistics(state=fit_bounds(self.state), action=fit_bounds(self.action))

    def digest(self) -> str:
        """SHA-256 of the episodes' values, so that a result can be tied to its data."""
        digest = hashlib.sha256(repr(self.lengths).encode())
        for array in (self.state, self.action, self.point_cloud):
            digest.update(array.tobytes())
        return digest.hexdigest()
