"""A policy's answer to one observation: a short sequence of timed targets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdm_core.command_space import CommandSpace
from sdm_core.contract import Contract
from sdm_core.errors import CommandError


@dataclass(frozen=True, eq=False)
class ActionChunk:
    """`targets[i]` (float64[H, A], the contract's units) is meant for `stamp_ns + i * dt_ns`.

    `stamp_ns` is the observation's stamp, `sequence` counts the chunks of an episode.
    """

    stamp_ns: int
    dt_ns: int
    targets: NDArray[np.float64]
    sequence: int

    def __post_init__(self) -> None:
        if self.dt_ns <= 0:
            raise CommandError(f"chunk {self.sequence}: dt is {self.dt_ns} ns; it must be positive")
        if self.targets.ndim != 2 or len(self.targets) == 0:
            raise CommandError(f"chunk {self.sequence}: targets have shape {self.targets.shape}, expected [horizon, entries]")

    @property
    def end_ns(self) -> int:
        """The first time that no entry covers."""
        return self.stamp_ns + len(self.targets) * self.dt_ns


def anchor(chunk: ActionChunk, space: CommandSpace, pose: NDArray[np.float64]) -> ActionChunk:
    """Turns relative targets into absolute ones, starting at `pose` (float64[A], the pose of the observation answered).

    With `delta_reference: observation` every target is relative to `pose`; with `previous` each is relative to the target
    before it. Rotations compose on the left (base frame). The gripper, and any other entry whose name is not part of the
    pose, is absolute already and passes.
    """
    reference = space.spec.delta_reference
    absolute = np.empty_like(chunk.targets)
    base = np.asarray(pose, np.float64)
    for index, delta in enumerate(chunk.targets):
        absolute[index] = space.compose(base, delta)
        if reference == "previous":
            base = absolute[index]
    return replace(chunk, targets=absolute)


def absolute(contract: Contract, low: NDArray[np.float64], high: NDArray[np.float64]) -> Contract:
    """The contract of anchored chunks: an `ee_delta` contract as `ee_pose`, its entries bounded by the workspace instead.

    `low`/`high` (float64[A]) bound the absolute command. Other kinds are absolute already and come back unchanged.
    """
    if contract.action.kind != "ee_delta":
        return contract
    if len(low) != contract.action_dim or len(high) != contract.action_dim:
        raise CommandError(f"the workspace has {len(low)} and {len(high)} entries, the action {contract.action_dim}")
    entries = tuple(
        entry.model_copy(update={"low": float(a), "high": float(b)})
        for entry, a, b in zip(contract.action.entries, low, high, strict=True)
    )
    action = contract.action.model_copy(update={"kind": "ee_pose", "delta_reference": None, "entries": entries})
    return contract.model_copy(update={"action": action, "normaliser": None})
