"""A network as one CUDA graph: at batch 1 a policy is many small kernels, whose launches cost more than they do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Libraries choose their kernels and allocate in the first calls.
CALLS_BEFORE_CAPTURE = 3


class Captured:
    """Captures the network with copies of the first call's inputs; later calls are copies into them and a replay.

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
