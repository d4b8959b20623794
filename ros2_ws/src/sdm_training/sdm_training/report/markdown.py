"""Markdown tables and the cells in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOT_RUN = "not run"
NOTHING_RUN = "Not run."  # where a table would stand
NOT_PRINTED = "not printed"
NONE = "–"  # where a figure has no meaning


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bracket(interval: tuple[float, float], form: str = ".0f") -> str:
    """An interval in per cent; `form` formats its bounds, such as `+.1f` for differences."""
    low, high = (100 * bound for bound in interval)
    return f"[{low:{form}}, {high:{form}}]"


def rate_cell(rate: float, interval: tuple[float, float], episodes: int) -> str:
    """A success rate in [0, 1] in per cent, with its interval and number of episodes: `96 [90, 98] (100)`."""
    return f"{100 * rate:.0f} {bracket(interval)} ({episodes})"


def code(text: str) -> str:
    """As code, which keeps a task's name in one piece."""
    return f"`{text}`"
