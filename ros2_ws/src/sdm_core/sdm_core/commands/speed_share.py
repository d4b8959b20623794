"""A contract whose arm goes slower than it was recorded: for the first runs on a robot."""

from __future__ import annotations

from sdm_core.commands.command_space import is_motion, is_rate
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import ContractError


def slowed(contract: Contract, share: float) -> Contract:
    """`contract` with `share` in (0, 1] of its speed allowed; accelerations stay, so that a stop takes no longer.

    A gripper's entry stays as it is. Raises ContractError where a share is wanted of commands that are no speeds or
    places.
    """
    action = contract.action
    if share == 1.0:
        return contract
    if not (is_motion(action) or is_rate(action)):
        raise ContractError(f"speed_share {share:g}: '{action.kind}' commands have no speed; leave it at 1")
    slow = _slow_rate if is_rate(action) else _slow_place
    entries = tuple(entry if entry.is_gripper else slow(entry, share) for entry in action.entries)
    return contract.model_copy(update={"action": action.model_copy(update={"entries": entries})})


def _slow_rate(entry: ActionEntry, share: float) -> ActionEntry:
    return entry.model_copy(update={"low": share * entry.low, "high": share * entry.high})


def _slow_place(entry: ActionEntry, share: float) -> ActionEntry:
    if entry.max_velocity is None:
        return entry
    return entry.model_copy(update={"max_velocity": share * entry.max_velocity})
