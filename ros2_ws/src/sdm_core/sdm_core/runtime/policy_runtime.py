"""Runs an exported policy: observations in, a chunk of commands out for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.backends import image_input, load_backend
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError, ObservationError
from sdm_core.runtime.observation_window import PolicyInput


@dataclass(frozen=True, eq=False)
class Question:
    """The observation of an episode that is its `sequence`-th, counted from 0, and the seed of the episode's noise.

    Its own noise comes from a generator seeded with both, so that an episode can be repeated wherever it runs.
    noise_apart: shares no numbers with what others draw of the same seed. False repeats episodes of older result lines:
    the first noise of each equalled the scene's numbers, because numpy seeds alike with `[seed, 0]` and `seed`.
    """

    observation: PolicyInput
    noise_seed: int
    sequence: int
    noise_apart: bool = True

    def noise(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Standard normal noise [H,A]."""
        if self.noise_apart:
            seeds = np.random.SeedSequence(self.noise_seed, spawn_key=(self.sequence,))
        else:
            seeds = np.random.SeedSequence([self.noise_seed, self.sequence])
        return np.random.default_rng(seeds).standard_normal(shape, np.float32)


Answer: TypeAlias = ActionChunk | ObservationError
"""The chunk, or why there is none."""


class PolicyRuntime:
    """A checkpoint on a backend. Not thread-safe: one owner calls it."""

    def __init__(
        self,
        checkpoint: str | Path | Checkpoint,
        backend: str = "openvino",
        threads: int = 1,
        batch: int = 1,
        noise_scale: float = 1.0,
    ) -> None:
        """`batch`: how many observations the network is given at once, where its export allows for more than one.

        `noise_scale`: the standard deviation of its noise, 1 as in training. Less keeps the chunks nearer to the most
        usual one (as GANs are truncated: Brock et al. 2019), 0 makes them depend on the observation alone.
        """
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
        self._chunk_shape = (self.contract.horizon, self.contract.action_dim)
        self._backend = load_backend(backend, self.checkpoint, threads, batch)
        self.batch = self._backend.batch
        self._noise_scale = noise_scale
        self._seed = 0
        self._sequence = 0
        self._warm_up()

    def start_episode(self, seed: int) -> None:
        """Restarts the noise."""
        self._seed, self._sequence = int(seed), 0

    def infer(self, observation: PolicyInput) -> ActionChunk:
        """The chunk that answers an observation. Raises ObservationError where the network's output is not finite."""
        (answer,) = self.infer_batch([Question(observation, self._seed, self._sequence)])
        self._sequence += 1
        if isinstance(answer, ObservationError):
            raise answer
        return answer

    def infer_batch(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers to observations of any episodes, `batch` of them a pass of the network.

        An answer depends on its own question and on `batch`, on nothing else: a pass that lacks questions is filled up
        with its last one. From one batch to another, answers may differ by rounding. Raises ObservationError where an
        observation is not of the contract's shapes.
        """
        for question in questions:
            self._require_shapes(question.observation)
        answers: list[Answer] = []
        for first in range(0, len(questions), self.batch):
            asked = list(questions[first : first + self.batch])
            actions = self._run([*asked, *asked[-1:] * (self.batch - len(asked))])
            answers += [self._answer(question, action) for question, action in zip(asked, actions, strict=False)]
        return answers

    def _require_shapes(self, observation: PolicyInput) -> None:
        cloud_shape = None if observation.cloud is None else observation.cloud.shape
        image_shapes = {camera: image.shape for camera, image in observation.images.items()}
        given, expected = (
            (cloud_shape, image_shapes, observation.state.shape),
            (self._cloud_shape, self._image_shapes, self._state_shape),
        )
        if given != expected:
            raise ObservationError(f"{_shapes(*given)} given, {_shapes(*expected)} expected by the contract")

    def _run(self, questions: list[Question]) -> NDArray[np.float32]:
        """One pass: the actions [B,H,A] for `batch` questions."""
        inputs = [self._inputs(question) for question in questions]
        batched = {name: np.stack([given[name] for given in inputs]) for name in inputs[0]}
        actions, expected = self._backend.run(batched), (self.batch, *self._chunk_shape)
        if actions.shape != expected:
            raise CheckpointError(f"{self.checkpoint.network}: gives {actions.shape}, {expected} expected")
        return actions

    def _inputs(self, question: Question) -> dict[str, NDArray]:
        observation = question.observation
        inputs: dict[str, NDArray] = {
            "state": observation.state.astype(np.float32),
            "noise": self._noise_scale * question.noise(self._chunk_shape),
        }
        if observation.cloud is not None:
            inputs["point_cloud"] = observation.cloud
        for camera, images in observation.images.items():
            inputs[image_input(camera)] = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return inputs

    def _answer(self, question: Question, action: NDArray[np.float32]) -> Answer:
        if not np.isfinite(action).all():
            return ObservationError(
                "the network gave NaN or infinite actions; nothing is commanded: see that its cameras and states show "
                "what they did in its demonstrations, or take another checkpoint"
            )
        targets = action[self.contract.past_actions :].astype(np.float64)
        return ActionChunk(question.observation.stamp_ns, self.contract.dt_ns, targets, question.sequence)

    def _warm_up(self) -> None:
        """The first pass allocates; it also shows a network of other shapes at once."""
        nothing = PolicyInput(
            0,
            np.zeros(self._state_shape),
            np.zeros(self._cloud_shape, np.float32) if self._cloud_shape else None,
            {camera: np.zeros(shape, np.uint8) for camera, shape in self._image_shapes.items()},
        )
        question = Question(nothing, 0, 0)
        try:
            answer = self._answer(question, self._run([question] * self.batch)[0])
            if isinstance(answer, ObservationError):
                raise answer
        except (RuntimeError, ValueError, ObservationError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise CheckpointError(f"{self.checkpoint.network}: fails on its contract's shapes ({reason})") from None


def _shapes(cloud: tuple[int, ...] | None, images: dict[str, tuple[int, ...]], state: tuple[int, ...]) -> str:
    seen = {**({} if cloud is None else {"cloud": cloud}), **{f"image {name}": shape for name, shape in images.items()}}
    return ", ".join(f"{what} {shape}" for what, shape in {**seen, "state": state}.items())
