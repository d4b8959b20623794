"""What lies nearest in time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeVar

Entry = TypeVar("Entry")


def nearest(entries: Sequence[Entry], wanted_ns: int, stamp_of: Callable[[Entry], int]) -> int:
    """The index of the entry nearest to a stamp; of two that are as near the older one's. Entries, one or more, ascend
    by `stamp_of`."""
    after = bisect_left(entries, wanted_ns, key=stamp_of)
    near = range(max(after - 1, 0), min(after + 1, len(entries)))
    return min(near, key=lambda index: abs(stamp_of(entries[index]) - wanted_ns))
