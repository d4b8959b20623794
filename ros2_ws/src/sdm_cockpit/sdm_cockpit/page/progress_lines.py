"""How far the work has come that goes on beside the page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import viser

_STYLE = """<style>
.progress { margin: 0 0.8em 0.4em; font-size: 0.85em; }
.progress progress { width: 100%; height: 0.5em; }
</style>"""


class ProgressLines:
    """Tells of what is not finished, and of nothing else."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._html = gui.add_html(_STYLE)

    def show(self, work: Iterable[tuple[str, int, int]]) -> None:
        """`work`: its name, how much is done, and of how much."""
        lines = [_line(name, done, of) for name, done, of in work if done < of]
        self._html.content = _STYLE + "".join(lines)


def _line(name: str, done: int, of: int) -> str:
    return (
        f'<div class="progress">{escape(name)}: {done} of {of} steps'
        f'<progress value="{done}" max="{of}"></progress></div>'
    )
