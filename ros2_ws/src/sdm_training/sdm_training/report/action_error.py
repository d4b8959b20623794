"""How far policies' actions are from the demonstrations: mean |difference| in raw action units."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.policies import Policy
from sdm_training.report.success import success


def action_error(lines: Sequence[Line], task: str, policy: Policy) -> float | None:
    """Mean over training seeds, on the training's windows; None where nothing was run."""
    found = success(lines, task, policy)
    if not found:
        return None
    errors = [line["action_error"]["train"]["demonstrations"] for line in found.lines if "action_error" in line]
    return statistics.fmean(errors) if errors else None


def task_cell(lines: Sequence[Line], task: str, policy: Policy) -> str:
    """A table's cell for one task."""
    error = action_error(lines, task, policy)
    return NOT_RUN if error is None else f"{error:.4f}"


def mean_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> str:
    """A table's cell for the mean over tasks; where some are not run, it says so."""
    errors = [error for task in tasks if (error := action_error(lines, task, policy)) is not None]
    if not errors:
        return NOT_RUN
    partly = "" if len(errors) == len(tasks) else f" ({len(errors)} of {len(tasks)} tasks)"
    return f"{statistics.fmean(errors):.4f}{partly}"
