"""The box that the tool may not leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdm_core.errors import ContractError


@dataclass(frozen=True)
class Workspace:
    """Corners in m, in the base frame, a bound for each position of the action; all zeros: no box is asked for.

    What it does to a contract is `anchor.absolute`'s to say.
    """

    low: Sequence[float]
    high: Sequence[float]

    @property
    def given(self) -> bool:
        """Whether it is a box."""
        return any(self.low) or any(self.high)

    def require_within(self, outer: Workspace) -> None:
        """Raises ContractError where a bound is not finite, or lies beyond those of `outer`, if that is a box."""
        for name, corner in (("workspace_low", self.low), ("workspace_high", self.high)):
            if not all(math.isfinite(bound) for bound in corner):
                raise ContractError(f"{name} is {list(corner)}; give finite numbers (m)")
        if not outer.given:
            return
        if not len(self.low) == len(self.high) == len(outer.low):
            raise ContractError(
                f"the workspace has {len(self.low)} and {len(self.high)} bounds, {len(outer.low)} expected"
            )
        for index, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            found = f"workspace_low[{index}] = {low:g}, workspace_high[{index}] = {high:g}"
            if not low < high:
                raise ContractError(f"{found}; the first must lie below the second")
            least, greatest = outer.low[index], outer.high[index]
            if low < least or high > greatest:
                raise ContractError(
                    f"{found}: the node was started with [{least:g}, {greatest:g}], and its box may only be narrowed; "
                    "start it with another"
                )
