"""State vectors are matched by name, never by index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdm_core.contract import StateEntry
from sdm_core.errors import ObservationError
from sdm_core.runtime.state_vector import StateVector

NAMES = ("hand.x", "hand.y", "gap")


def state_vector() -> StateVector:
    return StateVector([StateEntry(name=name, unit="m") for name in NAMES])


@given(st.permutations([*NAMES, "elbow", "wrist"]))
def test_order_and_company_do_not_matter(names: list[str]) -> None:
    values = {name: float(index) for index, name in enumerate((*NAMES, "elbow", "wrist"))}
    gathered = state_vector().gather(names, [values[name] for name in names])
    assert gathered.dtype == np.float64
    assert gathered.tolist() == [0.0, 1.0, 2.0]


def test_a_driver_that_changes_its_order_midway_is_followed() -> None:
    vector = state_vector()
    assert vector.gather(NAMES, [1, 2, 3]).tolist() == [1, 2, 3]
    assert vector.gather(NAMES[::-1], [1, 2, 3]).tolist() == [3, 2, 1]
    assert vector.gather(NAMES, [1, 2, 3]).tolist() == [1, 2, 3]


def test_missing_names_are_all_named_with_what_there_is() -> None:
    with pytest.raises(ObservationError) as caught:
        state_vector().gather(("hand.x", "elbow"), [1.0, 2.0])
    assert "lacks hand.y, gap" in str(caught.value)
    assert "hand.x, elbow" in str(caught.value)


def test_no_names_at_all_is_said() -> None:
    with pytest.raises(ObservationError, match="no names"):
        state_vector().gather((), [])


def test_names_that_go_missing_midway_are_refused() -> None:
    vector = state_vector()
    vector.gather(NAMES, [1, 2, 3])
    with pytest.raises(ObservationError, match="lacks gap"):
        vector.gather(NAMES[:2], [1, 2])
    assert vector.gather(NAMES, [1, 2, 3]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    with pytest.raises(ObservationError, match=r"state hand\.y is not finite"):
        state_vector().gather(NAMES, [0.0, bad, 0.0])


def test_a_bad_value_under_a_name_that_is_not_wanted_does_no_harm() -> None:
    assert state_vector().gather((*NAMES, "elbow"), [1, 2, 3, float("nan")]).tolist() == [1, 2, 3]


def test_names_without_their_values_are_refused() -> None:
    with pytest.raises(ObservationError, match="3 names but 2 values"):
        state_vector().gather(NAMES, [1.0, 2.0])


def test_a_name_given_twice_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ObservationError, match=r"gap.*twice"):
        state_vector().gather((*NAMES, "gap"), [1.0, 2.0, 3.0, 4.0])


def test_what_it_returns_is_the_caller_s_own() -> None:
    values = np.array([1.0, 2.0, 3.0])
    gathered = state_vector().gather(NAMES, values)
    values[:] = 9
    assert gathered.tolist() == [1, 2, 3]
