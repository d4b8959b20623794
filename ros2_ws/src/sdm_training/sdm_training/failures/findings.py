"""What is written of a task that falls short, and of each of its failed episodes that is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.progress import Course, TellsProgress
from sdm_sim.task import Task

from sdm_training import provenance
from sdm_training.evaluation.protocols import POLICY
from sdm_training.evaluation.result_line import digest, has_noise_apart
from sdm_training.failures.expert import ExpertEpisode, expert_episode, spread
from sdm_training.failures.replay import replay
from sdm_training.failures.shortfall import Shortfall
from sdm_training.failures.stage import Reference, reference_of, stage_of
from sdm_training.report.lines import Line

IDENTITY = ("task", *POLICY)
"""Which policy it was; `line` is the digest of its result line."""


def task_finding(shortfall: Shortfall, task: Task, failed: int, succeeded: int) -> dict[str, Any]:
    """The line of a task, `kind: "failed_task"`: what expert and teacher do from the starts at which the policy failed
    and, to compare, from others.

    `failed` and `succeeded` say at how many starts of each the expert acts. `starts` holds 0 or 1 for each of them;
    `teacher_fails` counts over all.
    """
    groups = {"failed": spread(shortfall.failed, failed), "succeeded": spread(shortfall.succeeded, succeeded)}
    episodes = {name: _expert(task, seeds) for name, seeds in groups.items()}
    courses = [one.course for found in episodes.values() for one in found if one.success and one.course]
    reference = reference_of(courses)
    return {
        "kind": "failed_task",
        **_identity(shortfall),
        "episodes": shortfall.line["episodes"],
        "successes": shortfall.line["successes"],
        "expert": task.expert_kind,
        "starts": {
            name: {
                "seeds": seeds,
                "expert": _outcomes(one.success for one in episodes[name]) if task.expert_kind else None,
                "teacher": _outcomes(map(shortfall.teachers_outcome, seeds)) if shortfall.teacher else None,
            }
            for name, seeds in groups.items()
        },
        "teacher_policy": _policy(shortfall.teacher),
        "teacher_fails": {
            "failed": _failures(shortfall, shortfall.failed),
            "succeeded": _failures(shortfall, shortfall.succeeded),
        },
        "reference": _rounded(asdict(reference)) if reference else None,
        **provenance.origin(),
    }


def failure_finding(
    shortfall: Shortfall, task: Task, runtime: PolicyRuntime, seed: int, reference: Reference | None, folder: Path
) -> dict[str, Any]:
    """The line of a failed episode, `kind: "failure"`, whose video and strip of stills are written into a folder.

    `again` says whether it fails again; where it does not, there is no stage.
    """
    name = _file_name(shortfall.line, seed)
    video, strip = folder / f"{name}.mp4", folder / f"{name}.jpg"
    found = replay(task, runtime, seed, has_noise_apart(shortfall.line), video, strip)
    stage = stage_of(found.course, reference) if found.course and reference and not found.success else None
    expert = expert_episode(task, seed).success if task.expert_kind else None
    return {
        "kind": "failure",
        **_identity(shortfall),
        "episode_seed": seed,
        "again": not found.success,
        "stage": stage,
        "course": _course(found.course),
        "unit": task.lacking_unit if isinstance(task, TellsProgress) else None,
        "expert_succeeds": expert,
        "teacher_succeeds": shortfall.teachers_outcome(seed),
        "video": f"{name}.mp4",
        "strip": f"{name}.jpg",
        **provenance.origin(),
    }


def looked_at(failed: Sequence[int], episodes: int) -> list[int]:
    """The failed seeds that are played again: evenly over their order, the first and the last among them."""
    return spread(list(failed), episodes)


def _identity(shortfall: Shortfall) -> dict[str, Any]:
    line = shortfall.line
    return {**{key: line[key] for key in IDENTITY if key in line}, "line": digest(line)}


def _file_name(line: Line, seed: int) -> str:
    """Another for each result line, so that no other training's videos are replaced."""
    return f"{line['task'].replace('/', '_')}_{line['method']}_nfe{line['nfe']}_{digest(line)[:6]}_{seed}"


def _policy(line: Line | None) -> dict[str, Any] | None:
    keys = ("method", "nfe", "network", "variant", "disturbed", "successes")
    return None if line is None else {key: line[key] for key in keys if key in line}


def _expert(task: Task, seeds: Sequence[int]) -> list[ExpertEpisode]:
    return [expert_episode(task, seed) for seed in seeds] if task.expert_kind else []


def _outcomes(successes: Iterable[bool | None]) -> str:
    return "".join("1" if one else "0" for one in successes)


def _failures(shortfall: Shortfall, seeds: Sequence[int]) -> list[int] | None:
    """[failures of the teacher, starts]."""
    if shortfall.teacher is None:
        return None
    return [sum(not shortfall.teachers_outcome(seed) for seed in seeds), len(seeds)]


def _course(course: Course | None) -> dict[str, Any] | None:
    return _rounded(asdict(course)) if course else None


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
