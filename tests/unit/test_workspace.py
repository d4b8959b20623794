"""The workspace of the start can be narrowed, and never left."""

from __future__ import annotations

import math

import pytest
from sdm_core.commands.workspace import Workspace
from sdm_core.errors import ContractError

CELL = Workspace((0.25, -0.4, 0.02), (0.7, 0.4, 0.6))


def test_a_box_within_the_first_is_one():
    for box in (CELL, Workspace((0.3, -0.1, 0.05), (0.5, 0.4, 0.6))):
        box.require_within(CELL)


def test_without_a_first_box_the_contract_alone_bounds_it():
    none = Workspace((0.0,) * 3, (0.0,) * 3)
    assert not none.given
    CELL.require_within(none)


@pytest.mark.parametrize(
    ("low", "high", "line"),
    [
        ((0.2, -0.4, 0.02), (0.7, 0.4, 0.6), r"workspace_low\[0\] = 0.2, .*started with \[0.25, 0.7\]"),
        ((0.25, -0.4, 0.02), (0.7, 0.4, 0.7), r"workspace_high\[2\] = 0.7: the node was started with \[0.02, 0.6\]"),
        ((0.25, -0.4, 0.3), (0.7, 0.4, 0.3), r"workspace_low\[2\] = 0.3, .*must lie below"),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), r"workspace_low\[0\] = 0, .*must lie below"),
        ((math.nan, -0.4, 0.02), (0.7, 0.4, 0.6), "workspace_low is .*give finite numbers"),
        ((0.25, -0.4, 0.02), (0.7, 0.4, math.inf), "workspace_high is .*give finite numbers"),
        ((0.25, -0.4), (0.7, 0.4), "the workspace has 2 and 2 bounds, 3 expected"),
    ],
)
def test_any_other_is_refused(low, high, line):
    with pytest.raises(ContractError, match=line):
        Workspace(low, high).require_within(CELL)
