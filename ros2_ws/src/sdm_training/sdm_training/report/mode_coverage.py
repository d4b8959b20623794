"""Whether a policy keeps every way to do a task, or settles on one."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Sequence

from sdm_core.results import conditional_mode_entropy, mode_entropy

from sdm_training.report.core_comparison import policies
from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.markdown import NONE, NOT_RUN, code, table
from sdm_training.report.policies import Policy
from sdm_training.report.success import Success, reference, same_sampling


def mode_coverage(lines: Sequence[Line]) -> str:
    """Entropies of the ways taken, for each policy and each task whose lines tell the ways."""
    tasks = sorted({line["task"] for line in matching(lines, **FINAL) if "ways" in line})
    rows = [row for task in tasks for policy in policies(lines) if (row := _row(lines, task, policy))]
    header = ["task", "policy", "success", "ways of successes", "entropy", "entropy given the start"]
    return table(header, rows) if rows else f"{NOT_RUN.capitalize()}."


def _row(lines: Sequence[Line], task: str, policy: Policy) -> list[str] | None:
    own = _with_ways(lines, task, policy)
    if not own:
        return None
    teacher = _of_reference(lines, own[0], policy)
    entropies = [_share(entropy(own), entropy(teacher)) for entropy in (_marginal, _conditional)]
    return [code(task), policy.name, Success(tuple(own)).cell, _counts(own), *entropies]


def _of_reference(lines: Sequence[Line], line: Line, policy: Policy) -> list[Line]:
    against = reference(line, policy)
    if same_sampling(against, policy):
        return []
    own_variant = dataclasses.replace(against, variant=policy.variant)
    return _with_ways(lines, line["task"], own_variant) or _with_ways(lines, line["task"], against)


def _with_ways(lines: Sequence[Line], task: str, policy: Policy) -> list[Line]:
    """The newest line of each training seed that tells the ways; those with repeated starts, where there are any."""
    found = [line for line in matching(lines, **FINAL, task=task, **dataclasses.asdict(policy)) if "ways" in line]
    repeated = [line for line in found if "repeats" in line]
    by_seed = {line["seed"]: line for line in repeated or found}
    return [by_seed[seed] for seed in sorted(by_seed)]


def _counts(lines: Sequence[Line]) -> str:
    taken = Counter(
        way for line in lines for way, outcome in zip(line["ways"], line["outcomes"], strict=True) if outcome == "1"
    )
    return " ".join(f"{way}{taken[way]}" for way in sorted(taken)) or NONE


def _marginal(lines: Sequence[Line]) -> float | None:
    """Mean over training seeds of the entropy over all starts; None without lines."""
    return statistics.fmean(mode_entropy(line["ways"], line["outcomes"]) for line in lines) if lines else None


def _conditional(lines: Sequence[Line]) -> float | None:
    """Mean over training seeds of the entropy given the start; None where no start was repeated."""
    repeated = [line for line in lines if "repeats" in line]
    if not repeated:
        return None
    return statistics.fmean(
        conditional_mode_entropy(line["ways"], line["outcomes"], line["repeats"]) for line in repeated
    )


def _share(own: float | None, teacher: float | None) -> str:
    """Such as `0.95 (97 %)`: an entropy, and its part of the reference's where that has one."""
    if own is None:
        return NOT_RUN
    return f"{own:.2f} ({100 * own / teacher:.0f} %)" if teacher else f"{own:.2f}"
