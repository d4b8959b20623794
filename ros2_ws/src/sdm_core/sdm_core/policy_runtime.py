"""Runs an exported policy: one observation in, one chunk of commands out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.backends import load_backend
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError, ObservationError
from sdm_core.observation_window import PolicyInput


class PolicyRuntime:
    """A checkpoint on a backend. Not thread-safe: one owner calls it.

    The noise of the n-th observation of an episode comes from a generator seeded with (episode seed, n), so that an
    episode can be repeated wherever it runs.
    """

    def __init__(self, checkpoint: str | Path | Checkpoint, backend: str = "openvino", threads: int = 1) -> None:
        self.checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint.open(checkpoint)
        self.contract = self.checkpoint.contract
        cloud = self.contract.observation.cloud
        if cloud is None:
            raise CheckpointError(f"{self.checkpoint.path}: its contract has no cloud; this runtime feeds clouds")
        self._cloud_shape = (cloud.steps, cloud.points, cloud.channels)
        self._state_shape = (self.contract.n_obs_steps, self.contract.state_dim)
        self._noise_shape = (1, self.contract.horizon, self.contract.action_dim)
        self._backend = load_backend(backend, self.checkpoint, threads)
        self._seed = 0
        self._sequence = 0
        self._warm_up()

    def start_episode(self, seed: int) -> None:
        """Restarts the noise."""
        self._seed, self._sequence = int(seed), 0

    def infer(self, observation: PolicyInput) -> ActionChunk:
        """The chunk that answers an observation. Raises ObservationError where the network's output is not finite."""
        if observation.cloud.shape != self._cloud_shape or observation.state.shape != self._state_shape:
            raise ObservationError(
                f"cloud {observation.cloud.shape} and state {observation.state.shape} given, "
                f"{self._cloud_shape} and {self._state_shape} expected by the contract"
            )
        noise = np.random.default_rng([self._seed, self._sequence]).standard_normal(self._noise_shape, np.float32)
        sequence = self._sequence
        self._sequence += 1
        actions = self._run(observation.cloud[None], observation.state[None].astype(np.float32), noise)
        targets = actions[self.contract.past_actions :]
        return ActionChunk(observation.stamp_ns, self.contract.dt_ns, targets, sequence)

    def _run(self, cloud: NDArray, state: NDArray, noise: NDArray) -> NDArray[np.float64]:
        action = self._backend.run({"point_cloud": cloud, "state": state, "noise": noise})
        if action.shape != self._noise_shape:
            raise CheckpointError(f"{self.checkpoint.network}: gives {action.shape}, {self._noise_shape} expected")
        if not np.isfinite(action).all():
            raise ObservationError("the network gave NaN or infinite actions; nothing is commanded")
        return action[0].astype(np.float64)

    def _warm_up(self) -> None:
        """The first pass allocates; it also shows a network of other shapes at once."""
        try:
            self._run(
                np.zeros((1, *self._cloud_shape), np.float32),
                np.zeros((1, *self._state_shape), np.float32),
                np.zeros(self._noise_shape, np.float32),
            )
        except (RuntimeError, ValueError, ObservationError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise CheckpointError(f"{self.checkpoint.network}: fails on its contract's shapes ({reason})") from None
