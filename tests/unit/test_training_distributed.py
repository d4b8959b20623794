"""torchrun: two processes that share a batch train as one process does on the whole of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.methods import learner_of
from safetensors.torch import load_file
from sdm_training import distributed
from sdm_training.method_parts.optimiser import Optimiser, OptimiserSettings
from sdm_training.settings import SettingsError
from sdm_training.training.loop import resumed_seed
from sdm_training.training.run import SEEDS

TESTS = Path(__file__).parents[1]
PROGRAM = """
import sys
from pathlib import Path
import torch
from helpers.methods import learner_of
from helpers.training import demonstrations, windows_of
from safetensors.torch import save_file
from sdm_training.compute import ComputeSettings, set_up
from sdm_training.distributed import rank
from sdm_training.method_parts.optimiser import Optimiser, OptimiserSettings
from sdm_training.training.single import Training
from sdm_training.training.loop import LoopSettings, train
set_up(ComputeSettings(device="cpu"))

weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
optimiser = Optimiser([weight], OptimiserSettings(learning_rate=0.1, weight_decay=0.0), 20)
data = torch.arange(40.0).reshape(20, 2, 1)[:, rank()]
for step in range(20):
    optimiser.step(((weight - data[step]) ** 2).sum(), step)
torch.save(weight.detach(), f"{sys.argv[1]}/{rank()}.pt")

learner = learner_of("sdm_trained_encoder")
windows = windows_of(demonstrations(), learner.policy)
training = Training(learner, windows, torch.Generator().manual_seed(rank()))
train(training, Path(sys.argv[1]) / "run", LoopSettings(state_every=4), "test")
save_file({name: value.clone() for name, value in training.weights().items()}, f"{sys.argv[1]}/{rank()}.safetensors")
"""


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory) -> Path:
    """The folder of what the program wrote in two processes."""
    folder = tmp_path_factory.mktemp("two_processes")
    file = folder / "program.py"
    file.write_text(PROGRAM)
    # By address: a machine's own name is not always one that resolves.
    loopback = {"GLOO_SOCKET_IFNAME": "lo"}
    environment = {**os.environ, **loopback, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    command = [*torchrun, "--nproc-per-node=2", str(file), str(folder)]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_two_processes_descend_the_mean_of_their_gradients(two_processes):
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimiser = Optimiser([weight], OptimiserSettings(learning_rate=0.1, weight_decay=0.0), 20)
    data = torch.arange(40.0).reshape(20, 2)
    for step in range(20):
        optimiser.step(((weight[None] - data[step][:, None]) ** 2).sum(1).mean(), step)
    for rank in range(2):
        torch.testing.assert_close(torch.load(two_processes / f"{rank}.pt", weights_only=True), weight.detach())


def test_the_processes_of_a_training_keep_the_same_weights_and_the_first_one_writes(two_processes):
    first, second = (load_file(two_processes / f"{rank}.safetensors") for rank in range(2))
    untrained = learner_of("sdm_trained_encoder").weights()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0)
    assert any(not torch.equal(value, untrained[name]) for name, value in first.items())
    assert (two_processes / "run" / "state.safetensors").is_file()


def test_a_process_that_is_resumed_draws_what_it_never_drew():
    def drawn(seed: int) -> tuple[float, ...]:
        return tuple(torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist())

    seeds = (1, 2, 1 + SEEDS, 2 + SEEDS)
    streams = {drawn(seed) for seed in seeds} | {drawn(resumed_seed(seed, 500 * k)) for seed in seeds for k in (1, 2)}
    assert len(streams) == len(seeds) * 3


def test_a_batch_that_cannot_be_divided_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(SettingsError, match="a batch of 32 cannot be divided among 3 processes"):
        distributed.share_of(32)
