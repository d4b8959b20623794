"""Which states a policy was never shown anything like."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract, with_normaliser
from sdm_core.contract import Bounds, Contract
from sdm_core.runtime.demonstrated_range import DemonstratedRange

# hand.z goes from 0.05 to 0.30 m, and the gap never changes.
LOW, HIGH = (-0.2, -0.3, 0.05, 0.0999), (0.2, 0.3, 0.30, 0.1001)


def trained() -> Contract:
    contract = with_normaliser(small_contract())
    assert contract.normaliser
    bounds = contract.normaliser.model_copy(update={"state": Bounds(low=LOW, high=HIGH)})
    return contract.model_copy(update={"normaliser": bounds})


def test_a_state_far_from_the_demonstrations_is_named_with_their_range() -> None:
    assert DemonstratedRange(trained()).outside(np.array([0.0, 0.35, 0.40, 0.1])) == (
        "state hand.z = 0.40 lies outside the demonstrations' 0.05 … 0.30: the policy extrapolates; begin where they do"
    )


@pytest.mark.parametrize(
    ("entry", "value", "far"),
    [(2, 0.34, False), (2, 0.36, True), (2, 0.01, False), (2, -0.01, True), (3, 0.115, False), (3, 0.13, True)],
)
def test_a_fifth_of_the_span_and_two_hundredths_at_least_are_allowed(entry: int, value: float, far: bool) -> None:
    state = np.array([0.0, 0.0, 0.1, 0.1])
    state[entry] = value
    assert bool(DemonstratedRange(trained()).outside(state)) is far


def test_without_a_normaliser_nothing_is_known_to_be_far() -> None:
    assert DemonstratedRange(small_contract()).outside(np.full(4, 1e3)) == ""
