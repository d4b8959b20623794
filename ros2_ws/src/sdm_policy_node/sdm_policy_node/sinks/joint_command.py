"""The joints of a command: its entries but the gripper's, in the contract's order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

from sdm_policy_node.grippers.gripper_topic import require_one_gripper


class JointCommand:
    """Which entries of a contract's commands are joints."""

    def __init__(self, contract: Contract, sink: str, kind: str) -> None:
        """Raises ContractError where the action is of another kind, or has several grippers."""
        action = contract.action
        if action.kind != kind:
            raise ContractError(f"sink '{sink}' takes '{kind}' actions, not '{action.kind}'")
        require_one_gripper(action)
        self._indices = [index for index, entry in enumerate(action.entries) if not entry.is_gripper]
        self.names = [action.entries[index].name for index in self._indices]

    def of(self, commands: NDArray[np.float64]) -> NDArray[np.float64]:
        """[…, joints] of commands [..., A]."""
        return commands[..., self._indices]
