"""Inference backends agree with each other and with the closed form, and refuse networks that are not the stack's."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import sdm_core.backends
from helpers.linear_policy import LinearPolicy
from sdm_core.backends import load_backend
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError

BACKENDS = ("openvino", "onnxruntime")


def inputs(policy: LinearPolicy, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"point_cloud": policy.cloud_shape, "state": policy.state_shape, "noise": policy.action_shape}
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", BACKENDS)
def test_computes_the_closed_form(name: str, policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    backend = load_backend(name, checkpoint, threads=1)
    for seed in range(3):
        given = inputs(policy, seed)
        expected = policy.action(given["point_cloud"][0], given["state"][0], given["noise"][0])
        answer = backend.run(given)
        assert answer.dtype == np.float32
        assert answer.shape == policy.action_shape
        np.testing.assert_allclose(answer[0], expected, atol=1e-6)


def test_backends_agree(policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    openvino, onnxruntime = (load_backend(name, checkpoint, threads=1) for name in BACKENDS)
    for seed in range(5):
        given = inputs(policy, seed)
        np.testing.assert_allclose(openvino.run(given), onnxruntime.run(given), atol=1e-6)


@pytest.mark.parametrize("name", BACKENDS)
def test_an_answer_survives_the_next_question(name: str, policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    backend = load_backend(name, checkpoint, threads=1)
    first = backend.run(inputs(policy, 0))
    kept = first.copy()
    backend.run(inputs(policy, 1))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("garbage", [b"", b"not a network", bytes(range(256)) * 8])
def test_a_corrupt_network_is_one_clear_error(name: str, garbage: bytes, checkpoint: Checkpoint) -> None:
    checkpoint.network.write_bytes(garbage)
    with pytest.raises(CheckpointError) as caught:
        load_backend(name, checkpoint, threads=1)
    assert str(checkpoint.network) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_network_cut_short_is_one_clear_error(name: str, checkpoint: Checkpoint) -> None:
    network = checkpoint.network.read_bytes()
    checkpoint.network.write_bytes(network[: len(network) // 2])
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        load_backend(name, checkpoint, threads=1)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("renamed", ["point_cloud", "state", "noise", "action"])
def test_other_names_of_inputs_or_output_are_named(name: str, renamed: str, contract: Contract, tmp_path: Path) -> None:
    checkpoint = LinearPolicy(contract, names={renamed: "other"}).write(tmp_path / "other")
    with pytest.raises(CheckpointError, match=r"'other'.* expected; export it with sdm-export"):
        load_backend(name, checkpoint, threads=1)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_batch_is_answered_row_by_row(name: str, contract: Contract, tmp_path: Path) -> None:
    policy = LinearPolicy(contract, batched=True)
    checkpoint = policy.write(tmp_path / "batched")
    alone, together = (load_backend(name, checkpoint, threads=1, batch=batch) for batch in (1, 3))
    given = [inputs(policy, seed) for seed in range(3)]
    answer = together.run({key: np.concatenate([one[key] for one in given]) for key in given[0]})
    assert (alone.batch, together.batch, answer.shape) == (1, 3, (3, *policy.action_shape[1:]))
    for row, one in zip(answer, given, strict=True):
        np.testing.assert_allclose(row, alone.run(one)[0], atol=1e-6)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_network_for_one_observation_stays_one(name: str, policy: LinearPolicy, checkpoint: Checkpoint) -> None:
    backend = load_backend(name, checkpoint, threads=1, batch=8)
    given = inputs(policy, 0)
    assert backend.batch == 1
    np.testing.assert_array_equal(backend.run(given), load_backend(name, checkpoint, threads=1).run(given))


def test_an_unknown_backend_is_refused_with_those_there_are(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match=r"'tensorrt' is not installed; there are .*onnxruntime.*openvino"):
        load_backend("tensorrt", checkpoint, threads=1)


def test_a_backend_whose_library_is_missing_says_so(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("absent", "no_such_library_anywhere:Backend", "sdm.backends")
    monkeypatch.setattr(sdm_core.backends, "entry_points", lambda group: [entry])
    with pytest.raises(CheckpointError, match=r"'absent' cannot be imported .*no_such_library_anywhere.*install it"):
        load_backend("absent", checkpoint, threads=1)


def test_openvino_refuses_a_network_with_a_weight_that_is_nan(contract: Contract, tmp_path: Path) -> None:
    policy = LinearPolicy(contract)
    policy.bias[0] = np.nan
    with pytest.raises(CheckpointError, match=r"model\.onnx: has weights that are NaN; export the checkpoint again"):
        load_backend("openvino", policy.write(tmp_path / "broken"), threads=1)


def test_signals_are_survived_when_networks_have_replaced_each_other(checkpoint: Checkpoint) -> None:
    """OpenVINO's cores set the thread's signal stack, and must not leave one behind that is freed."""
    replacing = f"""
import gc, signal
from sdm_core.backends import load_backend
from sdm_core.checkpoint import Checkpoint
first, second = (load_backend("openvino", Checkpoint.open({str(checkpoint.path)!r}), threads=1) for _ in range(2))
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("goes on"))
signal.raise_signal(signal.SIGTERM)
"""
    run = subprocess.run([sys.executable, "-c", replacing], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "goes on\n"), run.stderr
