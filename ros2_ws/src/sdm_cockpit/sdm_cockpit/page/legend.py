"""What the colours of the 3-D view mean."""

from __future__ import annotations

from html import escape

import viser

from sdm_cockpit.page.palette import (
    BLACK,
    CLOUD_HIGH,
    CLOUD_LOW,
    CROP,
    PLANS,
    TRAIL,
    WARNING,
    WORKSPACE,
    Rgb,
    css,
)
from sdm_cockpit.snapshot import Plan


class Legend:
    """Names the plans that are drawn, too."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._html = gui.add_html("")

    def show(self, plans: tuple[Plan, ...], coloured: bool = False) -> None:
        """Sends only what changed; `coloured`: points have a colour of their own."""
        entries = [] if coloured else [_entry("cloud, low to high", CLOUD_LOW, CLOUD_HIGH)]
        entries += [
            _entry(f"{plan.label}: now to later", *colours)
            for plan, colours in zip(plans, PLANS, strict=False)
            if plan.path is not None
        ]
        entries += [
            _entry("tool's way", BLACK, TRAIL),
            _entry("crop box", CROP, CROP),
            _entry("workspace", WORKSPACE, WORKSPACE),
            _entry("gate holds back", WARNING, WARNING),
        ]
        self._html.content = f'<div class="legend">{" ".join(entries)}</div>'


def _entry(name: str, first: Rgb, last: Rgb) -> str:
    return f'<span><i style="background:linear-gradient(90deg,{css(first)},{css(last)})"></i>{escape(name)}</span>'
