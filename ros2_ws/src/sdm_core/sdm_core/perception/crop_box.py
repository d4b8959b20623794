"""A crop box that a person asks for in place of the contract's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdm_core.contract import CloudSpec, Vector3
from sdm_core.errors import ContractError

AS_IN_CONTRACT = (math.nan, math.nan, math.nan)
"""The corner that leaves all its bounds to the contract."""


@dataclass(frozen=True)
class CropBox:
    """Corners x, y, z in m, in the frame of the contract's cloud; a bound that is NaN is the contract's own.

    Raises ContractError where no contract makes a box of it.
    """

    low: Sequence[float] = AS_IN_CONTRACT
    high: Sequence[float] = AS_IN_CONTRACT

    def __post_init__(self) -> None:
        for name, corner in (("crop_low", self.low), ("crop_high", self.high)):
            if len(corner) != 3 or any(math.isinf(bound) for bound in corner):
                raise ContractError(
                    f"{name} is {list(corner)}; give three finite numbers x, y, z (m), or nan for the contract's own"
                )
        _require_room(self.low, self.high)

    @property
    def given(self) -> bool:
        """Whether any bound is other than the contract's."""
        return not all(math.isnan(bound) for bound in (*self.low, *self.high))

    def of(self, spec: CloudSpec) -> CloudSpec:
        """`spec` with this box. Raises ContractError where nothing is left between its bounds and the contract's."""
        low, high = _filled(self.low, spec.crop_low), _filled(self.high, spec.crop_high)
        _require_room(low, high)
        return spec.model_copy(update={"crop_low": low, "crop_high": high})


def _filled(corner: Sequence[float], own: Vector3) -> Vector3:
    x, y, z = (kept if math.isnan(bound) else bound for bound, kept in zip(corner, own, strict=True))
    return x, y, z


def _require_room(low: Sequence[float], high: Sequence[float]) -> None:
    for axis, least, greatest in zip("xyz", low, high, strict=True):
        if least >= greatest:
            raise ContractError(f"crop box from {axis} = {least:g} to {greatest:g}; crop_low must lie below crop_high")
