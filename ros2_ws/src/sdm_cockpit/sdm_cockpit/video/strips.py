"""Strip charts of a recorded episode: what was commanded, and how long the loop took, with the present marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sdm_core.contract import ActionEntry

from sdm_cockpit.page import palette
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.replay.recording import Recording

# With more entries than this all share one strip.
_OWN_STRIPS = 8
_LINES = (palette.ORANGE, palette.SKY_BLUE, palette.BLUISH_GREEN, palette.YELLOW, palette.REDDISH_PURPLE)
_FONT_SIZE, _MARGIN = 12, 6
# Bounds so many times as wide as what was commanded say little of it; what did not change at all has half this height.
_WIDE, _NARROW = 10.0, 1e-3


@dataclass(frozen=True, eq=False)
class Strip:
    """Some lines [T] over the steps, drawn from `low` to `high`; `limit` is a value that must not be passed."""

    title: str
    lines: tuple[NDArray, ...]
    low: float
    high: float
    limit: float | None = None


def strips_of(recording: Recording) -> list[Strip]:
    """The commands' entries between their bounds, and the loop's time where it was recorded."""
    entries, action = recording.contract.action.entries, recording.action
    if len(entries) <= _OWN_STRIPS:
        strips = [_entry_strip(entry, action[:, index]) for index, entry in enumerate(entries)]
    else:
        low, high = np.array([entry.low for entry in entries]), np.array([entry.high for entry in entries])
        shares = 2 * (action - low) / (high - low) - 1
        strips = [Strip(f"{len(entries)} commands, each from its low to its high", tuple(shares.T), -1.0, 1.0)]
    timings = recording.deeds.timings
    if timings:
        loop = np.array([timings[step].loop_ms if step in timings else np.nan for step in range(len(recording))])
        deadline = recording.contract.dt * 1e3
        high = 1.2 * max(float(np.nanmax(loop)), deadline)
        strips.append(Strip(f"loop  (ms, {deadline:g} allowed)", (loop,), 0.0, high, deadline))
    return strips


class StripCharts:
    """Strips below each other. Lines are drawn once; each picture adds the cursor and the present values."""

    def __init__(self, strips: list[Strip], width: int, height: int) -> None:
        self._strips, self._width = strips, width
        self._font = ImageFont.load_default(size=_FONT_SIZE)
        self._row = height // len(strips)
        self._lines = Image.new("RGB", (width, height), palette.BLACK)
        draw = ImageDraw.Draw(self._lines)
        for index, strip in enumerate(strips):
            self._draw(draw, strip, index)

    def draw(self, step: int) -> Image.Image:
        """The charts with a step marked."""
        picture = self._lines.copy()
        draw = ImageDraw.Draw(picture)
        for index, strip in enumerate(self._strips):
            x = self._column(step, len(strip.lines[0]))
            top, bottom = self._span(index)
            draw.line([(x, top), (x, bottom)], fill=palette.WHITE, width=1)
            values = [line[step] for line in strip.lines]
            if len(values) == 1 and np.isfinite(values[0]):
                place = (self._width - _MARGIN, index * self._row + _MARGIN)
                draw.text(place, f"{values[0]:.3g}", font=self._font, fill=palette.WHITE, anchor="ra")
                y = self._height_of(values[0], strip, index)
                draw.circle((x, y), 3, fill=palette.WHITE)
        return picture

    def _draw(self, draw: ImageDraw.ImageDraw, strip: Strip, index: int) -> None:
        top, bottom = self._span(index)
        draw.text((_MARGIN, index * self._row + _MARGIN), strip.title, font=self._font, fill=palette.WHITE)
        draw.rectangle([_MARGIN, top, self._width - _MARGIN, bottom], fill=(28, 30, 33))
        levels: list[tuple[float, Rgb]] = [(0.0, (60, 64, 70))] if strip.low < 0 < strip.high else []
        if strip.limit is not None:
            levels.append((strip.limit, palette.WARNING))
        for value, colour in levels:
            y = self._height_of(value, strip, index)
            draw.line([(_MARGIN, y), (self._width - _MARGIN, y)], fill=colour, width=1)
        for number, line in enumerate(strip.lines):
            colour = _LINES[(index + number) % len(_LINES)]
            known = np.flatnonzero(np.isfinite(line)).tolist()
            places = [(self._column(step, len(line)), self._height_of(line[step], strip, index)) for step in known]
            draw.line(places, fill=colour, width=2, joint="curve")

    def _span(self, index: int) -> tuple[int, int]:
        """Rows of pixels that a strip's lines have, below its title."""
        return index * self._row + _FONT_SIZE + 2 * _MARGIN, (index + 1) * self._row - 2

    def _column(self, step: int, steps: int) -> float:
        return _MARGIN + (self._width - 2 * _MARGIN) * step / max(steps - 1, 1)

    def _height_of(self, value: float, strip: Strip, index: int) -> float:
        top, bottom = self._span(index)
        share = (value - strip.low) / (strip.high - strip.low)
        return bottom - float(np.clip(share, 0.0, 1.0)) * (bottom - top)


def _entry_strip(entry: ActionEntry, values: NDArray) -> Strip:
    """Between an entry's bounds, or, where these are far wider than what was commanded, about that."""
    title = f"{entry.name}  ({entry.unit})"
    least, most = float(values.min()), float(values.max())
    if entry.high - entry.low < _WIDE * (most - least):
        return Strip(title, (values,), entry.low, entry.high)
    middle, half = (least + most) / 2, max((most - least) / 2, _NARROW)
    return Strip(title, (values,), middle - 1.1 * half, middle + 1.1 * half)
