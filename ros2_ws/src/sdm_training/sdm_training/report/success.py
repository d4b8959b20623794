"""Success of a policy, pooled over its training seeds, and its paired difference to another policy."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdm_core.results import paired_difference, wilson

from sdm_training.report.estimate import Estimate, mean
from sdm_training.report.lines import Line, matching, one_per_seed, pairs, reported, teacher_of
from sdm_training.report.markdown import NONE, NOT_RUN, bracket, rate_cell
from sdm_training.report.policies import TEACHERS, Policy


@dataclass(frozen=True)
class Success:
    """The result line of each training seed on one task.

    The interval is Wilson's of the pooled episodes. It takes them as independent, while training seeds share the
    evaluation seeds; `spread_cell` shows what a new training would change.
    """

    lines: tuple[Line, ...]

    @property
    def episodes(self) -> int:
        """Evaluation episodes of all lines together."""
        return sum(line["episodes"] for line in self.lines)

    @property
    def rate(self) -> Estimate:
        """In [0, 1], with Wilson's interval."""
        successes = sum(line["successes"] for line in self.lines)
        return Estimate(successes / self.episodes, *wilson(successes, self.episodes))

    @property
    def cell(self) -> str:
        """Such as `96 [90, 98] (100)`."""
        return rate_cell(self.rate.value, self.rate.interval, self.episodes)

    @property
    def score(self) -> float | None:
        """Mean over training seeds of the graded success; None where the task has none."""
        graded = [line["score"] for line in self.lines if "score" in line]
        return statistics.fmean(graded) if graded else None


def success(lines: Iterable[Line], task: str, policy: Policy) -> Success | None:
    """Success on one task; None where nothing was run.

    Lines with repeated starts measure mode coverage; they count only where there are no others.
    """
    found = reported(lines, task, **dataclasses.asdict(policy))
    once = [line for line in found if "repeats" not in line]
    return Success(tuple(one_per_seed(once or found))) if found else None


def over_tasks(lines: Sequence[Line], tasks: Iterable[str], policy: Policy) -> dict[str, Success]:
    """Success on each of those tasks that were run."""
    found = {task: success(lines, task, policy) for task in tasks}
    return {task: one for task, one in found.items() if one}


def task_cell(lines: Sequence[Line], task: str, policy: Policy) -> str:
    """A table's cell for one task."""
    found = success(lines, task, policy)
    return found.cell if found else NOT_RUN


@dataclass(frozen=True)
class OverTasks:
    """A mean over those of `wanted` tasks that were run, each of which counts alike; of a rate or of a difference.

    The tasks are taken as they are: the interval speaks of these tasks' episodes, not of other tasks.
    """

    estimate: Estimate
    episodes: int
    run: int
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether no task is missing."""
        return self.run == self.wanted

    def cell(self, form: str = ".1f", limits: str = ".0f") -> str:
        """Such as `94.8 [93, 96] (600)`; where some tasks are not run, it says so: `(600, 6 of 28 tasks)`."""
        partly = "" if self.complete else f", {self.run} of {self.wanted} tasks"
        return f"{100 * self.estimate.value:{form}} {bracket(self.estimate.interval, limits)} ({self.episodes}{partly})"


def mean_success(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> OverTasks | None:
    """The mean success over tasks; None where none was run."""
    found = over_tasks(lines, tasks, policy)
    if not found:
        return None
    episodes = sum(one.episodes for one in found.values())
    return OverTasks(mean([one.rate for one in found.values()]), episodes, len(found), len(tasks))


def mean_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> str:
    """A table's cell for the mean over tasks: `94.8 [93, 96] (600)`."""
    found = mean_success(lines, tasks, policy)
    return found.cell() if found else NOT_RUN


def spread_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> str:
    """The standard deviation over training seeds of the mean over tasks: `± 0.7 (3)`; `–` for a single seed."""
    found = over_tasks(lines, tasks, policy)
    if not found:
        return NOT_RUN
    rates = [{line["seed"]: line["successes"] / line["episodes"] for line in one.lines} for one in found.values()]
    seeds = set.intersection(*(set(rate) for rate in rates))
    means = [100 * statistics.fmean(rate[seed] for rate in rates) for seed in seeds]
    return f"± {statistics.stdev(means):.1f} ({len(means)})" if len(means) > 1 else f"{NONE} ({len(means)})"


def reference(lines: Iterable[Line], line: Line, policy: Policy) -> Policy:
    """What a policy is compared with: the teacher that its line names, else its method's usual one.

    A teacher that is not known here counts at as many evaluations as it was run with at most.
    """
    method, _ = teacher_of(line) or (None, None)
    if method is None:
        against = policy.described.reference
    elif method in TEACHERS:
        against = TEACHERS[method]
    else:
        steps = [one["nfe"] for one in matching(lines, kind="success", method=method, network=policy.network)]
        against = Policy(method, max(steps, default=1))
    return dataclasses.replace(against, network=policy.network, disturbed=policy.disturbed)


def reference_on(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> Policy | None:
    """What a policy is compared with on these tasks; None for a reference itself."""
    run = over_tasks(lines, tasks, policy).values()
    named = [reference(lines, line, policy) for found in run for line in found.lines]
    against = named[0] if named else reference(lines, {}, policy)
    return None if same_sampling(against, policy) else against


def reference_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> str:
    """Its name; `–` for a reference itself."""
    against = reference_on(lines, tasks, policy)
    return against.name if against else NONE


def same_sampling(first: Policy, second: Policy) -> bool:
    """Whether two policies are one method at equally many evaluations."""
    return (first.method, first.nfe) == (second.method, second.nfe)


def success_of_reference(
    lines: Sequence[Line], line: Line, policy: Policy, against: Policy | None = None
) -> Success | None:
    """The success of `against`, or else the reference, on a line's task: of the policy's own variant of training, where
    there is one."""
    against = against or reference(lines, line, policy)
    own_variant = dataclasses.replace(against, variant=policy.variant)
    return success(lines, line["task"], own_variant) or success(lines, line["task"], against)


def mean_difference(
    lines: Sequence[Line], tasks: Sequence[str], policy: Policy, against: Policy | None = None
) -> OverTasks | None:
    """Mean over tasks of the success minus that of `against`, or else the reference's, with Newcombe's interval for
    paired outcomes; its episodes are pairs. None where no task has any."""
    differences, count = [], 0
    for found in over_tasks(lines, tasks, policy).values():
        own, other = _paired_outcomes(lines, found, policy, against)
        if own:
            differences.append(Estimate(*paired_difference(own, other)))
            count += len(own)
    return OverTasks(mean(differences), count, len(differences), len(tasks)) if differences else None


def difference_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy, against: Policy | None = None) -> str:
    """The mean difference in points, such as `-3.0 [-8.7, +1.5] (100)`; `–` for a reference itself."""
    if reference_on(lines, tasks, policy) is None:
        return NONE
    found = mean_difference(lines, tasks, policy, against)
    return found.cell("+.1f", "+.1f") if found else NOT_RUN


def _paired_outcomes(lines: Sequence[Line], found: Success, policy: Policy, against: Policy | None) -> tuple[str, str]:
    """A policy's outcomes on a task and the other's, of counterparts (see `lines`)."""
    own, other = "", ""
    for line in found.lines:
        compared = success_of_reference(lines, line, policy, against)
        first, second = pairs([line], compared.lines if compared else ())
        own, other = own + first, other + second
    return own, other
