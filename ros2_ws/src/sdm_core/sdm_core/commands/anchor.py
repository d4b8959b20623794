"""From relative actions to absolute targets, anchored to the pose of the observation that they answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import CommandSpace, multiply
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

_REFERENCES = (None, "observation", "previous")


class MeasuredPose:
    """Where the robot stands, in the terms of its commands: action entries found by name among the state entries.

    A gripper counts as standing where it was last sent: what it holds stops it short of that, and to be told where it
    stopped would loosen its grip. One that was sent nowhere yet may go unmeasured (many report no position), and then
    counts as standing at its lower bound. Raises ContractError where any other entry is unmeasured.
    """

    def __init__(self, contract: Contract) -> None:
        names = contract.state_names
        entries = contract.action.entries
        unknown = [entry.name for entry in entries if entry.name not in names and not entry.is_gripper]
        if unknown:
            raise ContractError(
                f"action {', '.join(unknown)}: no state entry of the same name, so where the robot stands is unknown; "
                "name them alike, as in 'ee.x'"
            )
        self.measured = np.array([i for i, entry in enumerate(entries) if entry.name in names], np.intp)
        self._columns = np.array([names.index(entries[i].name) for i in self.measured], np.intp)
        self._grippers = np.array([i for i, entry in enumerate(entries) if entry.is_gripper], np.intp)
        self._rest = np.array([entry.low for entry in entries])

    def of(self, state: NDArray[np.float64], last: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """float64[A] from a state float64[S]; `last` [A] is the last command sent, if any."""
        pose = self._rest.copy()
        pose[self.measured] = state[self._columns]
        if last is not None:
            pose[self._grippers] = last[self._grippers]
        return pose


class Anchor:
    """Makes the chunks of an `ee_delta` contract absolute; those of other kinds pass as they are.

    With `delta_reference: observation` (the default) every target is relative to the observed pose; with `previous`
    each is relative to the target before it. Displacements add, rotations compose on the left (base frame). Entries
    without a measured pose, such as a gripper's command, are absolute already.
    """

    def __init__(self, contract: Contract) -> None:
        self._relative = contract.action.kind == "ee_delta"
        if not self._relative:
            return
        if contract.action.delta_reference not in _REFERENCES:
            raise ContractError(
                f"delta_reference '{contract.action.delta_reference}' is unknown; use observation or previous"
            )
        self._pose = MeasuredPose(contract)
        self._space = CommandSpace(contract.action)
        self._sums = np.intersect1d(self._pose.measured, self._space.linear)
        self._chained = contract.action.delta_reference == "previous"

    def absolute(self, chunk: ActionChunk, state: NDArray[np.float64]) -> ActionChunk:
        """`chunk` anchored to the newest state float64[S] of the observation that it answers."""
        if not self._relative:
            return chunk
        base = self._pose.of(state)
        targets = np.empty_like(chunk.targets)
        for index, delta in enumerate(chunk.targets):
            targets[index] = self._compose(base, delta)
            if self._chained:
                base = targets[index]
        return replace(chunk, targets=targets)

    def _compose(self, pose: NDArray[np.float64], delta: NDArray[np.float64]) -> NDArray[np.float64]:
        result = delta.copy()
        result[self._sums] += pose[self._sums]
        rotation = self._space.rotation
        if rotation is not None:
            result[rotation] = multiply(delta[rotation], pose[rotation])
        return self._space.normalised(result)


def absolute(contract: Contract, low: Sequence[float] = (), high: Sequence[float] = ()) -> Contract:
    """The contract of anchored chunks, bounded by the workspace: an `ee_delta` contract becomes `ee_pose`.

    `low`/`high` (metres) replace the bounds of an `ee_delta` contract's displacements, in their order, and narrow
    those of an `ee_pose` contract's x, y, z; without them (or with all zeros, where the contract has bounds of its own)
    displacements end nowhere and positions at the contract's bounds. Raises ContractError on a box for any other kind,
    and on one that leaves no room.
    """
    kind = contract.action.kind
    if kind == "ee_delta":
        bounded = _displacements(contract)
        low, high = low or [-math.inf] * len(bounded), high or [math.inf] * len(bounded)
    elif not any(low) and not any(high):
        return contract
    elif kind == "ee_pose":
        bounded = _positions(contract)
    else:
        raise ContractError(
            f"a workspace bounds 'ee_pose' and 'ee_delta' actions, not '{kind}'; take workspace_low and "
            "workspace_high out"
        )
    if len(low) != len(bounded) or len(high) != len(bounded):
        raise ContractError(f"the workspace has {len(low)} and {len(high)} bounds, the action {len(bounded)} positions")
    entries = list(contract.action.entries)
    for index, least, greatest in zip(bounded, low, high, strict=True):
        entry = entries[index]
        if kind == "ee_pose":
            least, greatest = max(entry.low, least), min(entry.high, greatest)
        if not least < greatest:
            raise ContractError(f"workspace of '{entry.name}' is [{least}, {greatest}]; set the box of the cell")
        entries[index] = entry.model_copy(update={"low": float(least), "high": float(greatest)})
    action = contract.action.model_copy(update={"kind": "ee_pose", "delta_reference": None, "entries": tuple(entries)})
    return contract.model_copy(update={"action": action, "normaliser": None})


def _displacements(contract: Contract) -> list[int]:
    return np.intersect1d(MeasuredPose(contract).measured, CommandSpace(contract.action).linear).tolist()


def _positions(contract: Contract) -> list[int]:
    axes = contract.action.axes
    return [axes.index(axis) for axis in ("x", "y", "z") if axis in axes]
