"""Where the network's actions count from: the observed state, for the entries that the contract's action centres."""

from __future__ import annotations

import torch
from sdm_core.contract import Contract
from torch import Tensor


def action_centre(contract: Contract) -> Tensor:
    """float32 [S, A], 1 where an action entry is given relative to a state entry: state @ it is the actions' centre."""
    centre = torch.zeros(contract.state_dim, contract.action_dim)
    actions = [entry.name for entry in contract.action.entries]
    for name in contract.action.centre:
        centre[contract.state_names.index(name), actions.index(name)] = 1.0
    return centre
