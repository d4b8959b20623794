"""Training windows over demonstrations, held in memory and gathered by index on the training device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sdm_core.contract import Contract, NormaliserStatistics
from sdm_core.datasets.dataset import FAILURE, EpisodeStore, image_arrays
from sdm_core.errors import DatasetError
from sdm_core.runtime.normaliser import LEAST_STATE_REACH, fit_bounds
from sdm_sim.disturbance import Disturbed, disturbed_in
from torch import Tensor

from sdm_training.data.action_centre import action_centre
from sdm_training.data.image_windows import ImageWindows
from sdm_training.data.noisy_takes import NoisyTakes
from sdm_training.data.padding import fill_padding
from sdm_training.draws import Draws
from sdm_training.observation import Batch, Observation

PointChoice = Literal["first", "random"]
"""Of each cloud's farthest-point order."""


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

    A window at observation t holds the states t-T+1 … t, the clouds (or images) t-C+1 … t and the actions
    t-P … t-P+H-1, P of them past. What lies before an episode's start or after its end is repeated from its edge, as in
    DP3: at the end up to n_action_steps - 1 actions are.
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


def contract_rows(lengths: list[int], contract: Contract, cloud_steps: int) -> WindowRows:
    """The windows that a contract asks for."""
    return window_rows(
        lengths,
        contract.n_obs_steps,
        cloud_steps,
        contract.horizon,
        contract.n_action_steps,
        contract.past_actions,
    )


