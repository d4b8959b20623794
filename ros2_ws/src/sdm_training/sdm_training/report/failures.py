"""docs/failures.md, whole: tasks in which a policy falls short, their failed episodes, and whose failures they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from sdm_core.errors import DatasetError
from sdm_core.results import wilson
from sdm_sim.progress import LATE_STEPS

from sdm_training.evaluation.result_line import digest
from sdm_training.failures.stage import CHANGE, HOLDING_STEPS, MOVED_M, REACH_MARGIN_M
from sdm_training.report.lines import Line, matching, newest
from sdm_training.report.markdown import NONE, bracket, code, rate_cell, table
from sdm_training.report.policies import RECIPES, SDM, Policy
from sdm_training.report.success import success

THRESHOLD = 0.8
VIDEOS = "failures"
"""The folder of videos and stills beside the page."""

_PAGE = """# Failures

Made by `sdm-report` from the lines that `sdm-failures` writes, not edited by hand but for the sentences that begin with
"Seen": somebody has watched the episodes and wrote them into `benchmarks/failure_causes.yaml`.

Of tasks in which SDM stays below {threshold:.0f} %, three of the failed episodes of the result line, evenly over their
seeds, are played again with the same checkpoint, start and noise. An episode that does not fail again would say so.

**Stages** are told by comparison with the scripted expert's successful episodes of the same task, from what the
simulator knows of every task: the distance of gripper and object, whether both fingers press on one body, how far the
object has moved, and how much the task's own measure lacks to the goal. "Never reached": the object lay still, and the
gripper stayed {reach:.0f} cm farther from it than in any of those. "Grasped": in the fingers for {holding} steps or
more. "Moved": by {moved:.0f} cm. What counts as nearer to the goal or away from it is {change:.0f} % of what lacked at
first; "still on its way": so much was gained in the last {late} steps.

**Whose failures.** The expert acts from failed starts and, to compare, from others at which the policy succeeded. Where
it fails too, no demonstration can show the way (*data*). Where it succeeds and the teacher of the policy fails from the
same start, the teacher has not learned it (*teacher*); where both succeed, it was lost in distillation (*student*). A
policy that fails by chance would fail where its teacher succeeds: compare with the other starts.

## All tasks

{summary}

