"""Drives tasks directly with a policy: the same window, commands and noise as on the ROS graph, on a simulated
clock, in a world that waits for the policy or in one that does not."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_space import held_command
from sdm_core.contract import CameraSpec, Contract
from sdm_core.errors import ContractError, ObservationError
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import Answer, PolicyRuntime, Question
from sdm_core.runtime.state_vector import StateVector

from sdm_sim.camera_noise import CameraNoise
from sdm_sim.late_policy import Latency, LatePolicy
from sdm_sim.perception import Perception
from sdm_sim.prompt_policy import PromptPolicy
from sdm_sim.task import Task

OnStep = Callable[[Task], None]


@dataclass(frozen=True, eq=False)
class EpisodeResult:
    """One episode: the seed, whether and after how many control steps it succeeded, and every command float64[T,A].

    `way` and `score` are the task's (see Task), None where it has none.
    """

    seed: int
    success: bool
    steps: int
    actions: NDArray[np.float64]
    gate_counts: dict[str, int]
    refused: int
    """Observations that could not be used; the robot was held until the next one."""
    way: str | None = None
    score: float | None = None
    held: int = 0
    """Steps that had no command of the policy, so that the robot was held."""


@dataclass(frozen=True)
class Attempt:
    """An episode that is to be run: the seeds of its start and of the policy's noise, and a Question's noise_apart."""

    seed: int
    noise_seed: int
    noise_apart: bool = True


def run_episode(
    task: Task,
    runtime: PolicyRuntime,
    seed: int,
    noise_seed: int | None = None,
    latency: Latency | None = None,
    camera_noise: str | None = None,
    on_step: OnStep | None = None,
    noise_apart: bool = True,
    replan_steps: int | None = None,
) -> EpisodeResult:
    """Runs the episode of `seed` alone; see run_episodes.

    `noise_seed` (default: `seed`) seeds the policy's noise, so that one start can be tried again with another;
    noise_apart as a Question's.
    """
    attempt = Attempt(seed, seed if noise_seed is None else noise_seed, noise_apart)
    (result,) = run_episodes([task], runtime, [attempt], latency, camera_noise, on_step, replan_steps)
    return result


def run_episodes(
    tasks: Sequence[Task],
    runtime: PolicyRuntime,
    attempts: Sequence[Attempt],
    latency: Latency | None = None,
    camera_noise: str | None = None,
    on_step: OnStep | None = None,
    replan_steps: int | None = None,
) -> list[EpisodeResult]:
    """Runs each attempt in the task of its place, until it is decided or at the task's step limit.

    Each task in turn goes on to its next observation; then the policy answers all of them together. Episodes know
    nothing of each other: a result is that of its attempt run alone, up to what rounding may differ between batches
    (see PolicyRuntime).
    `replan_steps` actions of a chunk are executed before the next observation; None: as many as the contract says.
    With a `latency` the world goes on while the policy answers; None: it waits.
    `camera_noise` names the depth camera whose noise is put onto the images (see CameraNoise); None: none is.
    `on_step` is called with the task after each of its steps, and may look at it.
    Raises ContractError where the policy was made for other states, cameras or actions than the task has, or gives
    shorter chunks than are to be executed.
    """
    for task in tasks:
        _require_fit(task, runtime)
    contract = runtime.contract if replan_steps is None else runtime.contract.replanned(replan_steps)
    episodes = [
        _episode(task, contract, attempt, latency, camera_noise, on_step)
        for task, attempt in zip(tasks, attempts, strict=True)
    ]
    results: dict[int, EpisodeResult] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(episodes)))
    while answers:
        questions: dict[int, Question] = {}
        for index, answer in answers.items():
            try:
                questions[index] = episodes[index].send(answer)
            except StopIteration as end:
                results[index] = end.value
        answers = dict(zip(questions, runtime.infer_batch(list(questions.values())), strict=True))
    return [results[index] for index in range(len(episodes))]


def _episode(
    task: Task,
    contract: Contract,
    attempt: Attempt,
    latency: Latency | None,
    camera_noise: str | None,
    on_step: OnStep | None,
) -> Generator[Question, Answer | None, EpisodeResult]:
    """Runs an episode from question to question; it is sent the answers, the first time nothing."""
    perception, states = Perception(contract, task.intrinsics, task.extrinsics), StateVector(contract.observation.state)
    camera = CameraNoise(camera_noise, task.intrinsics)
    # As in training, the clouds and images that enter the network together are those of consecutive steps.
    history = contract.observation.history
    window = ObservationWindow(contract)
    policy = PromptPolicy(contract) if latency is None else LatePolicy(contract, latency, window)
    task.reset(attempt.seed)
    actions: list[NDArray[np.float64]] = []
    refused = held = asked = 0
    while len(actions) < task.step_limit and not task.decided:
        stamp = len(actions) * contract.dt_ns
        replan = len(actions) % contract.n_action_steps == 0
        look = -len(actions) % contract.n_action_steps < history
        frame = task.observe(depth=look and perception.needs_depth, images=look and perception.needs_images)
        frame = camera.apply(frame, attempt.seed, len(actions))
        state = states.gather(frame.names, frame.values)
        window.add_state(stamp, state)
        if look:
            try:
                cloud = perception.cloud(frame)
                if cloud is not None:
                    window.add_cloud(stamp, cloud)
                window.add_images(stamp, perception.images(frame))
                if replan:
                    policy.see(window.policy_input(stamp))
            except ObservationError:
                refused += 1
        while (observation := policy.asks(stamp)) is not None:
            answer = yield Question(observation, attempt.noise_seed, asked, attempt.noise_apart)
            assert answer is not None
            policy.hears(answer, observation)
            asked += 1
        decision = policy.decide(stamp, state)
        held += decision is None or decision.held
        if decision is None or decision.command is None:
            command = held_command(contract.action, actions[-1] if actions else policy.commands.standing(state))
        else:
            command = decision.command
        task.step(command)
        actions.append(command)
        if on_step:
            on_step(task)
    return EpisodeResult(
        attempt.seed,
        task.succeeded,
        len(actions),
        np.array(actions),
        policy.commands.counts,
        refused + policy.refused,
        task.way,
        task.score,
        held,
    )


def _require_fit(task: Task, runtime: PolicyRuntime) -> None:
    mine, theirs = runtime.contract, task.contract
    for what, wanted, found in (
        ("states", mine.observation.state, theirs.observation.state),
        ("cameras", mine.observation.cameras, _used(theirs.observation.cameras, mine.observation.cameras)),
        ("actions", mine.action, theirs.action),
        ("rates", mine.rates, theirs.rates),
    ):
        if wanted != found:
            raise ContractError(
                f"{runtime.checkpoint.path} was made for other {what} than {task.name} has; choose one of this task"
            )


def _used(given: tuple[CameraSpec, ...], by: tuple[CameraSpec, ...]) -> tuple[CameraSpec, ...]:
    """A task's cameras with the streams that a policy uses: each may give its colour, and leave its depth unused."""
    if len(given) != len(by):
        return given
    return tuple(
        camera.model_copy(
            update={
                "depth_encoding": camera.depth_encoding if policy.depth_encoding else None,
                "colour_encoding": "rgb8" if policy.colour_encoding else None,
            }
        )
        for camera, policy in zip(given, by, strict=True)
    )
