"""Where the tool is, where it has been, and where the gate held it back."""

from __future__ import annotations

from collections import deque

import numpy as np
import viser
from numpy.typing import NDArray

from sdm_cockpit.page.lines import coloured_line
from sdm_cockpit.page.palette import BLACK, TRAIL, WARNING, ramp
from sdm_cockpit.snapshot import Pose, Snapshot

TRAIL_S = 6.0
# A trail across a longer step would be a line that the tool never went: an episode began, or a recording was wound.
_JUMP_M, _GAP_S = 0.2, 1.0
_STEP_M = 0.001
_TRAIL_M = 0.004
FLASH_S = 0.6
_FLASH_DIAMETER_M = 0.05


class ToolTrail:
    """Axes at the tool, a line that fades behind it, and a ball with a word for each of the gate's clamps."""

    def __init__(self, scene: viser.SceneApi) -> None:
        self._axes = scene.add_frame("/tool", axes_length=0.06, axes_radius=0.002, visible=False)
        self._line = coloured_line(scene, "/trail", _TRAIL_M)
        self._ball = scene.add_icosphere(
            "/clamp", radius=_FLASH_DIAMETER_M / 2, color=WARNING, opacity=0.55, visible=False, cast_shadow=False
        )
        self._word = scene.add_label("/clamp/word", "", visible=False, anchor="bottom-center", font_screen_scale=1.4)
        self._past: deque[tuple[float, np.ndarray]] = deque()
        self._known: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._flash_until = -np.inf

    def show(self, snapshot: Snapshot) -> None:
        """Draws the tool's last seconds: as the snapshot knows them, or else as they were shown."""
        tool = snapshot.tool
        if tool is not None and np.isfinite(tool.position).all():
            self._axes.position = tool.position
            self._axes.wxyz = np.roll(tool.quaternion, 1)
            if snapshot.trail is None:
                self._follow(snapshot.time_s, tool)
            elif snapshot.trail is not self._known:
                recent = snapshot.trail[0] >= snapshot.time_s - TRAIL_S
                self._draw(snapshot.trail[0][recent], snapshot.trail[1][recent])
            self._known = snapshot.trail
        self._axes.visible = tool is not None
        self._flash(snapshot)

    def _follow(self, time_s: float, tool: Pose) -> None:
        if self._past:
            last_s, last = self._past[-1]
            away = float(np.linalg.norm(tool.position - last))
            if not 0.0 <= time_s - last_s <= _GAP_S or away > _JUMP_M:
                self._past.clear()
            elif away < _STEP_M:
                self._past[-1] = (time_s, last)
                return
        self._past.append((time_s, tool.position))
        while self._past[0][0] < time_s - TRAIL_S:
            self._past.popleft()
        self._draw(np.array([past_s for past_s, _ in self._past]), np.array([position for _, position in self._past]))

    def _draw(self, times_s: NDArray[np.float64], places: NDArray[np.float64]) -> None:
        """Places [T,3] at times [T], the last one now."""
        self._line.visible = len(places) > 1
        if len(places) > 1:
            points = places.astype(np.float32)
            colours = ramp(BLACK, TRAIL, 1.0 - (times_s[-1] - times_s) / TRAIL_S)
            self._line.points = np.stack([points[:-1], points[1:]], axis=1)
            self._line.colors = np.stack([colours[:-1], colours[1:]], axis=1)

    def _flash(self, snapshot: Snapshot) -> None:
        if snapshot.clamps:
            self._flash_until = snapshot.time_s + FLASH_S
            self._word.text = f"gate: {', '.join(dict.fromkeys(snapshot.clamps))}"
        shown = snapshot.tool is not None and self._flash_until - FLASH_S <= snapshot.time_s < self._flash_until
        self._ball.visible = self._word.visible = shown
        if shown and snapshot.tool is not None:
            self._ball.position = snapshot.tool.position
