"""Whether a policy's chunk can be meant: a network far from its data gives targets that no arm has."""

from __future__ import annotations

import numpy as np

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import CommandSpace, is_motion
from sdm_core.contract import Contract
from sdm_core.errors import CommandError

# A network near its data gives quaternions of norm about 1; of a much shorter one the direction is noise.
_LEAST_NORM = 0.5
_FAR = "the policy is far from its data; begin where its demonstrations do, and see that its cameras show the same"


def require_orientations(chunk: ActionChunk, contract: Contract) -> None:
    """Raises CommandError where a quaternion of a pose chunk is too short to be an orientation. For chunks as the
    network gives them: an anchored target is normalised."""
    rotation = CommandSpace(contract.action).rotation
    if rotation is None or not is_motion(contract.action):
        return
    norms = np.linalg.norm(chunk.targets[:, rotation], axis=1)
    for step in np.flatnonzero(~(norms >= _LEAST_NORM))[:1]:
        first, last = (contract.action.entries[index].name for index in (rotation.start, rotation.stop - 1))
        raise CommandError(
            f"chunk {chunk.sequence}: target {step} has a quaternion {first} … {last} of norm {norms[step]:.3g}, less "
            f"than {_LEAST_NORM}: no orientation; {_FAR}"
        )


def require_plausible(chunk: ActionChunk, contract: Contract) -> None:
    """Raises CommandError where a target of a pose or joint chunk lies farther beyond the contract's bounds than the
    robot gets within the chunk, at its greatest speed. What is nearer is the gate's to clip."""
    if not is_motion(contract.action):
        return
    space = CommandSpace(contract.action)
    linear = space.linear
    span_s = len(chunk.targets) * contract.dt
    reach = space.max_velocity[: len(linear)] * span_s
    targets = chunk.targets[:, linear]
    beyond = np.maximum(targets - space.high[linear], space.low[linear] - targets).max(axis=0)
    for axis in np.flatnonzero(beyond > reach):
        entry = contract.action.entries[linear[axis]]
        raise CommandError(
            f"chunk {chunk.sequence}: {entry.name} lies {beyond[axis]:.2f} {entry.unit} beyond its bounds, and the "
            f"robot gets {reach[axis]:.2f} {entry.unit} within a chunk; {_FAR}"
        )
