"""Ours below what several papers print of the same list of tasks."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.campaign import POLICIES, with_adroit
from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOT_RUN, table
from sdm_training.report.policies import Policy
from sdm_training.report.published_comparison import PublishedComparison
from sdm_training.report.speed import latency_ms
from sdm_training.report.success import mean_cell


def comparison_table(lines: Sequence[Line], published: PublishedComparison) -> str:
    """The papers' rows, then ours: means by domain and over all tasks, and the latency of one inference."""
    rows = [
        [method.label, str(method.nfe), *method.printed, method.average, method.latency, method.hardware or "not said"]
        for method in published.methods
    ]
    lines = with_adroit(lines)
    rows += [_own(lines, published, policy) for policy in POLICIES]
    columns = [f"{name} ({len(tasks)})" for name, tasks in published.domains.items()]
    return table(["method", "NFE", *columns, f"all ({len(published.tasks)})", "latency", "measured on"], rows)


def _own(lines: Sequence[Line], published: PublishedComparison, policy: Policy) -> list[str]:
    means = [mean_cell(lines, tasks, policy) for tasks in (*published.domains.values(), published.tasks)]
    latency = latency_ms(lines, policy)
    speed = [NOT_RUN, NOT_RUN] if latency is None else [f"{latency:.2f} ms", "one CPU thread"]
    return [f"**ours:** {policy.name}", str(policy.nfe), *means, *speed]
