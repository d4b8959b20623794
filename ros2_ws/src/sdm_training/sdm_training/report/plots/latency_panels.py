"""Success against latency: one panel a task, below each other, with each policy's own latency marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdm_training.report.latency_curves import LatencyCurve, LatencyCurves
from sdm_training.report.plots.canvas import COLUMN, canvas, errors
from sdm_training.report.policies import GREY, Policy


def latency_panels(curves: LatencyCurves, path: Path) -> None:
    """Draws the curves, where there are any.

    A dotted line stands at the time that the machine itself takes for a policy's answer, a grey one where a chunk ends.
    """
    if not curves:
        return
    with canvas(path, len(curves), 1, 0.6 + 1.7 * len(curves), COLUMN, sharex=True) as (figure, axes):
        for plot, (task, of_task) in zip(axes[:, 0], curves.items(), strict=True):
            for policy, curve in of_task.items():
                _draw(plot, policy, curve)
            chunk_ms = {line["chunk_ms"] for curve in of_task.values() for line in _lines(curve)}
            for ms in chunk_ms:
                plot.axvline(ms, color=GREY, linewidth=0.8)
                plot.annotate("a chunk ends", (ms, 50), rotation=90, ha="right", va="center", color=GREY, fontsize=7)
            plot.set_title(task)
            plot.set_ylim(-4, 104)  # so that no marker is cut
            plot.grid()
            plot.set_ylabel("success, %")
        axes[-1, 0].set_xlabel("latency, ms")
        handles = {
            label: line for plot in axes[:, 0] for line, label in zip(*plot.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(handles.values()), list(handles), ncols=2, loc="outside upper center")


def _draw(plot: Any, policy: Policy, curve: LatencyCurve) -> None:
    method, fill = policy.described, "none" if policy.nfe > 1 else "full"
    rates = {ms: found.rate for ms, found in curve.injected.items()}
    reach = [errors(rate) for rate in rates.values()]
    plot.errorbar(
        list(rates),
        [100 * rate.value for rate in rates.values()],
        [[low[0] for low, _ in reach], [high[0] for _, high in reach]],
        color=method.colour,
        elinewidth=0.8,
        capsize=1.5,
        linewidth=1.2,
    )
    values = [100 * rate.value for rate in rates.values()]
    plot.plot(list(rates), values, method.marker, c=method.colour, fillstyle=fill, ms=5, label=policy.name)
    if curve.own_ms is not None:
        plot.axvline(curve.own_ms, color=method.colour, linewidth=1.0, linestyle=":")


def _lines(curve: LatencyCurve) -> list[dict[str, Any]]:
    return [line for found in curve.injected.values() for line in found.lines]
