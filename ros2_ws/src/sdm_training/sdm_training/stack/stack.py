"""Trains M learners of one method and network at once: one forward and backward pass over stacked weights.

A learner's losses are pure functions (see method_parts/learner.py), so torch.func.vmap runs them for all M sets of
weights and batches in the same kernels; on a GPU each kind of step is captured once as a CUDA graph and replayed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from sdm_training.data.windows import Windows
from sdm_training.draws import Draws
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import Average, Learner, Update
from sdm_training.networks.encoders.pointnet import PointNet
from sdm_training.observation import Batch
from sdm_training.settings import SettingsError
from sdm_training.stack.stacked_optimiser import StackedOptimiser

# Steps of each kind that run as they are before one is captured: libraries allocate in the first.
STEPS_BEFORE_CAPTURE = 3


class Stack:
    """M learners with the same settings and shapes, each with its own windows; their order is kept."""

    randomness: Literal["different", "same"] = "different"
    """Whether runs draw different numbers."""

    def __init__(self, learners: Sequence[Learner], windows: Sequence[Windows], seed: int) -> None:
        self.learners, self.template = list(learners), learners[0]
        self.device = windows[0].device
        # Its own stream and numbers, so that several stacks can be in flight at once.
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.draws = Draws(self.device, self.generator)
        for learner in self.learners:
            for module in learner.modules():
                if isinstance(module, PointNet):
                    module.sparse_gradient = False
        self.feeds = [Feed(learner.feeding, some, self.draws) for learner, some in zip(learners, windows, strict=True)]
        tensors = _stacked(self.learners)
        self.in_dims = {name: None if shared else 0 for name, (_, shared) in tensors.items()}
        self.values = {name: tensor for name, (tensor, _) in tensors.items()}
        self._steps = {
            update.name: _UpdateStep(self, update, [a for a in self.template.averages if a.after == update.name])
            for update in self.template.updates
        }
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream())
        self._graphs: dict[tuple[str, ...], Callable[[], None]] = {}
        self._seen: dict[tuple[str, ...], int] = {}

    def step(self, index: int) -> None:
        """Step number `index` of every run; on a GPU it is queued on the stack's own stream."""
        due = tuple(update.name for update in self.template.updates if update.due(index))
        if self.stream is None:
            self._run(due)
            return
        with torch.cuda.stream(self.stream):
            self._seen[due] = self._seen.get(due, 0) + 1
            if due not in self._graphs and self._seen[due] > STEPS_BEFORE_CAPTURE:
                self._graphs[due] = self._captured(due)
            self._graphs.get(due, lambda: self._run(due))()

    def scalars(self) -> dict[str, Tensor]:
        """What the last updates logged, each [M]."""
        return {name: value for step in self._steps.values() for name, value in step.scalars.items()}

    def finish(self) -> None:
        """Waits for the steps that are queued, and gives every learner its own weights."""
        if self.stream is not None:
            self.stream.synchronize()
        for index, learner in enumerate(self.learners):
            own = {name: value if self.in_dims[name] is None else value[index] for name, value in self.values.items()}
            with torch.no_grad():
                for name, tensor in (*learner.named_parameters(), *learner.named_buffers()):
                    tensor.copy_(own[name])

    def _run(self, due: tuple[str, ...]) -> None:
        batch = stack_batches([feed.batch() for feed in self.feeds])
        for name in due:
            self._steps[name](batch)

    def _captured(self, due: tuple[str, ...]) -> Callable[[], None]:
        # An earlier stack's graphs are freed now: the driver refuses it while a stream is capturing.
        gc.collect()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        gc.disable()
        try:
            # On the own stream, whose workspaces for matrix products no other stack's graph uses.
            with torch.cuda.graph(graph, stream=self.stream):
                self._run(due)
        finally:
            gc.enable()
        return graph.replay

    def losses(self, update: str, trained: dict[str, Tensor], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Every run's loss [M] and scalars [M]; `trained` replaces parameters by the ones to be differentiated."""

        def one(tensors: dict[str, Tensor], batch: Batch) -> Any:
            return functional_call(self.template, tensors, (update, batch, self.draws))

        batch_dims = tree_map(lambda leaf: None if leaf is None else 0, batch, is_leaf=lambda leaf: leaf is None)
        return vmap(one, in_dims=(self.in_dims, batch_dims), randomness=self.randomness)(
            {**self.values, **trained}, batch
        )


class _UpdateStep:
    """One update of a stack with its optimiser and averages."""

    def __init__(self, stack: Stack, update: Update, averages: list[Average]) -> None:
        self.stack, self.update = stack, update
        self.names = [name for name, _ in stack.template.trained(update)]
        self.parameters = [stack.values[name] for name in self.names]
        count = update.count(stack.template.steps)
        self.optimiser = StackedOptimiser(self.parameters, update.optimiser, count)
        self.count = torch.zeros(1, dtype=torch.long, device=stack.device)
        self.averages = [_StackedAverage(stack, average, count) for average in averages]
        self.scalars: dict[str, Tensor] = {}

    def __call__(self, batch: Batch) -> None:
        trained = [parameter.detach().requires_grad_() for parameter in self.parameters]
        losses, scalars = self.stack.losses(self.update.name, dict(zip(self.names, trained, strict=True)), batch)
        self.optimiser.step(torch.autograd.grad(losses.sum(), trained), self.count)
        for average in self.averages:
            average.update(self.count)
        self.count += 1
        self.scalars = {name: value.detach() for name, value in scalars.items()}


class _StackedAverage:
    """An Average (see learner) of every run."""

    def __init__(self, stack: Stack, average: Average, steps: int) -> None:
        names = [name for name, _ in stack.template.get_submodule(average.source).named_parameters()]
        self._sources = [stack.values[f"{average.source}.{name}"] for name in names]
        self._targets = [stack.values[f"{average.target}.{name}"] for name in names]
        weights = [1 - average.settings.decay(step) for step in range(steps)]
        self._weights = torch.tensor(weights, device=stack.device)

    @torch.no_grad()
    def update(self, count: Tensor) -> None:
        moves = torch._foreach_sub(self._sources, self._targets)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_mul_(moves, self._weights[count][0])  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_add_(self._targets, moves)  # pyright: ignore[reportPrivateImportUsage]


def _stacked(learners: Sequence[Learner]) -> dict[str, tuple[Tensor, bool]]:
    """Every parameter and buffer as [M, …], or as it is where it is a constant that all runs share; and which it is."""
    parameters = [dict(learner.named_parameters()) for learner in learners]
    buffers = [dict(learner.named_buffers()) for learner in learners]
    result: dict[str, tuple[Tensor, bool]] = {}
    for name in parameters[0]:
        tensors = [some[name].detach() for some in parameters]
        if len({tensor.shape for tensor in tensors}) > 1:
            raise SettingsError(
                f"the runs differ in the shape of '{name}': stack runs of equal networks and spaces only"
            )
        result[name] = torch.stack(tensors), False
    for name, first in buffers[0].items():
        shared = all(torch.equal(first, some[name]) for some in buffers)
        result[name] = (first, True) if shared else (torch.stack([some[name] for some in buffers]), False)
    return result


def stack_batches(batches: Sequence[Batch]) -> Batch:
    """The batches of M runs as one, with leaves [M, B, …]; what they lack stays None."""

    def stacked(*leaves: Tensor | None) -> Tensor | None:
        return None if leaves[0] is None else torch.stack([leaf for leaf in leaves if leaf is not None])

    return tree_map(stacked, *batches)
