"""Whether a policy keeps every way to do a task, or settles on one."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Sequence

from sdm_core.results import mode_entropy, pairwise_disagreements

from sdm_training.report.core_comparison import FORK, policies
from sdm_training.report.lines import FINAL, Line, matching, one_per_seed, reported
from sdm_training.report.markdown import NONE, NOT_RUN, NOTHING_RUN, code, table
from sdm_training.report.policies import DP3, SDM, Policy
from sdm_training.report.success import Success, reference, same_sampling


def mode_coverage(lines: Sequence[Line]) -> str:
    """How many ways are taken, over all starts and from one, for each policy and each task whose lines tell."""
    tasks = sorted({line["task"] for line in matching(lines, **FINAL) if "ways" in line})
    rows = [row for task in tasks for policy in policies(lines) if (row := _row(lines, task, policy))]
    header = ["task", "policy", "success", "of each training seed", "ways of successes", "entropy"]
    return table([*header, "different ways from one start", "starts"], rows) if rows else NOTHING_RUN


def mode_summary(lines: Sequence[Line]) -> str:
    """Success where two ways are equally good: the teacher, that at one evaluation, regression and the student."""
    rows = []
    for policy in (DP3, Policy("dp3", 1), Policy("regression", 1), SDM):
        own = _with_ways(lines, FORK, policy)
        every = [line for line in reported(lines, FORK, **dataclasses.asdict(policy)) if "repeats" in line]
        rows.append([policy.name, Success(tuple(own)).cell, _rates(every)] if own else [policy.name, NOT_RUN, NOT_RUN])
    return table(["policy", code(FORK), "of each training, those of one seed too"], rows)


def _row(lines: Sequence[Line], task: str, policy: Policy) -> list[str] | None:
    own = _with_ways(lines, task, policy)
    if not own:
        return None
    teacher = _of_reference(lines, own[0], policy)
    entropy, disagreement, starts = _share(_entropies(own), _entropies(teacher)), NOT_RUN, NOT_RUN
    if "repeats" in own[0]:
        disagreement = _share(_disagreements(own), _disagreements(teacher))
        starts = str(len(_disagreements(own)))
    success = Success(tuple(own)).cell
    return [code(task), policy.name, success, _rates(own), _counts(own), entropy, disagreement, starts]


def _rates(lines: Sequence[Line]) -> str:
    return ", ".join(f"{100 * line['successes'] / line['episodes']:.0f}" for line in lines)


def _of_reference(lines: Sequence[Line], line: Line, policy: Policy) -> list[Line]:
    against = reference(lines, line, policy)
    if same_sampling(against, policy):
        return []
    own_variant = dataclasses.replace(against, variant=policy.variant)
    return _with_ways(lines, line["task"], own_variant) or _with_ways(lines, line["task"], against)


def _with_ways(lines: Sequence[Line], task: str, policy: Policy) -> list[Line]:
    """The line of each training seed that tells the ways; those with repeated starts, where there are any."""
    found = [line for line in reported(lines, task, **dataclasses.asdict(policy)) if "ways" in line]
    repeated = [line for line in found if "repeats" in line]
    return one_per_seed(repeated or found)


def _counts(lines: Sequence[Line]) -> str:
    taken = Counter(
        way for line in lines for way, outcome in zip(line["ways"], line["outcomes"], strict=True) if outcome == "1"
    )
    return " ".join(f"{way}{taken[way]}" for way in sorted(taken)) or NONE


def _entropies(lines: Sequence[Line]) -> list[float]:
    """Of each training seed, over all starts."""
    return [mode_entropy(line["ways"], line["outcomes"]) for line in lines]


def _disagreements(lines: Sequence[Line]) -> list[float]:
    """Of each training seed and each of its starts that had two successes."""
    repeated = [line for line in lines if "repeats" in line]
    return [
        value for line in repeated for value in pairwise_disagreements(line["ways"], line["outcomes"], line["repeats"])
    ]


def _share(own: Sequence[float], teacher: Sequence[float]) -> str:
    """Such as `0.95 (97 %)`: the mean, and its part of the reference's where that has one."""
    if not own:
        return NONE
    mean, whole = statistics.fmean(own), statistics.fmean(teacher) if teacher else 0.0
    return f"{mean:.2f} ({100 * mean / whole:.0f} %)" if whole else f"{mean:.2f}"
