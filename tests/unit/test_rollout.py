"""Direct rollouts: window, noise and command pipeline against an oracle that does it all by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.linear_policy import LinearPolicy
from helpers.noise import episode_noise
from helpers.toy_task import ToyTask
from numpy.typing import NDArray
from sdm_core.datasets.dataset import Episode
from sdm_core.errors import ContractError, ObservationError, TaskError
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import Answer, PolicyRuntime, Question
from sdm_sim.episode_builder import EpisodeBuilder
from sdm_sim.rollout import Attempt, run_episode, run_episodes
from sdm_training.data.windows import window_rows


def by_hand(task: ToyTask, policy: LinearPolicy, seed: int, executed: int = 2) -> NDArray[np.float64]:
    """The commands of an episode: every `executed` steps a chunk, of which the first ones are clipped and executed."""
    cloud = task.contract.observation.cloud
    assert cloud is not None
    clouds = CloudPipeline(cloud)
    task.reset(seed)
    commands: list[NDArray[np.float64]] = []
    states: list[list[float]] = []
    chunk = np.zeros(0)
    while len(commands) < task.step_limit and not task.succeeded:
        frame = task.observe()
        named = dict(zip(frame.names, frame.values.tolist(), strict=True))
        states.append([named[name] for name in ("hand.x", "hand.y", "hand.z", "gap")])
        if len(commands) % executed == 0:
            noise = episode_noise(seed, len(commands) // executed, (1, 4, 3))[0]
            state = np.array([states[max(0, len(states) - 2)], states[-1]], np.float32)
            image = frame.depth
            assert image is not None
            points = clouds.from_depth(image, "16UC1", task.intrinsics, task.extrinsics)
            chunk = policy.action(points, state, noise)
        commands.append(np.clip(chunk[len(commands) % executed], -1, 1))
        task.step(commands[-1])
    return np.array(commands)


@pytest.fixture
def lively(tmp_path: Path) -> tuple[LinearPolicy, PolicyRuntime]:
    """A policy whose commands often meet their bounds."""
    policy = LinearPolicy(ToyTask().contract, gain=3.0, noise_gain=0.8)
    return policy, PolicyRuntime(policy.write(tmp_path / "lively"))


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_an_episode_is_what_it_is_by_hand(seed: int, lively: tuple[LinearPolicy, PolicyRuntime]) -> None:
    policy, runtime = lively
    result = run_episode(ToyTask(), runtime, seed)
    expected = by_hand(ToyTask(), policy, seed)
    assert result.seed == seed
    assert result.steps == len(expected) == len(result.actions)
    np.testing.assert_allclose(result.actions, expected, atol=1e-5)
    assert (np.abs(result.actions) == 1).any()
    assert sum(result.gate_counts.values()) > 0


@pytest.mark.parametrize("executed", [1, 3, 4])
def test_as_many_actions_of_a_chunk_are_executed_as_are_asked_for(
    executed: int, lively: tuple[LinearPolicy, PolicyRuntime]
) -> None:
    policy, runtime = lively
    result = run_episode(ToyTask(), runtime, 5, replan_steps=executed)
    np.testing.assert_allclose(result.actions, by_hand(ToyTask(), policy, 5, executed), atol=1e-5)


def test_the_same_seed_gives_the_same_episode_whatever_came_between(
    lively: tuple[LinearPolicy, PolicyRuntime],
) -> None:
    _, runtime = lively
    task = ToyTask()
    first = run_episode(task, runtime, 3)
    other = run_episode(task, runtime, 4)
    again = run_episode(task, runtime, 3)
    assert again.actions.tobytes() == first.actions.tobytes()
    assert (again.success, again.steps, again.gate_counts) == (first.success, first.steps, first.gate_counts)
    assert not np.array_equal(other.actions, first.actions)


@pytest.fixture
def together(tmp_path: Path) -> PolicyRuntime:
    """The lively policy for four observations at once."""
    policy = LinearPolicy(ToyTask().contract, gain=3.0, noise_gain=0.8, batched=True)
    return PolicyRuntime(policy.write(tmp_path / "together"), batch=4)


ATTEMPTS = [Attempt(seed, noise_seed) for seed, noise_seed in ((3, 3), (4, 4), (3, 9), (17, 17))]


def test_episodes_side_by_side_are_what_each_is_alone(
    together: PolicyRuntime, lively: tuple[LinearPolicy, PolicyRuntime]
) -> None:
    results = run_episodes([ToyTask() for _ in ATTEMPTS], together, ATTEMPTS)
    assert len({result.actions.tobytes() for result in results}) == len(ATTEMPTS)
    for attempt, result in zip(ATTEMPTS, results, strict=True):
        alone = run_episode(ToyTask(), lively[1], attempt.seed, attempt.noise_seed)
        assert (result.seed, result.success, result.steps) == (alone.seed, alone.success, alone.steps)
        np.testing.assert_allclose(result.actions, alone.actions, atol=1e-5)


def test_an_episode_does_not_know_its_neighbours(together: PolicyRuntime) -> None:
    all_four = run_episodes([ToyTask() for _ in ATTEMPTS], together, ATTEMPTS)
    turned = run_episodes([ToyTask() for _ in ATTEMPTS], together, ATTEMPTS[::-1])[::-1]
    for attempt, result, other in zip(ATTEMPTS, all_four, turned, strict=True):
        (alone,) = run_episodes([ToyTask()], together, [attempt])
        assert result.actions.tobytes() == other.actions.tobytes() == alone.actions.tobytes()


def test_an_episode_that_ends_early_leaves_the_others_as_they_are(
    together: PolicyRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [ToyTask() for _ in ATTEMPTS]
    undisturbed = run_episodes(tasks, together, ATTEMPTS)
    monkeypatch.setattr(tasks[0], "step_limit", 5)
    short, *others = run_episodes(tasks, together, ATTEMPTS)
    assert (short.steps, *(result.steps for result in others)) == (5, 30, 30, 30)
    assert short.actions.tobytes() == undisturbed[0].actions[:5].tobytes()
    for result, expected in zip(others, undisturbed[1:], strict=True):
        assert result.actions.tobytes() == expected.actions.tobytes()


def test_a_task_that_breaks_is_the_error_of_the_run(together: PolicyRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [ToyTask() for _ in ATTEMPTS]

    def broken(action: NDArray[np.float64]) -> None:
        raise TaskError("the arm has come apart")

    monkeypatch.setattr(tasks[1], "step", broken)
    with pytest.raises(TaskError, match="come apart"):
        run_episodes(tasks, together, ATTEMPTS)
    monkeypatch.undo()
    again = run_episodes(tasks, together, ATTEMPTS)
    assert [result.seed for result in again] == [attempt.seed for attempt in ATTEMPTS]


def test_a_camera_that_goes_blind_holds_its_own_robot_alone(
    together: PolicyRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [ToyTask() for _ in ATTEMPTS]
    undisturbed = run_episodes(tasks, together, ATTEMPTS)
    observe = tasks[2].observe

    def blind(depth: bool = True, images: bool = False):
        frame = observe(depth, images)
        return frame if frame.depth is None else type(frame)(frame.names, frame.values, np.zeros_like(frame.depth))

    monkeypatch.setattr(tasks[2], "observe", blind)
    results = run_episodes(tasks, together, ATTEMPTS)
    assert [result.refused for result in results] == [0, 0, 15, 0]
    assert results[2].held == 30
    for index in (0, 1, 3):
        assert results[index].actions.tobytes() == undisturbed[index].actions.tobytes()


def test_a_success_ends_the_episode_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = LinearPolicy(ToyTask().contract, gain=0.0, noise_gain=0.0)
    policy.bias[:] = np.tile([0.5, 0.5, 1.0], 4)
    runtime = PolicyRuntime(policy.write(tmp_path / "diagonal"))
    monkeypatch.setattr("helpers.toy_task.REACH", 0.2)
    task = ToyTask()
    result = run_episode(task, runtime, 5)
    assert result.success
    assert result.steps < task.step_limit
    assert task.success_steps == 1


def test_a_failure_lasts_to_the_step_limit(tmp_path: Path) -> None:
    policy = LinearPolicy(ToyTask().contract, gain=0.0, noise_gain=0.0)
    result = run_episode(ToyTask(), PolicyRuntime(policy.write(tmp_path / "still")), 0)
    assert not result.success
    assert result.steps == 30


def test_an_observation_that_cannot_be_used_holds_the_robot_until_the_next(
    lively: tuple[LinearPolicy, PolicyRuntime], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ToyTask()
    observe, seen = task.observe, []

    def blind_once(depth: bool = True, images: bool = False):
        frame = observe(depth, images)
        if depth:
            seen.append(frame)
        if depth and len(seen) == 2:
            return type(frame)(frame.names, frame.values, np.zeros_like(frame.depth))
        return frame

    monkeypatch.setattr(task, "observe", blind_once)
    result = run_episode(task, lively[1], 1)
    hold = task.contract.action.hold
    assert result.refused == 1
    for command in result.actions[2:4]:
        kept = [last if value is None else value for value, last in zip(hold, result.actions[1], strict=True)]
        np.testing.assert_array_equal(command, kept)
    assert not np.array_equal(result.actions[4], result.actions[3])


def test_a_policy_of_another_robot_is_refused(lively: tuple[LinearPolicy, PolicyRuntime]) -> None:
    task = ToyTask()
    action = task.contract.action.model_copy(update={"gripper": "-1 closes"})
    task.contract = task.contract.model_copy(update={"action": action})
    with pytest.raises(ContractError, match="made for other actions"):
        run_episode(task, lively[1], 0)


def test_a_task_without_the_policy_s_state_names_is_refused(
    lively: tuple[LinearPolicy, PolicyRuntime], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ToyTask()
    observe = task.observe

    def renamed(depth: bool = True, images: bool = False):
        frame = observe(depth, images)
        return type(frame)(("width", *frame.names[1:]), frame.values, frame.depth)

    monkeypatch.setattr(task, "observe", renamed)
    with pytest.raises(ObservationError, match="state lacks gap"):
        run_episode(task, lively[1], 0)


class Onlooker(PolicyRuntime):
    """Keeps what it is shown."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(checkpoint)
        self.shown: list[PolicyInput] = []

    def infer_batch(self, questions: Sequence[Question]) -> list[Answer]:
        self.shown += [question.observation for question in questions]
        return super().infer_batch(questions)