{unseen}
{tasks}"""

_EMPTY = "No failures have been looked at: run `sdm-failures`.\n"


def page(lines: Sequence[Line], causes: Mapping[str, str]) -> str:
    """The text of docs/failures.md; `causes` holds a sentence of somebody who has watched the episodes (see
    load_causes)."""
    findings = sorted(_current(lines), key=lambda one: (one["method"], one["nfe"], _rate(one), one["task"]))
    return _PAGE.format(
        reach=100 * REACH_MARGIN_M,
        holding=HOLDING_STEPS,
        moved=100 * MOVED_M,
        change=100 * CHANGE,
        late=LATE_STEPS,
        threshold=100 * THRESHOLD,
        unseen=_unseen(lines, findings),
        summary=table(_SUMMARY, [_summary(lines, one) for one in findings]) if findings else _EMPTY,
        tasks="".join(_section(lines, one, causes) for one in findings),
    )


def load_causes(file: Path) -> dict[str, str]:
    """The sentences, by task and digest of the result line, so that no other training's episodes are meant.

    None where there is no file. Raises DatasetError where it holds something else.
    """
    found = (yaml.safe_load(file.read_text()) if file.is_file() else None) or {}
    if not isinstance(found, dict) or not all(isinstance(one, str) for pair in found.items() for one in pair):
        raise DatasetError(f"{file}: must hold one sentence for each task and line, as docs/failures.md names them")
    return found


def whose(starts: dict[str, Any]) -> dict[str, int]:
    """How many of the failed starts of a finding are the data's, the teacher's and the student's, as the page has it.

    Without a teacher the rest is the policy's own; who did not act is not there.
    """
    expert, teacher = starts["expert"], starts["teacher"]
    if expert is None and teacher is None:
        return {}
    count = len(starts["seeds"])
    pairs = list(zip(expert or "1" * count, teacher or "1" * count, strict=True))
    data = {} if expert is None else {"data": sum(one == "0" for one, _ in pairs)}
    left = sum(pair == ("1", "1") for pair in pairs)
    if teacher is None:
        return {**data, "policy": left}
    return {**data, "teacher": sum(pair == ("1", "0") for pair in pairs), "student": left}


_SUMMARY = ["task", "policy", "success", "expert fails", "teacher fails", "whose", "stages"]
_EPISODES = ["seed", "stage", "nearest to the object", "in the hand", "lacking", "expert", "teacher", "video"]


def _current(lines: Sequence[Line]) -> Iterable[Line]:
    """The newest finding of every task and policy, of the result lines that other pages report."""
    found = {}
    for line in matching(lines, kind="failed_task"):
        reported = success(lines, line["task"], Policy.of_line(line))
        if reported and line["line"] in map(digest, reported.lines):
            found[line["task"], Policy.of_line(line)] = line
    return found.values()


def _unseen(lines: Sequence[Line], findings: Sequence[Line]) -> str:
    """What stays below the threshold as well, and was not played again."""
    looked_at = {(finding["task"], Policy.of_line(finding)) for finding in findings}
    found = []
    for task in sorted({line["task"] for line in matching(lines, kind="success")}):
        for policy in (SDM.under(recipe) for recipe in RECIPES):
            reported = success(lines, task, policy)
            if reported and reported.rate.value < THRESHOLD and (task, policy) not in looked_at:
                found.append(f"{code(task)} ({policy.name}: {100 * reported.rate.value:.0f} %)")
    return f"Below the threshold, too, but not played again: {', '.join(found) or 'none'}."


def _rate(finding: Line) -> float:
    return finding["successes"] / finding["episodes"]


def _episodes(lines: Sequence[Line], finding: Line) -> list[Line]:
    found = {line["episode_seed"]: line for line in matching(lines, kind="failure", line=finding["line"])}
    return [found[seed] for seed in sorted(found)]


def _success(finding: Line) -> str:
    interval = wilson(finding["successes"], finding["episodes"])
    return rate_cell(_rate(finding), interval, finding["episodes"])


def _summary(lines: Sequence[Line], finding: Line) -> list[str]:
    stages = dict.fromkeys(_stage(one) for one in _episodes(lines, finding))
    return [
        code(finding["task"]),
        Policy.of_line(finding).name,
        _success(finding),
        _expert_fails(finding),
        _teacher_fails(finding),
        _whose(finding),
        "; ".join(stages) or NONE,
    ]


def _section(lines: Sequence[Line], finding: Line, causes: Mapping[str, str]) -> str:
    episodes = _episodes(lines, finding)
    key = f"{finding['task']} {finding['line']}"
    seen = f"Seen: {causes[key]}" if key in causes else f"Nobody has watched the episodes of {code(key)} yet."
    strips = [f"[![{one['episode_seed']}]({VIDEOS}/{one['strip']})]({VIDEOS}/{one['video']})" for one in episodes]
    parts = [
        f"\n## {code(finding['task'])}, {Policy.of_line(finding).name}",
        f"{_success(finding)}, training seed {finding['seed']}. {_of_any_start(lines, finding)}{_of_starts(finding)}",
        seen,
        table(_EPISODES, [_episode(one) for one in episodes]),
        *strips,
    ]
    return "\n\n".join(parts) + "\n"


def _of_any_start(lines: Sequence[Line], finding: Line) -> str:
    measured = newest(lines, kind="task", task=finding["task"])
    if measured is None or measured["expert"] != finding["expert"] or not measured["successes"]:
        return ""
    rate = 100 * measured["successes"] / measured["episodes"]
    return f"The {measured['expert']} expert, of any start: {rate:.0f} {bracket(measured['ci95'])}. "


def _of_starts(finding: Line) -> str:
    parts = []
    if finding["expert"]:
        parts.append(f"From failed starts (others) the expert fails in {_expert_fails(finding)}.")
    if finding["teacher_policy"]:
        parts.append(
            f"{Policy.of_line(finding['teacher_policy']).name}, its teacher, fails in {_teacher_fails(finding)}."
        )
    parts.append(f"Whose: {_whose(finding)}.")
    return " ".join(parts)


def _expert_fails(finding: Line) -> str:
    starts = finding["starts"]
    if not finding["expert"]:
        return NONE
    failed, others = ([one["expert"].count("0"), len(one["seeds"])] for one in (starts["failed"], starts["succeeded"]))
    return _counts(failed, others)


def _teacher_fails(finding: Line) -> str:
    counts = finding["teacher_fails"]
    return _counts(counts["failed"], counts["succeeded"]) if finding["teacher_policy"] else NONE


def _counts(failed: Sequence[int], others: Sequence[int]) -> str:
    return f"{failed[0]} of {failed[1]} ({others[0]} of {others[1]})"


def _whose(finding: Line) -> str:
    found = whose(finding["starts"]["failed"])
    return ", ".join(f"{who} {count}" for who, count in found.items()) or NONE


def _episode(line: Line) -> list[str]:
    course = line["course"]
    told = [NONE] * 3
    if course:
        unit = line["unit"]
        held = course["held_steps"]
        told = [
            f"{100 * course['nearest_m']:.1f} cm, step {course['nearest_step']}",
            NONE if held is None else f"{held} of {course['steps']} steps",
            f"{_amount(course['lacking_at_first'], unit)} → {_amount(course['least_lacking'], unit)} "
            f"(step {course['least_lacking_step']}) → {_amount(course['lacking_at_end'], unit)}",
        ]
    outcomes = [_succeeds(line[f"{who}_succeeds"]) for who in ("expert", "teacher")]
    return [str(line["episode_seed"]), _stage(line), *told, *outcomes, f"[mp4]({VIDEOS}/{line['video']})"]


def _stage(line: Line) -> str:
    if not line["again"]:
        return "**did not fail again**"
    return line["stage"] or "not told"


def _succeeds(success: bool | None) -> str:
    return NONE if success is None else "succeeds" if success else "fails"


def _amount(lacking: float, unit: str) -> str:
    return f"{100 * lacking:.1f} cm" if unit == "m" else f"{lacking:.0f}{unit}"
