"""A crop box that a person asks for: what a contract makes of it."""

from __future__ import annotations

import math

import pytest
from sdm_core.contract import CloudSpec
from sdm_core.errors import ContractError
from sdm_core.perception.crop_box import CropBox

CLOUD = CloudSpec(frame="world", crop_low=(-1.0, -1.0, 0.0), crop_high=(1.0, 1.0, 2.0))


def test_bounds_that_are_not_given_are_the_contracts():
    assert CropBox().of(CLOUD) == CLOUD
    assert not CropBox().given
    box = CropBox(low=(math.nan, math.nan, 0.1))
    assert box.given
    spec = box.of(CLOUD)
    assert spec.crop_low == (-1.0, -1.0, 0.1)
    assert spec.model_copy(update={"crop_low": CLOUD.crop_low}) == CLOUD


@pytest.mark.parametrize(
    ("low", "high", "line"),
    [
        ((0.0, 0.0), (1.0, 1.0, 1.0), r"crop_low is \[0.0, 0.0\]; give three finite numbers"),
        ((0.0, 0.0, 0.0), (1.0, math.inf, 1.0), r"crop_high is \[1.0, inf, 1.0\]; give three finite numbers"),
        ((0.0, 0.5, 0.0), (1.0, 0.5, 1.0), "crop box from y = 0.5 to 0.5; crop_low must lie below"),
    ],
)
def test_what_is_no_box_of_any_contract_is_refused(low, high, line):
    with pytest.raises(ContractError, match=line):
        CropBox(low, high)


def test_a_bound_beyond_the_contracts_other_one_is_refused():
    with pytest.raises(ContractError, match=r"crop box from z = 2\.5 to 2; crop_low must lie below crop_high"):
        CropBox(low=(math.nan, math.nan, 2.5)).of(CLOUD)
