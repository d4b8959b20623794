"""A step of a recording against the demonstrations: the nearest ones, and each state entry in its range."""

from __future__ import annotations

from html import escape

import viser

from sdm_cockpit.page.palette import BLUE, BLUISH_GREEN, WARNING, css
from sdm_cockpit.replay.demonstrations import Comparison
from sdm_cockpit.replay.nearest_demonstration import Neighbour
from sdm_cockpit.replay.state_range import RangedEntry

# The range takes the middle of a bar, so that what lies outside of it has a place, too.
_RANGE_BEGIN, _RANGE_SHARE = 0.2, 0.6

_STYLE = f"""<style>
.nearest {{ margin: 0 0.8em 0.6em; font-size: 0.9em; }}
.nearest b, .range em {{ font-variant-numeric: tabular-nums; }}
.range {{ display: grid; grid-template-columns: 8.5em 1fr 6.5em; gap: 0.5em; align-items: center; font-size: 0.8em;
  margin: 0 0.8em 0.15em; }}
.range span {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.range i {{ position: relative; height: 0.8em; border-radius: 0.4em; background: rgba(128, 128, 128, 0.2); }}
.range i u {{ position: absolute; left: {_RANGE_BEGIN:.0%}; width: {_RANGE_SHARE:.0%}; top: 0; bottom: 0;
  background: {css(BLUE)}; opacity: 0.55; border-radius: 0.4em; }}
.range i b {{ position: absolute; top: -0.15em; bottom: -0.15em; width: 0.3em; margin-left: -0.15em;
  border-radius: 0.15em; background: {css(BLUISH_GREEN)}; }}
.range em {{ font-style: normal; text-align: right; white-space: nowrap; }}
.range[data-outside] em {{ color: {css(WARNING)}; font-weight: bold; }}
.range[data-outside] i b {{ background: {css(WARNING)}; }}
</style>"""


class ComparisonPanel:
    """Sends only what changed."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._html = gui.add_html(_STYLE)
        self._shown: Comparison | None = None

    def show(self, comparison: Comparison | None) -> None:
        """None: nothing is known of this step as yet."""
        if comparison is self._shown:
            return
        self._shown = comparison
        self._html.content = _STYLE if comparison is None else _STYLE + _nearest(comparison) + _ranges(comparison)


def _nearest(comparison: Comparison) -> str:
    state, cloud = comparison.by_state, comparison.by_cloud
    lines = [f"by state: {_place(comparison.source, state)}, {state.distance:.3f} of the range away"]
    if cloud is not None:
        lines.append(f"by cloud: {_place(comparison.source, cloud)}, {cloud.distance * 1e3:.1f} mm away")
    return '<div class="nearest">' + "".join(f"<div>nearest {line}</div>" for line in lines) + "</div>"


def _place(source: str, neighbour: Neighbour) -> str:
    return f"<b>{escape(source)}:{neighbour.episode}</b> step <b>{neighbour.step}</b>"


def _ranges(comparison: Comparison) -> str:
    outside = sum(entry.outside for entry in comparison.entries)
    told = f"{outside} of {len(comparison.entries)} states lie outside of the demonstrations' range"
    return f'<div class="nearest">{told}</div>' + "".join(map(_range, comparison.entries))


def _range(entry: RangedEntry) -> str:
    width = entry.high - entry.low
    share = (entry.now - entry.low) / width if width > 0 else 0.5
    # What is not finite is outside, and has no place.
    left = min(max(_RANGE_BEGIN + _RANGE_SHARE * share, 0.01), 0.99) if share == share else 0.01
    flag = ' data-outside=""' if entry.outside else ""
    return (
        f'<div class="range"{flag} title="{entry.low:.4g} to {entry.high:.4g} {escape(entry.unit)}">'
        f'<span>{escape(entry.name)}</span><i><u></u><b style="left:{left:.1%}"></b></i>'
        f"<em>{entry.now:.4g} {escape(entry.unit)}</em></div>"
    )
