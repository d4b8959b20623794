"""A box that is seen, dragged by two corners, or typed; what is asked for holds only when it is granted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import viser
from numpy.typing import NDArray

from sdm_cockpit.operator import Answer
from sdm_cockpit.page.lines import box_edges
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.snapshot import Box

_EDGE_M = 0.0025
_HANDLE_M = 0.12
_STEP_M = 0.005
# A box that was granted and is not seen within so many snapshots was granted by somebody who keeps another.
_PATIENCE = 60
# What was typed and never set gives way to what is.
_TYPING_S = 30.0


class BoxEditor:
    """One of the two boxes; `which` is its name ("crop" or "workspace"), `ask` sends a wish and its answer's way."""

    def __init__(
        self,
        server: viser.ViserServer,
        which: str,
        colour: Rgb,
        ask: Callable[[Box, Answer], None],
        log: Answer,
    ) -> None:
        self._server, self._which, self._ask, self._log = server, which, ask, log
        self._lock = threading.Lock()
        self._seen: Box | None = None
        self._wished: Box | None = None
        self._patience = 0
        self._dragging = False
        self._typed_until_s = float("-inf")

        scene, gui = server.scene, server.gui
        nothing = box_edges(Box(np.zeros(3), np.zeros(3)))
        self._edges = scene.add_line_segments(f"/{which}/edges", nothing, colour, thickness=_EDGE_M, visible=False)
        self._corners = [
            scene.add_transform_controls(
                f"/{which}/{side}", scale=_HANDLE_M, disable_rotations=True, depth_test=False, visible=False
            )
            for side in ("low", "high")
        ]
        for corner in self._corners:
            corner.on_update(self._on_drag)
        self._folder = gui.add_folder(f"{which} box", expand_by_default=False, visible=False)
        with self._folder:
            self._handles = gui.add_checkbox(f"drag the {which}'s corners", False)
            self._inputs = [
                gui.add_vector3(f"{which} {side} (m)", (0.0, 0.0, 0.0), step=_STEP_M) for side in ("low", "high")
            ]
            self._set = gui.add_button(f"Set the {which}")
        self._handles.on_update(self._on_handles)
        for typed in self._inputs:
            typed.on_update(self._on_typed)
        self._set.on_click(self._on_set)

    def show(self, box: Box | None, editable: bool) -> tuple[str, ...]:
        """Draws `box`, or what is wished for as long as that is not answered. A line where it is none."""
        problems: tuple[str, ...] = ()
        if box is not None and not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
            box, problems = None, (f"{self._which} box: its corners are not finite",)
        with self._lock:
            if self._wished is not None and not self._dragging:
                self._patience -= 1
                if self._patience <= 0 or (box is not None and _same(box, self._wished)):
                    self._wished = None
            self._seen = box
            self._folder.visible = editable and box is not None
            self._draw()
        return problems

    def _draw(self) -> None:
        box = self._wished or self._seen
        self._edges.visible = box is not None
        for corner in self._corners:
            corner.visible = self._folder.visible and self._handles.value
        if box is None:
            return
        self._edges.points = box_edges(box)
        ends = (box.low, box.high)
        if not self._dragging:
            for corner, end in zip(self._corners, ends, strict=True):
                corner.position = end
        if time.monotonic() > self._typed_until_s:
            for typed, end in zip(self._inputs, ends, strict=True):
                typed.value = (round(float(end[0]), 4), round(float(end[1]), 4), round(float(end[2]), 4))

    async def _on_drag(self, event: viser.TransformControlsEvent) -> None:
        low, high = (corner.position for corner in self._corners)
        wished = Box(np.minimum(low, high), np.maximum(low, high))
        # viser makes up an end for a visitor who vanishes in mid-drag, once it no longer counts him: that is no wish.
        vanished = event.phase == "end" and event.client_id not in self._server.get_clients()
        with self._lock:
            self._dragging = event.phase != "end"
            self._wished = None if vanished else wished
            self._patience = _PATIENCE
            self._draw()
        if event.phase == "end" and not vanished:
            self._request(wished)

    async def _on_handles(self, event: viser.GuiEvent) -> None:
        with self._lock:
            self._draw()

    async def _on_typed(self, event: viser.GuiEvent) -> None:
        if event.client_id is not None:  # else `show` has written it
            self._typed_until_s = time.monotonic() + _TYPING_S

    async def _on_set(self, event: viser.GuiEvent) -> None:
        low, high = (np.array(typed.value, np.float64) for typed in self._inputs)
        with self._lock:
            self._wished = Box(low, high)
            self._patience = _PATIENCE
        self._request(Box(low, high))

    def _request(self, box: Box) -> None:
        self._ask(box, self._answered)

    def _answered(self, granted: bool | None, line: str) -> None:
        self._log(granted, line)
        with self._lock:
            self._typed_until_s = float("-inf")
            if not granted:
                self._wished = None
            self._draw()


def _same(one: Box, other: Box) -> bool:
    return _close(one.low, other.low) and _close(one.high, other.high)


def _close(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.allclose(one, other, atol=1e-6))
