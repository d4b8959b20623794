"""Velocities stop at zero."""

from __future__ import annotations

from sdm_core.contract import Contract
from sdm_core.errors import ContractError


def require_zero_hold(contract: Contract, sink: str) -> None:
    """Raises ContractError where the contract's hold lets anything but a gripper go on."""
    for entry, value in zip(contract.action.entries, contract.action.hold, strict=True):
        if value != 0 and not entry.is_gripper:
            raise ContractError(f"sink '{sink}': the contract holds {entry.name} at {value}; a stop must be 0")
