"""The panel's upper part: the headline, the loop's figures, the run, the nodes, and what is wrong."""

from __future__ import annotations

from html import escape

import viser

from sdm_cockpit.page.headline import headline
from sdm_cockpit.page.palette import (
    ALARM,
    BLACK,
    BLUISH_GREEN,
    GREY,
    ORANGE,
    SKY_BLUE,
    WHITE,
    YELLOW,
    Rgb,
    css,
)
from sdm_cockpit.snapshot import Episode, NodeState, Snapshot, Status, Timing

# Figures that change faster cannot be read.
_FIGURES_S = 0.25
_BRIGHT = {YELLOW, ORANGE, SKY_BLUE}
_NODE_COLOURS = {"active": BLUISH_GREEN, "gone": ALARM, "inactive": YELLOW}
_PROBLEMS = 6

# A headline that is not renewed for so long says itself that nobody may believe it: each renewal restarts its style's
# animation, and a browser needs no connection to run that.
_BEAT_S, _STALE_S = 1.0, 5.0

STYLE = (
    f"""<style>
@keyframes stale {{ to {{ background: {css(GREY)}; color: {css(BLACK)}; }} }}
@keyframes told {{ to {{ max-height: 3em; }} }}
.headline {{ animation: stale 0.2s {_STALE_S}s forwards; }}
.headline::after {{ content: "no news for {_STALE_S:.0f} s: the page shows what was"; display: block; max-height: 0;
  overflow: hidden; font-weight: bold; animation: told 0.2s {_STALE_S}s forwards; }}
</style>"""
    + """<style>
/* However far the panel is scrolled; what folds it away would else be what the headline sticks to. */
div:has(> div > div > div > .headline) { overflow: visible !important; }
div:has(> .headline) { position: sticky; top: 0; z-index: 5; padding: 0.4em 0 0.1em;
  background: var(--mantine-color-body); }
.headline { margin: 0 0.6em 0.6em; padding: 0.5em 0.7em; border-radius: 8px; }
.headline b { display: block; font-size: 2.1em; line-height: 1.15; text-transform: uppercase; letter-spacing: 0.02em; }
.headline span { font-size: 0.9em; overflow-wrap: anywhere; }
.figures { display: flex; gap: 0.5em; margin: 0 0.6em 0.6em; }
.figures div { flex: 1; border-radius: 8px; padding: 0.35em 0.5em; background: rgba(128, 128, 128, 0.14); }
.figures b { display: block; font-size: 1.35em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures span, .run span { font-size: 0.75em; opacity: 0.75; }
.run, .nodes, .problems, .answers, .legend { margin: 0 0.8em 0.6em; font-size: 0.9em; }
.run b { font-variant-numeric: tabular-nums; }
.nodes span { margin-right: 0.8em; white-space: nowrap; }
.problems div, .answer { overflow-wrap: anywhere; }
.answer { font-size: 0.85em; }
.answer span { opacity: 0.6; font-variant-numeric: tabular-nums; }
.legend span { margin-right: 0.9em; white-space: nowrap; }
.legend i { display: inline-block; width: 2.2em; height: 0.6em; border-radius: 0.3em; margin-right: 0.35em; }
</style>"""
)


class StatusPanel:
    """Sends only what changed."""

    def __init__(self, gui: viser.GuiApi) -> None:
        gui.add_html(STYLE)
        self._headline = gui.add_html("")
        self._figures = gui.add_html("")
        self._run = gui.add_html("")
        self._figures_s = float("-inf")

    def show(self, snapshot: Snapshot, problems: tuple[str, ...], now_s: float) -> None:
        """`problems`: all that is wrong with what the page is given; `now_s` on any steady clock."""
        self._headline.content = _headline(snapshot.status, beat=int(now_s / _BEAT_S) % 2)
        if now_s - self._figures_s < _FIGURES_S:
            return
        self._figures_s = now_s
        self._figures.content = _figures(snapshot.timing)
        self._run.content = (
            _run(snapshot.episode, snapshot.recording) + _nodes(snapshot.status.nodes) + _problems(problems)
        )


def _headline(status: Status, beat: int) -> str:
    head = headline(status)
    ink = BLACK if head.colour in _BRIGHT else WHITE
    return (
        f'<div class="headline" role="status" data-state="{escape(head.word)}" data-beat="{beat}" '
        f'style="background:{css(head.colour)};color:{css(ink)}">'
        f"<b>{escape(head.word)}</b><span>{escape(head.line)}</span></div>"
    )


def _figures(timing: Timing | None) -> str:
    if timing is None:
        return ""
    deadline = timing.deadline_ms
    late = deadline and timing.loop_ms > deadline
    loop = f"{timing.loop_ms:.0f} ms" + (" late" if late else "")
    return (
        '<div class="figures">'
        + _figure("control rate", f"{timing.control_hz:.1f} Hz")
        + _figure(f"loop of {deadline:.0f} ms" if deadline else "loop", loop, ALARM if late else None)
        + _figure("age of the image", f"{timing.observation_age_ms:.0f} ms")
        + "</div>"
    )


def _figure(name: str, value: str, colour: Rgb | None = None) -> str:
    style = f' style="background:{css(colour)}"' if colour else ""
    return f"<div{style}><b>{value}</b><span>{name}</span></div>"


def _run(episode: Episode | None, recording: bool) -> str:
    parts = []
    if episode is not None:
        parts.append(f"<b>{escape(episode.task)}</b>")
        of = f" of {episode.of}" if episode.of else ""
        parts.append(f"episode <b>{episode.number}{of}</b>, seed {episode.seed}, step {episode.step}")
        if episode.finished:
            rate = episode.successes / episode.finished
            parts.append(f"success <b>{episode.successes} of {episode.finished}</b> ({rate:.0%})")
        if episode.mode:
            speed = f" × {episode.real_time_factor:g}" if episode.real_time_factor != 1.0 else ""
            parts.append(escape(episode.mode) + speed)
        if episode.latency_ms:
            parts.append(f"{episode.latency_ms:g} ms added")
    if recording:
        parts.append(f'<b style="color:{css(ALARM)}">● recording</b>')
    return f'<div class="run">{" · ".join(parts)}</div>' if parts else ""


def _nodes(nodes: tuple[NodeState, ...]) -> str:
    marks = [
        f'<span data-node="{escape(node.name)}"><b style="color:{css(_NODE_COLOURS.get(node.state, GREY))}">●</b> '
        f"{escape(node.name)} {escape(node.state)}</span>"
        for node in nodes
    ]
    return f'<div class="nodes">{" ".join(marks)}</div>' if marks else ""


def _problems(problems: tuple[str, ...]) -> str:
    if not problems:
        return ""
    more = [f"and {len(problems) - _PROBLEMS} more"] if len(problems) > _PROBLEMS else []
    lines = [*problems[:_PROBLEMS], *more]
    return (
        f'<div class="problems" role="alert" style="color:{css(ORANGE)}">'
        + "".join(f"<div>⚠ {escape(line)}</div>" for line in lines)
        + "</div>"
    )
