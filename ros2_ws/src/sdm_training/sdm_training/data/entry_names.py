"""What an entry of a state or an action is, as its name tells: `hand.x` and `hand.y` are parts of one position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

QUATERNION = ("qx", "qy", "qz", "qw")


def split(name: str) -> tuple[str, str]:
    """Its stem and its suffix, as (`hand`, `x`)."""
    stem, _, suffix = name.rpartition(".")
    return stem, suffix


def groups(names: Sequence[str], suffixes: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """The columns of each group of entries of one stem that end in all of `suffixes`."""
    for stem in dict.fromkeys(split(name)[0] for name in names):
        group = [f"{stem}.{suffix}" if stem else suffix for suffix in suffixes]
        if set(group) <= set(names):
            yield tuple(names.index(name) for name in group)
