"""The cockpit's page in a browser, by what people see on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
from sdm_cockpit.page.palette import CLOUD_HIGH, CLOUD_LOW, Rgb

from helpers.browser import Page, share_of_colour
from helpers.graph import Graph, NodeProcess

# Of the headline, and of what is drawn of the scene between the panels: left, top, right and bottom in pixels.
_HEADLINE = """() => {
    const headline = document.querySelector(".headline");
    if (!headline) return null;
    const area = headline.getBoundingClientRect();
    return [headline.dataset.state, [area.left, area.top, area.right, area.bottom]];
}"""
_SCENE = """() => {
    const area = window.__viserMutable.canvas.getBoundingClientRect();
    return [area.left, area.top, area.right, area.bottom];
}"""

# When something was clicked on, when each headline came, and when the scene was first drawn beside one.
_NOTES = """() => {
    addEventListener("click", () => { window.clickedMs = Date.now(); }, true);
    window.headlines = [];
    const note = () => {
        const state = document.querySelector(".headline")?.dataset.state;
        const drawn = window.__viserTestpoints?.rendererInfo.render.frame ?? 0;
        if (state && state !== window.headlines.at(-1)?.state) window.headlines.push({ state, ms: Date.now() });
        if (state && drawn && !window.shownMs) window.shownMs = Date.now();
        setTimeout(note, 5);
    };
    note();
}"""
_PROBLEMS = "() => document.querySelector('.problems')?.innerText ?? ''"

# A patch of so many pixels to each side is a piece of what is drawn there.
_PATCH = 5


class CockpitPage:
    """`page` is the window; questions are answered at once, with what is there now."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.window.add_init_script(f"({_NOTES})()")
        page.open(address)

    @property
    def clicked_s(self) -> float:
        """When something on it was last clicked on, in seconds of the wall's clock."""
        return self.page.window.evaluate("() => window.clickedMs") / 1e3

    @property
    def shown_s(self) -> float | None:
        """When the scene had been drawn, and the headline written, in seconds of the wall's clock; None before."""
        shown_ms = self.page.window.evaluate("() => window.shownMs ?? null")
        return None if shown_ms is None else shown_ms / 1e3

    def said_s(self, state: str) -> float:
        """When the headline last came to this word, in seconds of the wall's clock."""
        found = "state => window.headlines.findLast(headline => headline.state === state).ms"
        return self.page.window.evaluate(found, state) / 1e3

    @property
    def state(self) -> str:
        """The headline's word; empty before there is one."""
        found = self.page.window.evaluate(_HEADLINE)
        return found[0] if found else ""

    def shows(self, state: str, colour: Rgb) -> bool:
        """Whether the headline has this word, and more than half of its pixels this colour."""
        found = self.page.window.evaluate(_HEADLINE)
        if not found or found[0] != state:
            return False
        return share_of_colour(_cut(self.page.pixels(), found[1]), colour) > 0.5

    @property
    def problems(self) -> str:
        """The lines about what is wrong; empty where nothing is."""
        return self.page.window.evaluate(_PROBLEMS)

    def scene(self) -> np.ndarray:
        """The pixels of the 3-D view, uint8 [height, width, 3]."""
        return _cut(self.page.pixels(), self.page.window.evaluate(_SCENE))

    def sees_cloud(self) -> bool:
        """Whether the ends of the cloud's colours are seen in the 3-D view: what is lowest, and what is highest."""
        scene = self.scene()
        return min(share_of_colour(scene, colour) for colour in (CLOUD_LOW, CLOUD_HIGH)) > 2e-4

    def patch(self, node: str) -> np.ndarray | None:
        """The pixels where a node of the scene stands, uint8 [N,N,3]; None while it is nowhere."""
        position = self.page.position(node)
        if position is None:
            return None
        column, row = map(round, position)
        return self.page.pixels()[row - _PATCH : row + _PATCH, column - _PATCH : column + _PATCH]


def now_and_then(predicate: Callable[[], object], period_s: float = 0.25) -> Callable[[], bool]:
    """The predicate, asked at most so often: each look at a page's pixels costs the browser time."""
    asked_s = float("-inf")

    def ask() -> bool:
        nonlocal asked_s
        if time.monotonic() - asked_s < period_s:
            return False
        answer = bool(predicate())
        asked_s = time.monotonic()
        return answer

    return ask


def page_address(world: Graph, process: NodeProcess) -> str:
    """Where cockpit_node's page is, which it says in one line; from this machine, also where it is open to others."""
    pattern = re.compile(r"cockpit: (http://\S+)")
    assert world.spin_until(lambda: pattern.search(process.output) is not None, 60.0), process.output
    (found,) = pattern.findall(process.output)
    return f"http://127.0.0.1:{found.rsplit(':', 1)[1]}"


def _cut(pixels: np.ndarray, area: list[float]) -> np.ndarray:
    left, top, right, bottom = map(round, area)
    return pixels[top:bottom, left:right]
