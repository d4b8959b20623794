"""Latency of inference on this machine's GPU, as `timing` lines: every network at 10, 2 and 1 steps.

    python benchmarks/gpu_latency.py [--task metaworld/push-wall] [--repeats 300]

An observation on the host in, a chunk on the host out, batch 1. The weights are untrained: they change no time. All
variants of a network are timed in turn, so that a drift of the machine meets them alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sdm_core.contract import Bounds, Contract, NormaliserStatistics
from sdm_core.results import append_result
from sdm_sim.registry import make_task
from sdm_training.policy.policy import PolicySettings
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.programs.train import TrainSettings
from sdm_training.provenance import origin
from sdm_training.settings import composed
from sdm_training.training.run import seeded_policy
from torch import Tensor, nn

NETWORKS = ("paper", "simple", "small")
STEPS = (10, 2, 1)
WARM_UPS = 20
# Libraries choose their kernels and allocate in the first calls.
CALLS_BEFORE_CAPTURE = 3


class Captured:
    """A network as one CUDA graph: at batch 1 it is many small kernels, whose launches cost more than they do.

    Captures the network with copies of the first call's inputs; later calls are copies into them and a replay.

    The output is the graph's own memory: it holds until the next call.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._inputs: tuple[Tensor, ...] = ()
        self._output: Tensor | None = None
        self._graph = torch.cuda.CUDAGraph()

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Tensor:
        """The network's output for inputs of the shapes of the first call, on its device or the host."""
        if self._output is None:
            self._capture(inputs)
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given, non_blocking=True)
        self._graph.replay()
        assert self._output is not None
        return self._output

    def _capture(self, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = tuple(given.to("cuda", copy=True) for given in inputs)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(CALLS_BEFORE_CAPTURE):
                self._network(*self._inputs)
        torch.cuda.current_stream().wait_stream(aside)
        with torch.cuda.graph(self._graph):
            self._output = self._network(*self._inputs)


def with_unit_ranges(contract: Contract) -> Contract:
    """The contract with a normaliser that changes nothing."""
    state, action = contract.state_dim, contract.action_dim
    statistics = NormaliserStatistics(
        state=Bounds(low=(-1.0,) * state, high=(1.0,) * state),
        action=Bounds(low=(-1.0,) * action, high=(1.0,) * action),
    )
    return contract.model_copy(update={"normaliser": statistics})


def times(call: Callable[[], Tensor]) -> float:
    """Milliseconds from inputs on the host to the chunk on the host."""
    begin = time.perf_counter_ns()
    call().cpu()
    return (time.perf_counter_ns() - begin) / 1e6


def measure(task_name: str, network: str, repeats: int) -> dict[tuple[int, str], list[float]]:
    """Times in ms of each (steps, way of calling)."""
    device = torch.device("cuda")
    settings = composed("train", TrainSettings, (f"task={task_name}", f"network={network}"))
    task = make_task(task_name)
    contract = with_unit_ranges(settings.network.contract(task.contract))
    task.close()
    policy_settings = PolicySettings(network=settings.network, diffusion=settings.diffusion)
    policy = seeded_policy(policy_settings, contract, 0, device).eval().requires_grad_(False)
    cloud = contract.observation.cloud
    assert cloud is not None
    inputs = (
        torch.rand(1, cloud.steps, cloud.points, cloud.channels),
        torch.rand(1, contract.n_obs_steps, contract.state_dim),
        torch.randn(1, *policy.chunk_shape),
    )

    def eager(sampler: Sampler) -> Tensor:
        with torch.inference_mode():
            return sampler(*(values.to(device) for values in inputs))

    calls: dict[tuple[int, str], Callable[[], Tensor]] = {}
    for nfe in STEPS:
        sampler, captured = (
            Sampler(policy, SamplingSettings(nfe=nfe)),
            Captured(Sampler(policy, SamplingSettings(nfe=nfe))),
        )
        calls[nfe, "torch"] = lambda sampler=sampler: eager(sampler)
        calls[nfe, "torch, CUDA graph"] = lambda captured=captured: captured(*inputs)
    measured: dict[tuple[int, str], list[float]] = {key: [] for key in calls}
    for round_ in range(WARM_UPS + repeats):
        for key, call in calls.items():
            milliseconds = times(call)
            if round_ >= WARM_UPS:
                measured[key].append(milliseconds)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="metaworld/push-wall")
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/timing.jsonl"))
    options = parser.parse_args()
    for network in NETWORKS:
        for (nfe, backend), values in measure(options.task, network, options.repeats).items():
            p50, p99 = np.percentile(values, [50, 99])
            print(f"{network:8} {nfe:2} NFE  {backend:18} p50 {p50:8.3f} ms   p99 {p99:8.3f} ms   n {len(values)}")
            line = {
                "kind": "timing",
                "what": "infer",
                "variant": f"{network} network, {nfe} NFE",
                "device": torch.cuda.get_device_name(),
                "threads": 1,
                "backend": backend,
                "p50_ms": round(float(p50), 4),
                "p99_ms": round(float(p99), 4),
                "n": len(values),
                **origin(),
            }
            append_result(options.results, line)


if __name__ == "__main__":
    main()