def demonstration(task: ToyTask, seed: int, actions: NDArray[np.float64]) -> Episode:
    """The episode of `seed` under these actions, observed at every step."""
    builder = EpisodeBuilder(task.contract, task.intrinsics, task.extrinsics)
    task.reset(seed)
    for action in actions:
        builder.add(task.observe(), action)
        task.step(action)
    return builder.episode()


@pytest.mark.parametrize(("cloud_steps", "looks"), [(1, 10), (2, 20), (3, 30)])
def test_the_policy_is_shown_the_clouds_that_a_training_on_the_same_actions_would_show(
    cloud_steps: int, looks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = small_contract(task="test/toy", n_action_steps=3, cloud={"steps": cloud_steps})
    policy = LinearPolicy(contract, gain=2.0, noise_gain=0.5)
    runtime = Onlooker(policy.write(tmp_path / "policy").path)
    task, depths = ToyTask(), []
    observe = task.observe

    def counted(depth: bool = True, images: bool = False):
        depths.append(depth)
        return observe(depth, images)

    monkeypatch.setattr(task, "observe", counted)
    result = run_episode(task, runtime, 1)
    assert (result.steps, result.refused, len(runtime.shown)) == (30, 0, 10)
    assert sum(depths) == looks
    seen = demonstration(ToyTask(), 1, result.actions)
    assert seen.point_cloud is not None
    rows = window_rows([result.steps], 2, cloud_steps, 4, 3)
    for shown, clouds, states in zip(runtime.shown, rows.cloud[::3], rows.state[::3], strict=True):
        np.testing.assert_array_equal(shown.cloud, seen.point_cloud[clouds])
        np.testing.assert_array_equal(shown.state.astype(np.float32), seen.state[states])
