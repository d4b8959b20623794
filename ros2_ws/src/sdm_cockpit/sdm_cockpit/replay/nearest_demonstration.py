"""Which step of any demonstration a robot's present resembles most: by its state, and by what it sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.runtime.normaliser import LEAST_STATE_REACH

# A grid of 4³ anchors over the crop box, and so many candidates whose true distance is looked at.
_ANCHORS_A_SIDE, _SHORTLIST = 4, 24


@dataclass(frozen=True)
class Neighbour:
    """A step of a demonstration, both counted from 0, and how far from it the present is."""

    episode: int
    step: int
    distance: float


class NearestDemonstration:
    """Of all steps of a dataset.

    States are compared with each entry divided by its range over the demonstrations: 1 is as far as these reach. Clouds
    are compared by their chamfer distance in m: the mean distance of each point to the other cloud's nearest one, over
    both directions. It is taken of the clouds whose distances to a grid of anchors are most alike; that shortlist may
    miss the nearest of all, but no distance that is told is an estimate. `leave_out`: an episode that does not count,
    such as the one that is compared.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self._ends = store.episode_ends
        rows = slice(0, int(self._ends[-1]))
        states = store.read("state", rows).astype(np.float64)
        self._width = np.maximum(np.ptp(states, axis=0), 2 * LEAST_STATE_REACH)
        self._states = states / self._width
        cloud = store.contract.observation.cloud
        self._clouds = store.read("point_cloud", rows)[..., :3] if cloud else None
        if cloud and self._clouds is not None:
            sides = [
                np.linspace(low, high, _ANCHORS_A_SIDE)
                for low, high in zip(cloud.crop_low, cloud.crop_high, strict=True)
            ]
            self._anchors = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 3)
            self._described = np.array([self._describe(_points(cloud)) for cloud in self._clouds])

    def by_state(self, state: NDArray, leave_out: int | None = None) -> Neighbour:
        """The step whose state [S] is nearest."""
        distances = np.linalg.norm(self._states - state / self._width, axis=1)
        distances[self._rows(leave_out)] = np.inf
        row = int(np.argmin(distances))
        return self._neighbour(row, float(distances[row]))

    def by_cloud(self, cloud: NDArray[np.float32], leave_out: int | None = None) -> Neighbour | None:
        """The step whose cloud [N,≥3] is nearest; None where there are no clouds."""
        points = _points(cloud)
        if self._clouds is None or not len(points):
            return None
        unlike = np.linalg.norm(self._described - self._describe(points), axis=1)
        unlike[self._rows(leave_out)] = np.inf
        shortlist = [row for row in np.argsort(unlike)[:_SHORTLIST] if np.isfinite(unlike[row])]
        distances = [chamfer_distance(points, _points(self._clouds[row])) for row in shortlist]
        nearest = int(np.argmin(distances))
        return self._neighbour(int(shortlist[nearest]), distances[nearest])

    def cloud(self, neighbour: Neighbour) -> NDArray[np.float32] | None:
        """The points [M,3] that were seen at a step; None where there are no clouds."""
        if self._clouds is None:
            return None
        return _points(self._clouds[self._rows(neighbour.episode).start + neighbour.step])

    def _rows(self, episode: int | None) -> slice:
        """Where an episode's steps lie; nowhere for None."""
        if episode is None:
            return slice(0)
        return slice(int(self._ends[episode - 1]) if episode else 0, int(self._ends[episode]))

    def _describe(self, points: NDArray) -> NDArray[np.float64]:
        """How far each anchor lies from the cloud: moving every point by d moves no entry by more than d."""
        return np.asarray(KDTree(points).query(self._anchors)[0])

    def _neighbour(self, row: int, distance: float) -> Neighbour:
        episode = int(np.searchsorted(self._ends, row, side="right"))
        return Neighbour(episode, row - self._rows(episode).start, distance)


def chamfer_distance(one: NDArray, other: NDArray) -> float:
    """The mean distance (m) of each point [.,3] to the nearest one of the other cloud, over both directions."""
    there, back = KDTree(other).query(one)[0], KDTree(one).query(other)[0]
    return float(there.mean() + back.mean()) / 2


def _points(cloud: NDArray) -> NDArray:
    """Without the zeros that fill a cloud up."""
    points = cloud[:, :3]
    return points[points.any(axis=1)]
