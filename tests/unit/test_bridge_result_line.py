"""What a result line of the bridge calls its policy."""

from __future__ import annotations

import numpy as np
import pytest
from sdm_sim.bridge.episode import Outcome
from sdm_sim.bridge.parameters import BridgeParameters
from sdm_sim.bridge.result_line import result_line


@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [("", ""), ("/runs/mine", "mine"), ("runs/mine/", "mine"), ("/cell/contract.yaml", "contract.yaml")],
)
def test_a_policy_is_called_by_the_last_part_of_its_checkpoint(checkpoint: str, name: str) -> None:
    outcome = Outcome(
        seed=7, success=True, actions=np.zeros((1, 4)), misses=0, refused=0, late_commands=0, late_steps=0,
        dropped_images=0, wall_s=1.0,
    )  # fmt: skip
    assert result_line(BridgeParameters(checkpoint=checkpoint), outcome)["checkpoint"] == name
