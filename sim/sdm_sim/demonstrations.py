"""Expert demonstrations with the policy's own observations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode
from sdm_core.errors import ObservationError

from sdm_sim.camera_noise import CameraNoise
from sdm_sim.disturbance import Disturbance
from sdm_sim.episode_builder import EpisodeBuilder
from sdm_sim.task import Task

# DP3's rule: a demonstration counts where the task is solved for so many steps.
MIN_SUCCESS_STEPS = 5
# It ends, as an operator would end it, once the task has been solved for this long: all 200 steps, which DP3 keeps,
# would spend most of a training on standing still. Where success can be undone, it is kept up to the last step.
ENOUGH_SUCCESS_STEPS = 10
# How often an expert that was led astray may fail from one start.
DISTURBED_ATTEMPTS = 9


def shown(task: Task) -> bool:
    """Whether a demonstration has shown all that there is, so that an operator would end it."""
    return task.decided and task.success_steps >= ENOUGH_SUCCESS_STEPS


def counts(task: Task) -> bool:
    """Whether a demonstration that ends now is one to learn from: a success, and one that lasted."""
    return task.succeeded and task.success_steps >= MIN_SUCCESS_STEPS


def demonstrate(
    task: Task,
    seed: int,
    keep_depth: bool = False,
    contract: Contract | None = None,
    camera_noise: str | None = None,
    disturbance: Disturbance | None = None,
) -> Episode | None:
    """The expert's episode of `seed`, up to ENOUGH_SUCCESS_STEPS solved steps once decided; None where it fails.

    It holds the observations of `contract`, None for the task's own, through a camera with the noise of `camera_noise`
    (see CameraNoise), None for a faultless one. With a `disturbance`, which is at the episode's start, the robot is led
    astray now and then, and the expert's own actions are held all the same.
    """
    camera = CameraNoise(camera_noise, task.intrinsics)
    task.reset(seed)
    builder = EpisodeBuilder(contract or task.contract, task.intrinsics, task.extrinsics, keep_depth)
    for step in range(task.step_limit):
        frame, action = task.observe(images=builder.needs_images), task.expert()
        builder.add(camera.apply(frame, seed, step), action)
        task.step(disturbance.apply(action) if disturbance else action)
        if shown(task):
            break
    return builder.episode() if counts(task) else None


def demonstrate_disturbed(
    task: Task,
    seed: int,
    disturbance: Disturbance,
    keep_depth: bool = False,
    contract: Contract | None = None,
    camera_noise: str | None = None,
) -> Episode | None:
    """The same, of a robot that is led astray. Where the expert then fails, or the camera sees nothing any more, it is
    tried again with other disturbances, and at last with none, so that the starts are those of demonstrations that
    nothing disturbs."""
    for attempt in range(DISTURBED_ATTEMPTS):
        disturbance.reset(seed, attempt)
        with suppress(ObservationError):
            episode = demonstrate(task, seed, keep_depth, contract, camera_noise, disturbance)
            if episode is not None:
                return episode
    return demonstrate(task, seed, keep_depth, contract, camera_noise)


def run_expert(task: Task, seed: int, on_step: Callable[[Task], None] | None = None) -> bool:
    """Whether the expert succeeds in the episode of `seed`, which ends once it is decided, as a policy's does.

    `on_step` is called with the task after each of its steps, and may look at it.
    """
    task.reset(seed)
    for _ in range(task.step_limit):
        if task.decided:
            break
        task.step(task.expert())
        if on_step:
            on_step(task)
    return task.succeeded
