"""A headless Chromium that sees a page of viser's as a person does: what is drawn and written, what can be pressed."""

from __future__ import annotations

import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import playwright.sync_api as playwright
import pytest
from PIL import Image

# The first that is installed. The shell is the smaller download and takes half of the processor's time.
_EXECUTABLES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

_ARGUMENTS = (
    "--disable-gpu",  # WebGL is drawn in software wherever it runs, and the page around it without WebGL
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # a page needs no internet
)

_FRAMES_DRAWN = "() => window.__viserTestpoints?.rendererInfo.render.frame ?? 0"

# There is no graphics card, and the page's remark on that would cover a part of the scene.
_WITHOUT_REMARK = """addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = "#webgl-software-rendering { display: none }";
    document.head.append(style);
})"""

_PROJECTED = """([name, point]) => {
    const { nodeRefFromName, camera, canvas } = window.__viserMutable ?? {};
    const node = nodeRefFromName?.[name];
    if (!node) return null;
    const seen = node.localToWorld(camera.position.clone().set(...point)).project(camera);
    const area = canvas.getBoundingClientRect();
    return [area.left + (1 + seen.x) / 2 * area.width, area.top + (1 - seen.y) / 2 * area.height];
}"""


class Page:
    """A window with a page of viser's in it.

    Questions are answered at once, with what is there now: `Graph.spin_until` can ask them while the graph is served.
    """

    def __init__(self, window: playwright.Page) -> None:
        self.window = window  # Playwright's own, for what is asked only once
        self.errors: list[str] = []
        window.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        window.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str) -> None:
        """Goes to an address; `frames_drawn` tells when there is something to see."""
        self.window.goto(address, wait_until="commit")

    def reload(self) -> None:
        """As with the browser's button: a new client for the server."""
        self.window.reload(wait_until="commit")

    def wait_until(self, predicate: Callable[[], object], timeout_s: float = 60.0) -> bool:
        """Serves the window until the predicate holds; False after the timeout."""
        deadline = time.monotonic() + timeout_s
        while not predicate():
            if time.monotonic() > deadline:
                return False
            self.window.wait_for_timeout(20)
        return True

    @property
    def frames_drawn(self) -> int:
        """How often the scene has been drawn since the page was opened."""
        return self.window.evaluate(_FRAMES_DRAWN)

    def says(self, text: str) -> bool:
        """Whether a text is to be read somewhere on the page."""
        return self.window.get_by_text(text).first.is_visible()

    def pixels(self) -> np.ndarray:
        """The whole window as it is seen: uint8 [height, width, 3]."""
        return np.asarray(Image.open(io.BytesIO(self.window.screenshot())).convert("RGB"))

    def position(self, node: str, point: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> tuple[float, float] | None:
        """Where a point in a scene node's frame is seen: x and y in pixels from the window's upper left corner.

        None while there is no such node.
        """
        found = self.window.evaluate(_PROJECTED, [node, point])
        return None if found is None else (found[0], found[1])

    def inputs(self, label: str) -> playwright.Locator:
        """What can be filled in, chosen or ticked beside a label, from left to right."""
        row = self.window.get_by_text(label, exact=True).locator("xpath=ancestor::div[2]")
        return row.locator("input:visible")

    def unfold(self, folder: str) -> None:
        """Opens a folder of controls, or closes it."""
        header = self.window.locator(".mantine-Paper-root > .mantine-Paper-root")
        header.filter(has_text=re.compile(f"^{re.escape(folder)}$")).click()

    def press(self, button: str) -> None:
        """Clicks on a button once it can be clicked on."""
        self.window.get_by_role("button", name=button, exact=True).click()

    @contextmanager
    def held(self, button: str) -> Iterator[None]:
        """Keeps a button pressed with the mouse."""
        self.window.get_by_role("button", name=button, exact=True).hover()
        self.window.mouse.down()
        try:
            yield
        finally:
            self.window.mouse.up()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Moves the mouse from one pixel to another with its button pressed."""
        self.window.mouse.move(*start)
        self.window.mouse.down()
        self.window.mouse.move(*end, steps=10)
        self.window.mouse.up()


class Browser:
    """A running Chromium without windows on any screen."""

    def __init__(self, chromium: playwright.Browser) -> None:
        self._chromium = chromium

    @contextmanager
    def page(self, width: int = 800, height: int = 600) -> Iterator[Page]:
        """An empty page in a profile of its own, as on another person's computer."""
        with self._chromium.new_context(viewport={"width": width, "height": height}) as profile:
            profile.set_default_timeout(60_000)
            profile.add_init_script(_WITHOUT_REMARK)
            yield Page(profile.new_page())


@contextmanager
def headless_browser() -> Iterator[Browser]:
    """Chromium for as long as the context lasts; the test is skipped where none is installed."""
    executable = next(filter(None, map(shutil.which, _EXECUTABLES)), None)
    if executable is None:
        pytest.skip("no Chromium is installed: run 'sudo apt-get install chromium-headless-shell'")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


def share_of_colour(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 30) -> float:
    """Which share of some pixels, uint8 [..., 3], is of a colour in each of its channels."""
    distance = np.abs(pixels.astype(int) - np.asarray(colour)).max(axis=-1)
    return float(np.mean(distance <= tolerance))
