"""The runtime: repeatable noise, chunks in the contract's units, and networks that cannot be trusted."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import image_contract, small_contract
from helpers.linear_policy import LinearPolicy
from helpers.noise import episode_noise
from sdm_core.action_chunk import ActionChunk
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError, ObservationError
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import PolicyRuntime, Question

BACKENDS = ("openvino", "onnxruntime")


def observation(seed: int = 0, stamp_ns: int = 123) -> PolicyInput:
    rng = np.random.default_rng(seed)
    return PolicyInput(stamp_ns, rng.standard_normal((2, 4)), rng.standard_normal((1, 32, 3), np.float32))


def expected(policy: LinearPolicy, given: PolicyInput, episode: int, index: int) -> np.ndarray:
    noise = episode_noise(episode, index, policy.action_shape)[0]
    return policy.action(given.cloud, given.state, noise)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_chunk_is_the_network_s_answer_on_that_observation_s_noise(
    backend: str, policy: LinearPolicy, checkpoint: Checkpoint
) -> None:
    runtime = PolicyRuntime(checkpoint.path, backend)
    runtime.start_episode(41)
    for index in range(3):
        given = observation(index, stamp_ns=index * 1000)
        chunk = runtime.infer(given)
        assert (chunk.stamp_ns, chunk.dt_ns, chunk.sequence) == (index * 1000, 100_000_000, index)
        assert chunk.targets.dtype == np.float64
        np.testing.assert_allclose(chunk.targets, expected(policy, given, 41, index), atol=1e-6)


def test_actions_before_the_observation_are_not_commanded(contract: Contract, tmp_path: Path) -> None:
    whole = LinearPolicy(contract)
    policy = LinearPolicy(contract.model_copy(update={"past_actions": 1}))
    chunk = PolicyRuntime(policy.write(tmp_path / "past")).infer(observation())
    every = PolicyRuntime(whole.write(tmp_path / "whole")).infer(observation())
    assert chunk.stamp_ns == every.stamp_ns
    np.testing.assert_array_equal(chunk.targets, every.targets[1:])


def episode(runtime: PolicyRuntime, seed: int, length: int = 4) -> list[ActionChunk]:
    runtime.start_episode(seed)
    return [runtime.infer(observation(index)) for index in range(length)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_episode_repeats_bit_for_bit_whatever_came_between(backend: str, checkpoint: Checkpoint) -> None:
    runtime = PolicyRuntime(checkpoint, backend)
    first = episode(runtime, 7)
    episode(runtime, 8, length=2)
    again, elsewhere = episode(runtime, 7), episode(PolicyRuntime(checkpoint, backend), 7)
    for a, b, c in zip(first, again, elsewhere, strict=True):
        assert a.targets.tobytes() == b.targets.tobytes() == c.targets.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_answer_depends_on_its_question_and_the_batch_alone(
    backend: str, contract: Contract, tmp_path: Path
) -> None:
    policy = LinearPolicy(contract, batched=True)
    runtime = PolicyRuntime(policy.write(tmp_path / "batched"), backend, batch=4)
    questions = [Question(observation(index, stamp_ns=index), 7 * index, index % 3) for index in range(9)]
    answers = runtime.infer_batch(questions)
    others = [*reversed(runtime.infer_batch(questions[::-1])), *(runtime.infer_batch([one])[0] for one in questions)]
    for question, answer, other, alone in zip(questions, answers, others[:9], others[9:], strict=True):
        given = question.observation
        assert isinstance(answer, ActionChunk)
        assert isinstance(other, ActionChunk)
        assert isinstance(alone, ActionChunk)
        assert (answer.stamp_ns, answer.sequence) == (given.stamp_ns, question.sequence)
        assert answer.targets.tobytes() == other.targets.tobytes() == alone.targets.tobytes()
        exact = expected(policy, given, question.noise_seed, question.sequence)
        np.testing.assert_allclose(answer.targets, exact, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_for_one_question_leaves_the_others_their_answers(backend: str, contract: Contract, tmp_path: Path) -> None:
    policy = LinearPolicy(contract, nan_above=5.0, batched=True)
    runtime = PolicyRuntime(policy.write(tmp_path / "nan"), backend, batch=3)
    questions = [Question(observation(index), index, 0) for index in range(3)]
    questions[1].observation.state[0, 0] = 6.0
    first, second, third = runtime.infer_batch(questions)
    assert isinstance(second, ObservationError)
    for answer, question in ((first, questions[0]), (third, questions[2])):
        assert isinstance(answer, ActionChunk)
        exact = expected(policy, question.observation, question.noise_seed, 0)
        np.testing.assert_allclose(answer.targets, exact, atol=1e-6)


def test_a_network_for_one_observation_is_asked_one_by_one(policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    runtime = PolicyRuntime(checkpoint, batch=8)
    assert runtime.batch == 1
    questions = [Question(observation(index), 5, index) for index in range(3)]
    for answer, question in zip(runtime.infer_batch(questions), questions, strict=True):
        assert isinstance(answer, ActionChunk)
        exact = expected(policy, question.observation, 5, question.sequence)
        np.testing.assert_allclose(answer.targets, exact, atol=1e-6)


def test_noise_has_nothing_of_what_others_draw_of_the_same_seed() -> None:
    """Scenes are drawn of the seed alone, or of it and a number; tries of one start are 2**32 apart."""
    seed, shape = 30000, (8, 4)
    own = [
        Question(observation(), seed + repeat * 2**32, sequence).noise(shape)
        for repeat, sequence in product(range(5), range(9))
    ]
    others = [
        np.random.default_rng(entropy).standard_normal(shape, np.float32) for entropy in (seed, [seed, 1], [seed, 2])
    ]
    drawn = {noise.tobytes() for noise in (*own, *others)}
    assert len(drawn) == len(own) + len(others)


def test_noise_of_lines_before_it_had_a_stream_of_its_own() -> None:
    before = Question(observation(), 7, 3, noise_apart=False).noise((8, 4))
    assert before.tobytes() == np.random.default_rng([7, 3]).standard_normal((8, 4), np.float32).tobytes()


def test_noise_differs_from_observation_to_observation_and_episode_to_episode(checkpoint: Checkpoint) -> None:
    runtime = PolicyRuntime(checkpoint)
    answers = []
    for seed in (0, 1, 2**63):
        runtime.start_episode(seed)
        answers += [runtime.infer(observation()).targets for _ in range(3)]
    for index, answer in enumerate(answers):
        assert not any(np.allclose(answer, other) for other in answers[:index])


def test_the_noise_is_as_large_as_asked_for(policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    given = observation()
    noise = episode_noise(7, 0, policy.action_shape)[0]
    for scale in (0.0, 0.25, 1.0):
        runtime = PolicyRuntime(checkpoint, noise_scale=scale)
        runtime.start_episode(7)
        scaled = policy.action(given.cloud, given.state, np.float32(scale) * noise)
        np.testing.assert_allclose(runtime.infer(given).targets, scaled, atol=1e-6)


def test_without_noise_an_observation_has_one_answer(checkpoint: Checkpoint) -> None:
    runtime = PolicyRuntime(checkpoint, noise_scale=0.0)
    first, second = (episode(runtime, seed) for seed in (1, 2))
    assert [chunk.targets.tobytes() for chunk in first] == [chunk.targets.tobytes() for chunk in second]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_that_answers_nan_commands_nothing(backend: str, contract: Contract, tmp_path: Path) -> None:
    policy = LinearPolicy(contract, nan_above=5.0)
    runtime = PolicyRuntime(policy.write(tmp_path / "nan"), backend)
    good, bad = observation(0), observation(1)
    bad.state[0, 0] = 6.0
    runtime.start_episode(0)
    with pytest.raises(ObservationError, match="NaN or infinite actions; nothing is commanded: see that its cameras"):
        runtime.infer(bad)
    # It is as if that chunk had been lost: the next observation has the second noise.
    np.testing.assert_allclose(runtime.infer(good).targets, expected(policy, good, 0, 1), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_that_always_answers_nan_is_refused_at_once(backend: str, contract: Contract, tmp_path: Path) -> None:
    checkpoint = LinearPolicy(contract, nan_above=-1.0).write(tmp_path / "nan")
    with pytest.raises(CheckpointError, match=r"model\.onnx: .*NaN"):
        PolicyRuntime(checkpoint, backend)


MISMATCHES = {
    "horizon": {"horizon": 8},
    "observed steps": {"n_obs_steps": 3},
    "points": {"cloud": {"points": 64}},
    "colours": {"cloud": {"channels": 6}},
    "state": {"state": ("hand.x", "hand.y", "hand.z")},
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mismatch", MISMATCHES)
def test_a_network_of_other_shapes_than_its_contract_is_refused_at_once(
    backend: str, mismatch: str, tmp_path: Path, contract: Contract
) -> None:
    checkpoint = LinearPolicy(small_contract(**MISMATCHES[mismatch])).write(tmp_path / "other")
    LinearPolicy(contract).write(tmp_path / "ours").contract.save(checkpoint.path / "contract.yaml")
    with pytest.raises(CheckpointError) as caught:
        PolicyRuntime(checkpoint.path, backend)
    assert str(checkpoint.network) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "cloud"), [((2, 3), (1, 32, 3)), ((1, 4), (1, 32, 3)), ((2, 4), (32, 3)), ((2, 4), (1, 31, 3))]
)
def test_an_observation_of_other_shapes_is_refused_and_costs_no_noise(
    state: tuple[int, ...], cloud: tuple[int, ...], policy: LinearPolicy, checkpoint: Checkpoint
) -> None:
    runtime = PolicyRuntime(checkpoint)
    runtime.start_episode(1)
    with pytest.raises(ObservationError, match="expected by the contract"):
        runtime.infer(PolicyInput(0, np.zeros(state), np.zeros(cloud, np.float32)))
    given = observation()
    np.testing.assert_allclose(runtime.infer(given).targets, expected(policy, given, 1, 0), atol=1e-6)


def test_a_contract_without_a_cloud_is_refused(tmp_path: Path, contract: Contract) -> None:
    checkpoint = LinearPolicy(contract).write(tmp_path / "blind")
    blind = checkpoint.contract.observation.model_copy(update={"cloud": None})
    checkpoint.contract.model_copy(update={"observation": blind}).save(checkpoint.path / "contract.yaml")
    with pytest.raises(CheckpointError, match="no cloud"):
        PolicyRuntime(checkpoint.path)


def seen(contract: Contract) -> PolicyInput:
    """A cloud and images of random values, as far as the contract has them."""
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((1, 32, 3), np.float32) if contract.observation.cloud else None
    images = {
        image.camera: rng.integers(0, 256, (image.steps, *reversed(image.size), 3)).astype(np.uint8)
        for image in contract.observation.images
    }
    return PolicyInput(0, rng.standard_normal((2, 4)), cloud, images)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("with_cloud", [False, True])
def test_images_of_every_camera_enter_the_network_by_name(backend: str, with_cloud: bool, tmp_path: Path) -> None:
    contract = image_contract(with_cloud=with_cloud, cameras=("front", "wrist"), image={"steps": 2})
    policy = LinearPolicy(contract)
    given = seen(contract)
    noise = episode_noise(0, 0, policy.action_shape)[0]
    chunk = PolicyRuntime(policy.write(tmp_path / "policy"), backend).infer(given)
    np.testing.assert_allclose(chunk.targets, policy.action(given.cloud, given.state, noise, given.images), atol=1e-5)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    contract = image_contract()
    given = seen(image_contract(image={"size": (8, 8)}))
    runtime = PolicyRuntime(LinearPolicy(contract).write(tmp_path / "policy"))
    with pytest.raises(ObservationError, match=r"image camera \(1, 8, 8, 3\).* given, image camera \(1, 6, 8, 3\)"):
        runtime.infer(given)


def test_an_unknown_backend_and_a_missing_folder_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'gpu' is not installed"):
        PolicyRuntime(checkpoint, "gpu")
    with pytest.raises(CheckpointError, match="no such checkpoint folder"):
        PolicyRuntime(tmp_path / "nowhere")
