"""Runs an exported policy: one observation in, one chunk of commands out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.backends import image_input, load_backend
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
        cloud, images = self.contract.observation.cloud, self.contract.observation.images
        if cloud is None and not images:
            raise CheckpointError(
                f"{self.checkpoint.path}: its contract has no cloud and no images; this runtime feeds one of them"
            )
        self._cloud_shape = (cloud.steps, cloud.points, cloud.channels) if cloud else None
        self._image_shapes = {image.camera: (image.steps, *reversed(image.size), 3) for image in images}
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
        cloud_shape = None if observation.cloud is None else observation.cloud.shape
        image_shapes = {camera: image.shape for camera, image in observation.images.items()}
        given, expected = (
            (cloud_shape, image_shapes, observation.state.shape),
            (self._cloud_shape, self._image_shapes, self._state_shape),
        )
        if given != expected:
            raise ObservationError(f"{_shapes(*given)} given, {_shapes(*expected)} expected by the contract")
        noise = np.random.default_rng([self._seed, self._sequence]).standard_normal(self._noise_shape, np.float32)
        sequence = self._sequence
        self._sequence += 1
        targets = self._run(observation, noise)[self.contract.past_actions :]
        return ActionChunk(observation.stamp_ns, self.contract.dt_ns, targets, sequence)

    def _run(self, observation: PolicyInput, noise: NDArray[np.float32]) -> NDArray[np.float64]:
        inputs: dict[str, NDArray] = {"state": observation.state[None].astype(np.float32), "noise": noise}
        if observation.cloud is not None:
            inputs["point_cloud"] = observation.cloud[None]
        for camera, images in observation.images.items():
            inputs[image_input(camera)] = np.ascontiguousarray(images.transpose(0, 3, 1, 2)[None])
        action = self._backend.run(inputs)
        if action.shape != self._noise_shape:
            raise CheckpointError(f"{self.checkpoint.network}: gives {action.shape}, {self._noise_shape} expected")
        if not np.isfinite(action).all():
            raise ObservationError("the network gave NaN or infinite actions; nothing is commanded")
        return action[0].astype(np.float64)

    def _warm_up(self) -> None:
        """The first pass allocates; it also shows a network of other shapes at once."""
        try:
            nothing = PolicyInput(
                0,
                np.zeros(self._state_shape),
                np.zeros(self._cloud_shape, np.float32) if self._cloud_shape else None,
                {camera: np.zeros(shape, np.uint8) for camera, shape in self._image_shapes.items()},
            )
            self._run(nothing, np.zeros(self._noise_shape, np.float32))
        except (RuntimeError, ValueError, ObservationError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise CheckpointError(f"{self.checkpoint.network}: fails on its contract's shapes ({reason})") from None


def _shapes(cloud: tuple[int, ...] | None, images: dict[str, tuple[int, ...]], state: tuple[int, ...]) -> str:
    seen = {**({} if cloud is None else {"cloud": cloud}), **{f"image {name}": shape for name, shape in images.items()}}
    return ", ".join(f"{what} {shape}" for what, shape in {**seen, "state": state}.items())
