"""`sdm-failures`: of every task in which a policy falls short, three failed episodes as video, the stage at which each
failed, and whether expert and teacher fail from the same starts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console
from sdm_core.errors import CheckpointError
from sdm_core.results import append_result, read_results
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.disturbance import Disturbed
from sdm_sim.registry import make_task

from sdm_training.evaluation.result_line import digest
from sdm_training.failures.findings import failure_finding, looked_at, task_finding
from sdm_training.failures.shortfall import Shortfall, shortfalls
from sdm_training.failures.stage import Reference
from sdm_training.report.lines import matching, newest
from sdm_training.report.policies import Policy
from sdm_training.settings import Settings, run_program


class FailuresSettings(Settings):
    """config/failures.yaml. results: the file of result lines; root: the folder to which their checkpoints are
    relative; method, nfe, network, variant, disturbed: the policy; threshold: the success below which a task falls
    short; tasks: which of them, empty: all; episodes: how many failed ones of a task are played again; failed_starts,
    succeeded_starts: from how many of the policy's starts the expert acts; output: the file that findings are appended
    to, and in which those that are there are not made again, but for those of before the teacher was evaluated; videos:
    the folder of videos and stills."""

    results: str
    root: str
    method: str
    nfe: int = Field(gt=0)
    network_name: str
    variant: str | None
    disturbed: Disturbed
    threshold: float = Field(gt=0, le=1)
    tasks: tuple[str, ...]
    episodes: int = Field(gt=0)
    failed_starts: int = Field(gt=0)
    succeeded_starts: int = Field(ge=0)
    backend: str
    output: str
    videos: str


def look_at_failures(settings: FailuresSettings) -> None:
    """Appends what is missing, task by task, and prints it."""
    console = Console(soft_wrap=True, highlight=False)
    policy = Policy(settings.method, settings.nfe, settings.network_name, settings.variant, settings.disturbed or None)
    lines = read_results(settings.results)
    found = list(shortfalls(lines, policy, settings.threshold, settings.tasks, Path(settings.root)))
    console.print(f"tasks in which {policy.name} is below {100 * settings.threshold:g} %: {len(found)}")
    for one in found:
        if isinstance(one, CheckpointError):
            console.print(f"left out: {one}")
        else:
            _look_at(one, settings, console)


def _look_at(shortfall: Shortfall, settings: FailuresSettings, console: Console) -> None:
    task, line = shortfall.line["task"], digest(shortfall.line)
    there = [one for one in matching(read_results(settings.output), line=line) if not _is_older(one, shortfall)]
    seeds = {one["episode_seed"] for one in matching(there, kind="failure")}
    missing = [seed for seed in looked_at(shortfall.failed, settings.episodes) if seed not in seeds]
    finding = newest(there, kind="failed_task")
    if finding and not missing:
        console.print(f"{task}: all of it is there")
        return
    with closing(make_task(task)) as world:
        if finding is None:
            finding = task_finding(shortfall, world, settings.failed_starts, settings.succeeded_starts)
            append_result(settings.output, finding)
        console.print(_in_words(finding))
        runtime = PolicyRuntime(shortfall.checkpoint, backend=settings.backend, threads=1)
        reference = Reference(**finding["reference"]) if finding["reference"] else None
        for seed in missing:
            failure = failure_finding(shortfall, world, runtime, seed, reference, Path(settings.videos))
            append_result(settings.output, failure)
            outcome = failure["stage"] or ("fails again" if failure["again"] else "does NOT fail again")
            console.print(f"  seed {seed}: {outcome}")


def _is_older(finding: dict[str, Any], shortfall: Shortfall) -> bool:
    """Whether it was found before there was a result of the policy's teacher, and says nothing of it."""
    key = {"failed_task": "teacher_policy", "failure": "teacher_succeeds"}[finding["kind"]]
    return shortfall.teacher is not None and finding[key] is None


def _in_words(finding: dict[str, Any]) -> str:
    failed = finding["starts"]["failed"]
    parts = [f"{finding['task']}: {finding['successes']} of {finding['episodes']}"]
    for who in ("expert", "teacher"):
        if failed[who] is not None:
            parts.append(f"the {who} fails from {failed[who].count('0')} of {len(failed['seeds'])} failed starts")
    return "; ".join(parts)


def main() -> None:
    """Entry point."""
    run_program("failures", FailuresSettings, look_at_failures)
