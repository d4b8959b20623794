"""Runs: repeatable, resumable, exported with parity."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from helpers.methods import METHODS, learner_of
from helpers.training import Demonstrations, demonstrations, small_policy, training_of, windows_of
from onnx import TensorProto
from rich.console import Console
from sdm_core.backends import Backend, load_backend
from sdm_core.backends.onnxruntime import OnnxRuntimeBackend
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_training.compute import training_clock
from sdm_training.export.onnx_model import to_onnx
from sdm_training.export.run_exports import ExportSettings, export_run, parity_check, parity_inputs
from sdm_training.export.torch_backend import TorchBackend
from sdm_training.method_parts.ema import Ema, EmaSettings
from sdm_training.method_parts.optimiser import OptimiserSettings, learning_rate
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.runs.run_folder import STATE, RunFolder
from sdm_training.settings import SettingsError
from sdm_training.training.loop import LoopSettings, Trainee, load_state, train


def trainee(name: str, seed: int = 0, settings: dict[str, Any] | None = None) -> Trainee:
    learner = learner_of(name, seed, settings)
    return training_of(learner, windows_of(demonstrations(), learner.policy), seed)


def assert_same(first: Trainee, second: Trainee) -> None:
    a, b = first.tensors(), second.tensors()
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, msg=f"{name} differs")


@pytest.mark.parametrize("name", ["diffusion", "meanflow", "dmd2_edm"])
def test_another_seed_gives_other_weights(name, tmp_path):
    """That the same seed gives the same ones, a resumed run shows below."""
    runs = [trainee(name, seed) for seed in (0, 1)]
    for index, run in enumerate(runs):
        train(run, tmp_path / str(index), LoopSettings(), "test")
    first, other = (run.weights() for run in runs)
    assert any(not torch.equal(first[key], other[key]) for key in first)


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", METHODS)
def test_a_killed_run_resumes_to_the_uninterrupted_weights(name, tmp_path):
    whole, killed, resumed = trainee(name), trainee(name), trainee(name)
    train(whole, tmp_path / "whole", LoopSettings(), "test")
    step = killed.step

    def step_until_killed(index: int):
        if index == 8:
            raise Killed
        return step(index)

    killed.step = step_until_killed  # type: ignore[method-assign]
    loop = LoopSettings(state_every=5)
    with pytest.raises(Killed):
        train(killed, tmp_path / "killed", loop, "test")
    assert load_state(trainee(name), tmp_path / "killed" / "state.safetensors")[0] == 5
    train(resumed, tmp_path / "killed", loop, "test")
    assert_same(whole, resumed)


def test_a_corrupt_state_is_one_clear_line(tmp_path):
    (tmp_path / "state.safetensors").write_bytes(b"not tensors")
    with pytest.raises(CheckpointError, match=r"state\.safetensors cannot be resumed from .* delete it"):
        train(trainee("diffusion"), tmp_path, LoopSettings(), "test")


@pytest.mark.parametrize(("count", "steps"), [(3, [4, 8, 12]), (5, [3, 5, 8, 10, 12]), (7, [2, 4, 6, 7, 9, 11, 12])])
def test_snapshots_are_kept_evenly_over_the_run(count, steps, tmp_path):
    train(trainee("diffusion"), tmp_path, LoopSettings(snapshots=count), "test")
    assert [path.stem for path in RunFolder(tmp_path).snapshots()] == [f"step_{step:07d}" for step in steps]


def test_more_snapshots_than_steps_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"loop\.snapshots 13 are more than the training's 12 steps"):
        train(trainee("diffusion"), tmp_path, LoopSettings(snapshots=13), "test")


def test_training_lowers_the_loss():
    run = trainee("diffusion", settings={"steps": 150})
    losses = [float(run.step(index)["loss"]) for index in range(150)]
    assert np.mean(losses[-30:]) < 0.6 * np.mean(losses[:10])


def test_warm_up_and_cosine_shape_the_learning_rate():
    settings = OptimiserSettings(learning_rate=1.0, warmup_steps=10)
    assert learning_rate(settings, 0, 110) == pytest.approx(0.1)
    assert learning_rate(settings, 10, 110) == 1.0
    assert learning_rate(settings, 60, 110) == pytest.approx(0.5)
    assert learning_rate(settings, 110, 110) == pytest.approx(0.0)


def test_the_average_starts_as_the_plain_mean():
    module = torch.nn.Linear(1, 1)
    followed = torch.nn.Linear(1, 1).requires_grad_(False)
    ema = Ema(module, followed, EmaSettings(max_decay=0.999, power=1.0))
    values = [3.0, 5.0, 10.0]
    for step, value in enumerate(values):
        torch.nn.init.constant_(module.weight, value)
        ema.update(step)
    average = next(followed.parameters())
    assert average.item() == pytest.approx(np.mean(values))


def finished_run(path, policy: Policy, sampling: SamplingSettings) -> RunFolder:
    run = RunFolder(path)
    record = {"method": "dp3", "policy": policy.settings.plain(), "sampling": sampling.model_dump(mode="json")}
    run.begin(record, policy.contract)
    run.finish(policy.state_dict(), 1.0)
    return run


METRICS = {"method": "dp3", "network": "tiny", "seed": 0}


UNET = {"kind": "unet1d", "widths": [32, 64], "blocks": 1, "timestep_features": 8}


@pytest.mark.parametrize(
    ("network", "prediction", "limit"),
    [
        ({}, "x0", 1e-5),
        ({}, "epsilon", 2e-2),  # a step from t = 99 divides by alpha = 5e-4, and magnifies rounding as much
        ({"centred": False, "cloud_steps": 2, "denoiser": UNET}, "x0", 1e-4),
    ],
)
def test_exported_networks_act_as_torch_does(network, prediction, limit, tmp_path):
    data = demonstrations()
    policy = small_policy(data, prediction=prediction, **network)
    run = finished_run(tmp_path / "run", policy, SamplingSettings(nfe=10))
    settings = ExportSettings(nfe=(1, 2, 5), half_weights=False)
    for checkpoint, nfe in zip(export_run(run, settings, data, METRICS, Console(quiet=True)), (1, 2, 5), strict=True):
        assert checkpoint.nfe == nfe
        assert max(checkpoint.metrics["parity"].values()) < limit


# The methods whose exported networks differ in more than their weights.
EXPORTED = (
    "diffusion",
    "diffusion_keypoints",
    "edm",
    "regression",
    "consistency",
    "manicm",
    "sdm",
    "dmd2_edm",
    "flow",
    "flowpolicy",
    "sdm_flow",
    "mip",
    "meanflow",
    "meanflow_joint_transformer",
)


def test_every_methods_network_is_exported_below():
    def networks(names: Iterable[str]) -> set[str]:
        learners = map(learner_of, names)
        return {f"{learner.policy.settings.plain()} {learner.sampling}" for learner in learners}

    assert networks(METHODS) == networks(EXPORTED)
    assert len(networks(EXPORTED)) == len(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_a_methods_policy_is_exported_as_it_is_sampled(name, tmp_path):
    learner = learner_of(name)
    run = finished_run(tmp_path / "run", learner.policy, learner.sampling)
    settings = ExportSettings(half_weights=False)
    (checkpoint,) = export_run(run, settings, demonstrations(), METRICS, Console(quiet=True))
    assert checkpoint.nfe == learner.sampling.nfe
    # EDM's steps come down from noise of size 80, and magnify OpenVINO's rounding as much.
    assert max(checkpoint.metrics["parity"].values()) < 5e-3


def test_the_parity_is_each_backends_largest_difference_alone_or_in_a_batch(tmp_path, monkeypatch):
    def load(name: str, checkpoint: Checkpoint, threads: int, batch: int = 1) -> Backend:
        backend = load_backend(name, checkpoint, threads, batch)
        run = backend.run
        if (name, batch) == ("openvino", 8):
            backend.run = lambda inputs: run(inputs) + 0.1
        return backend

    monkeypatch.setattr("sdm_training.export.run_exports.load_backend", load)
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings())
    (checkpoint,) = export_run(run, ExportSettings(half_weights=False), data, METRICS, Console(quiet=True))
    assert checkpoint.metrics["parity"]["openvino"] == pytest.approx(0.1, abs=1e-4)
    assert checkpoint.metrics["parity"]["onnxruntime"] < 1e-4


def test_half_weights_are_stored_once_in_16_bits_and_compute_in_32(tmp_path):
    data = demonstrations()
    denoiser = {"kind": "adaln_mlp", "width": 64, "blocks": 2, "timestep_features": 8}
    sampler = Sampler(small_policy(data, denoiser=denoiser), SamplingSettings(nfe=10))
    half, full = (onnx.load_from_string(to_onnx(sampler, half)) for half in (True, False))
    large = [tensor for tensor in half.graph.initializer if np.prod(tensor.dims) >= 1024]
    assert large
    assert {tensor.data_type for tensor in large} == {TensorProto.FLOAT16}
    assert half.ByteSize() < 0.75 * full.ByteSize()
    one_step = onnx.load_from_string(to_onnx(Sampler(sampler.policy, SamplingSettings(nfe=1)), False))
    weights = [sum(np.prod(t.dims) for t in model.graph.initializer) for model in (full, one_step)]
    assert weights[0] < 1.02 * weights[1]


def test_too_much_rounding_falls_back_to_32_bits(tmp_path):
    data = demonstrations()
    denoiser = {"kind": "adaln_mlp", "width": 64, "blocks": 2, "timestep_features": 8}
    run = finished_run(tmp_path / "run", small_policy(data, denoiser=denoiser), SamplingSettings())
    (checkpoint,) = export_run(run, ExportSettings(half_tolerance=1e-6), data, METRICS, Console(quiet=True))
    assert checkpoint.metrics["weights"] == "float32"


def test_weights_too_large_for_16_bits_are_kept_in_32(tmp_path):
    data = demonstrations()
    denoiser = {"kind": "adaln_mlp", "width": 64, "blocks": 2, "timestep_features": 8}
    policy = small_policy(data, denoiser=denoiser)
    with torch.no_grad():
        large = next(weights for weights in policy.denoiser.parameters() if weights.numel() >= 1024)
        large[0, 0] = 1e5  # infinite in 16 bits, and what it is multiplied with no number
    run = finished_run(tmp_path / "run", policy, SamplingSettings())
    (checkpoint,) = export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    assert checkpoint.metrics["weights"] == "float32"
    assert max(checkpoint.metrics["parity"].values()) < 1e-2


def test_a_network_without_finite_actions_is_not_exported_over_an_earlier_one(tmp_path):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings())
    (earlier,) = export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    before = earlier.network.read_bytes()
    broken = {name: weights * 1e37 for name, weights in run.load_policy().state_dict().items()}  # no number when summed
    run.finish(broken, 1.0)
    with pytest.raises(CheckpointError, match="export: the network's actions are not finite; nothing is exported"):
        export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    assert earlier.network.read_bytes() == before


def test_the_folder_appears_when_its_network_has_been_compared(tmp_path, monkeypatch):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sdm_training.export.run_exports.parity_check", killed)
    with pytest.raises(KeyboardInterrupt):
        export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    assert not (tmp_path / "run/export").exists()


def test_a_students_export_runs_in_the_policy_runtime(tmp_path):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings(level=99))
    (checkpoint,) = export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    assert PolicyRuntime(checkpoint, backend="onnxruntime").contract == run.load_policy().contract
    assert json.loads((checkpoint.path / "metrics.json").read_text())["parity"].keys() == {"openvino", "onnxruntime"}


@pytest.mark.parametrize("sampling", [SamplingSettings(nfe=10), SamplingSettings(level=65)])
def test_the_torch_backend_agrees_with_the_exported_network(sampling, tmp_path):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), sampling)
    (checkpoint,) = export_run(run, ExportSettings(half_weights=False), data, METRICS, Console(quiet=True))
    observations = {
        key: values[:1] for key, values in parity_inputs(Sampler(run.load_policy(), sampling), data).items()
    }
    torch_action = TorchBackend(checkpoint, threads=1).run(observations)
    np.testing.assert_allclose(torch_action, OnnxRuntimeBackend(checkpoint, 1).run(observations), atol=1e-5)
    (checkpoint.path / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks weights\.safetensors; use the openvino backend"):
        TorchBackend(checkpoint, threads=1)


def test_regression_ignores_the_noise(tmp_path):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings(noise_scale=0.0))
    (checkpoint,) = export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    sampler = Sampler(run.load_policy(), run.sampling())
    observations = parity_inputs(sampler, data)
    noisier = {**observations, "noise": observations["noise"] * 7}
    assert max(difference.max() for difference in parity_check(sampler, checkpoint, noisier).values()) < 1e-3
    tensors = [torch.from_numpy(observations[name]) for name in ("point_cloud", "state")]
    a, b = (sampler(*tensors, torch.from_numpy(inputs["noise"])) for inputs in (observations, noisier))
    torch.testing.assert_close(a, b)


def test_a_run_made_with_another_configuration_is_not_continued(tmp_path):
    policy = small_policy(demonstrations())
    finished_run(tmp_path / "run", policy, SamplingSettings())
    record = {"method": "sdm", "policy": policy.settings.plain(), "sampling": {}}
    with pytest.raises(SettingsError, match="was trained with another 'method'"):
        RunFolder(tmp_path / "run").begin(record, policy.contract)


def test_a_run_is_continued_elsewhere_and_later_but_not_under_another_contract(tmp_path):
    policy = small_policy(demonstrations())
    run = RunFolder(tmp_path / "run")
    run.begin({"method": "sdm", "commit": "a", "machine": "here", "date": "2026-01-01"}, policy.contract)
    (run.path / STATE).touch()
    again = {"method": "sdm", "commit": "b", "machine": "there", "date": "2026-01-02"}
    run.begin(again, policy.contract)
    assert run.record()["machine"] == "here"
    other = policy.contract.model_copy(update={"task": "test/push"})
    with pytest.raises(SettingsError, match="was trained with another task: 'test/reach' expected, 'test/push' found"):
        run.begin(again, other)


def test_a_run_is_continued_whatever_its_loop_writes_and_the_deepest_other_key_is_named(tmp_path):
    policy, run = small_policy(demonstrations()), RunFolder(tmp_path / "run")

    def record(**changes: int) -> dict[str, Any]:
        return {"config": {"teacher": {"steps": 9}, "loop": {**LoopSettings().model_dump(), **changes}}}

    run.begin(record(), policy.contract)
    (run.path / STATE).touch()
    run.begin(record(state_every=7, log_every=7), policy.contract)
    with pytest.raises(SettingsError, match=r"was trained with another 'config\.loop\.snapshots': delete the folder"):
        run.begin(record(snapshots=7), policy.contract)


@pytest.mark.parametrize(
    "kept", [None, STATE, "weights.safetensors", "snapshots/step_0000003.safetensors", "export_nfe10/metrics.json"]
)
def test_the_record_of_a_training_that_kept_nothing_is_written_anew(kept, tmp_path):
    policy, run = small_policy(demonstrations()), RunFolder(tmp_path / "run")
    run.begin({"method": "anchored"}, policy.contract)
    (run.path / "tensorboard").mkdir()  # of the step that failed
    other = policy.contract.model_copy(update={"n_action_steps": 1})
    if kept is None:
        run.begin({"method": "sdm"}, other)
        assert run.record() == {"method": "sdm"}
        assert Contract.load(run.path / "contract.yaml") == other
        return
    (run.path / kept).parent.mkdir(exist_ok=True)
    (run.path / kept).touch()
    with pytest.raises(SettingsError, match="was trained with another 'method'"):
        run.begin({"method": "sdm"}, other)


def test_one_process_at_a_time_trains_in_a_folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    with run.held(), pytest.raises(SettingsError, match=r"run: process \d+ on .* trains in it: wait"), run.held():
        pass
    with run.held():
        pass


def test_a_finished_run_keeps_no_state_to_resume_from(tmp_path):
    (tmp_path / "state.safetensors").write_bytes(b"as large as all of a method's networks")
    finished_run(tmp_path, small_policy(demonstrations()), SamplingSettings())
    assert {path.name for path in tmp_path.iterdir()} == {"training.yaml", "contract.yaml", "weights.safetensors"}


def test_unfinished_and_missing_runs_say_what_to_do(tmp_path):
    with pytest.raises(CheckpointError, match="holds no training run"):
        RunFolder(tmp_path / "none").load_policy()
    policy = small_policy(demonstrations())
    RunFolder(tmp_path / "begun").begin({"policy": policy.settings.plain()}, policy.contract)
    with pytest.raises(CheckpointError, match="not trained to its end"):
        RunFolder(tmp_path / "begun").load_policy()


def test_weights_of_another_network_are_refused(tmp_path):
    data = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings())
    other = small_policy(data, denoiser={"kind": "adaln_mlp", "width": 32, "blocks": 1, "timestep_features": 8})
    run.finish(other.state_dict(), 1.0)
    with pytest.raises(CheckpointError, match="does not fit its run"):
        run.load_policy()


def test_an_exported_folder_is_a_whole_checkpoint(tmp_path):
    data: Demonstrations = demonstrations()
    run = finished_run(tmp_path / "run", small_policy(data), SamplingSettings())
    export_run(run, ExportSettings(), data, METRICS, Console(quiet=True))
    assert Checkpoint.open(tmp_path / "run" / "export").metrics["method"] == "dp3"


def test_a_pause_is_no_training_time(tmp_path):
    run, step = trainee("diffusion", settings={"steps": 2}), trainee("diffusion").step

    def step_after_a_pause(index: int):
        time.sleep(1.0)
        return step(index)

    run.step = step_after_a_pause  # type: ignore[method-assign]
    torch.set_num_threads(1)
    assert 0 < train(run, tmp_path, LoopSettings(), "test") < 2.0


def test_where_a_gpu_trains_the_wall_s_time_counts_though_numbers_are_drawn_on_the_cpu(tmp_path, monkeypatch):
    asked, run = [], trainee("diffusion", settings={"steps": 1})
    run.device = torch.device("cuda")
    torch.set_num_threads(1)
    monkeypatch.setattr("sdm_training.training.loop.training_clock", lambda device: asked.append(device) or time.time)
    train(run, tmp_path, LoopSettings(), "test")
    assert [training_clock(device) for device in asked] == [time.perf_counter]