class Windows:
    """All windows of some episodes under a contract. Indexing happens on `device`, so a batch costs one gather."""

    def __init__(self, demonstrations: Demonstrations, contract: Contract, device: torch.device) -> None:
        def rows_of(steps: int) -> WindowRows:
            return contract_rows(demonstrations.lengths, contract, steps)

        cloud = contract.observation.cloud
        self.network_points = cloud.network_points if cloud else 0
        rows = rows_of(cloud.steps if cloud else 1)
        self._states, self._actions = (
            torch.from_numpy(array).to(device) for array in (demonstrations.state, demonstrations.action)
        )
        self._clouds: Tensor | None = None
        # Take after take of all rows, the faultless one first.
        self._takes, self._take_rows = 1 + len(demonstrations.noisy_clouds), len(demonstrations.state)
        if cloud:
            assert demonstrations.point_cloud is not None
            takes = np.concatenate((demonstrations.point_cloud, *demonstrations.noisy_clouds))
            self._clouds = fill_padding(torch.from_numpy(takes).to(device))[..., : cloud.channels]
        self._state_rows, self._cloud_rows, self._action_rows = (
            torch.from_numpy(array).to(device) for array in (rows.state, rows.cloud, rows.action)
        )
        self._images = {
            image.camera: ImageWindows(demonstrations.images[image.camera], rows_of(image.steps).cloud, image, device)
            for image in contract.observation.images
        }
        self.device = device

    def __len__(self) -> int:
        return len(self._state_rows)

    @property
    def vary(self) -> bool:
        """Whether a window looks different from draw to draw."""
        cropped = any(image.crops for image in self._images.values())
        chosen = self._clouds is not None and self.network_points < self._clouds.shape[1]
        return chosen or cropped or self._takes > 1

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Indices of `count` windows, drawn with replacement."""
        return draws.integers(0, len(self) - 1, count)

    def batch(self, indices: Tensor, draws: Draws | None = None, points: PointChoice = "random") -> Batch:
        """The windows [B] with network_points of each cloud, the seen part of each image, and one of the noisy takes.

        With `draws` points, pixels and take are random, or the points the first of the farthest-point order where
        `points` says so; without, they are the first, the middle ones, and the faultless take.
        """
        indices = indices.to(self.device)
        cloud_rows = self._cloud_rows[indices]
        if draws is not None and self._takes > 1:
            cloud_rows = cloud_rows + self._take_rows * draws.integers(0, self._takes - 1, len(indices), 1)
        clouds = None if self._clouds is None else self._points(self._clouds, cloud_rows, draws, points)
        images = {camera: stored.batch(indices, draws) for camera, stored in self._images.items()}
        observation = Observation(self._states[self._state_rows[indices]], clouds, images or None)
        return Batch(observation, self._actions[self._action_rows[indices]])

    def _points(self, stored: Tensor, rows: Tensor, draws: Draws | None, points: PointChoice) -> Tensor:
        count = stored.shape[1]
        if draws is None or points == "first" or self.network_points == count:
            return stored[rows][:, :, : self.network_points]
        order = draws.uniform(*rows.shape, count).argsort(-1)[..., : self.network_points]
        return stored[rows[..., None], order]


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes, one after the other: state [R, S], action [R, A], point_cloud [R, N, channels], all float32, and
    images of each camera [R, H, W, 3], rgb in uint8. Clouds and images are those that the contract observes;
    noisy_clouds are further takes of point_cloud; disturbed: in which of them the robot was led astray (see
    sdm-demos)."""

    contract: Contract
    lengths: list[int]
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    point_cloud: NDArray[np.float32] | None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    noisy_clouds: tuple[NDArray[np.float32], ...] = ()
    disturbed: Disturbed = False

    @classmethod
    def load(cls, path: str, leave_out_failures: bool = False, noise: NoisyTakes | None = None) -> Demonstrations:
        """Every episode of a store, or all but those that the operator labelled failures; actions are limited to the
        contract's bounds. With `noise` its takes are added. Raises DatasetError without any episode."""
        store = EpisodeStore.view(path)
        if not len(store):
            raise DatasetError(f"{path}: holds no episode; record some with sdm-demos first")
        low = np.array([entry.low for entry in store.contract.action.entries])
        high = np.array([entry.high for entry in store.contract.action.entries])
        lengths = np.diff(store.episode_ends, prepend=0).tolist()
        names = ("state", "action", *(("point_cloud",) if store.contract.observation.cloud else ()))
        arrays = {name: store.read(name).astype(np.float32) for name in names}
        for name, values in arrays.items():
            if not np.isfinite(values).all():
                raise DatasetError(f"{path}: data/{name} holds NaN or infinite values; record the dataset again")
        action = arrays["action"].clip(low, high).astype(np.float32)
        images = {image.camera: store.read(name) for name, image in image_arrays(store.contract).items()}
        takes = noise.of(store) if noise else ()
        disturbed = disturbed_in(store.provenance)
        cloud = arrays.get("point_cloud")
        every = cls(store.contract, lengths, arrays["state"], action, cloud, images, takes, disturbed)
        kept = (store.outcomes != FAILURE) | (not leave_out_failures)
        if not kept.any():
            raise DatasetError(f"{path}: all {len(lengths)} episodes are labelled failures; record some that succeed")
        return every if kept.all() else every._of(np.array(lengths)[kept].tolist(), np.repeat(kept, lengths))

    def observed(self, contract: Contract) -> Demonstrations:
        """What of them `contract` observes, which narrows their own."""
        cloud, cameras = contract.observation.cloud, [image.camera for image in contract.observation.images]
        return replace(
            self,
            contract=contract,
            point_cloud=self.point_cloud if cloud else None,
            images={camera: self.images[camera] for camera in cameras},
            noisy_clouds=self.noisy_clouds if cloud else (),
        )

    def _of(self, lengths: list[int], rows: slice | NDArray[np.bool_]) -> Demonstrations:
        """Some of the episodes, which have these lengths and rows."""
        return replace(
            self,
            lengths=lengths,
            state=self.state[rows],
            action=self.action[rows],
            point_cloud=None if self.point_cloud is None else self.point_cloud[rows],
            images={camera: images[rows] for camera, images in self.images.items()},
            noisy_clouds=tuple(clouds[rows] for clouds in self.noisy_clouds),
        )

    def split(self, held_out: int) -> tuple[Demonstrations, Demonstrations | None]:
        """Training episodes, and the last `held_out` ones (None for 0)."""
        if not 0 <= held_out < len(self.lengths):
            raise DatasetError(f"{held_out} episodes to hold out of {len(self.lengths)}: keep one or more to train on")
        if not held_out:
            return self, None
        kept = len(self.lengths) - held_out
        rows = sum(self.lengths[:kept])
        return self._of(self.lengths[:kept], slice(rows)), self._of(self.lengths[kept:], slice(rows, None))

    def normaliser(self, contract: Contract) -> NormaliserStatistics:
        """Min–max statistics of the states and of the actions, these as `contract` centres them in its windows."""
        actions = self.action
        if contract.action.centre:
            rows = contract_rows(self.lengths, contract, 1)
            centre = self.state[rows.state[:, -1:]] @ action_centre(contract).numpy()
            actions = (self.action[rows.action] - centre).reshape(-1, contract.action_dim)
        return NormaliserStatistics(state=fit_bounds(self.state, LEAST_STATE_REACH), action=fit_bounds(actions))

    def digest(self) -> str:
        """SHA-256 of the episodes' values, so that a result can be tied to its data."""
        digest = hashlib.sha256(repr(self.lengths).encode())
        for array in (self.state, self.action, self.point_cloud, *self.images.values()):
            if array is not None:
                digest.update(array.tobytes())
        return digest.hexdigest()
