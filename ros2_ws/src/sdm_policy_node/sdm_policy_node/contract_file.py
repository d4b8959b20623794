"""The contract behind the parameter `checkpoint`, for nodes that run no network."""

from __future__ import annotations

from sdm_core.checkpoint import contract_at
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

CHECKPOINT_IN_USE = (
    "checkpoint is in use and changes only while the node is unconfigured; deactivate and clean up the node, "
    "set it, then configure and activate"
)
"""Why a node refuses another checkpoint."""


def load_contract(checkpoint: str) -> Contract:
    """From a checkpoint folder, or from a contract.yaml itself. Raises ContractError where there is none."""
    if not checkpoint:
        raise ContractError("parameter checkpoint is empty; name a checkpoint folder or a contract.yaml")
    return contract_at(checkpoint)


def readable_contract(checkpoint: str) -> Contract | None:
    """As load_contract, but None where there is none yet: whoever needs it says why."""
    try:
        return load_contract(checkpoint)
    except ContractError:
        return None
