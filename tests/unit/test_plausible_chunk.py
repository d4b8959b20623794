"""Which chunks are refused as a whole, because no arm can be meant."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.motion import pose_contract, rate_contract
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.plausible_chunk import require_orientations, require_plausible
from sdm_core.errors import CommandError

CONTRACT = pose_contract()
POSE = [0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0, 1.0]


def chunk(**changed: float) -> ActionChunk:
    """The same pose eight times, the last of them changed."""
    targets = np.tile(POSE, (8, 1))
    for name, value in changed.items():
        targets[-1, ["x", "y", "z"].index(name)] = value
    return ActionChunk(0, CONTRACT.dt_ns, targets, 3)


def test_what_the_gate_can_clip_is_passed() -> None:
    high = CONTRACT.action.entries[0].high
    require_plausible(chunk(), CONTRACT)
    require_plausible(chunk(x=high + 0.01), CONTRACT)


def test_a_target_that_no_arm_has_is_refused_by_name() -> None:
    name = CONTRACT.action.entries[1].name
    for wild in (50.0, -50.0):
        with pytest.raises(CommandError, match=rf"chunk 3: {name} lies .* beyond its bounds"):
            require_plausible(chunk(y=wild), CONTRACT)


@pytest.mark.parametrize("kind", ["ee_pose", "ee_delta"])
def test_a_quaternion_that_is_hardly_one_is_refused_with_its_step_and_norm(kind: str) -> None:
    contract = pose_contract(kind)
    require_orientations(chunk(), contract)
    short = chunk()
    short.targets[:, 6] = 0.6  # which the command's normalisation mends
    require_orientations(short, contract)
    short.targets[5:, 6] = 0.02
    with pytest.raises(CommandError, match=r"chunk 3: target 5 has a quaternion ee\.qx … ee\.qw of norm 0\.02, less"):
        require_orientations(short, contract)


def test_rates_have_no_place_to_be_far_from() -> None:
    contract = rate_contract()
    fast = ActionChunk(0, contract.dt_ns, np.full((4, len(contract.action.entries)), 9.0), 0)
    require_plausible(fast, contract)
    require_orientations(fast, contract)
