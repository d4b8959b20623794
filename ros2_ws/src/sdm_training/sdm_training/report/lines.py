"""Which result lines a table is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

Line = dict[str, Any]

# What every reported success has in common: the last weights, on evaluation seeds that no recipe was tuned on, by
# faultless cameras and the usual backend, with as many actions executed as the contract says, of noise as in training.
FINAL: Line = {
    "kind": "success",
    "protocol": "final",
    "mode": "direct",
    "eval_seed0": 30000,
    "camera_noise": None,
    "backend": None,
    "replan_steps": None,
    "noise_scale": None,
}

# What the students in `models/` were evaluated by; their lines lie in a file of their own, for the same cells are run
# again in comparisons.
PROTOCOL: Line = {**FINAL, "network": "small", "seed": 0, "demos": 10, "episodes": 100}
SHIPPED: Line = {**PROTOCOL, "collection": "shipped"}

# What checks a choice that was made by looking at the cells of FINAL: other evaluation seeds, and another training.
FRESH: Line = {**FINAL, "eval_seed0": 40000}
CHOSEN_ON_SEED = 0  # of training

# What a recipe may be chosen by: evaluation seeds that no reported success is of.
DEVELOPMENT: Line = {**FINAL, "eval_seed0": 5000}


def matching(lines: Iterable[Line], **wanted: Any) -> list[Line]:
    """The lines whose entries equal `wanted`; None also matches an entry that is absent. The first entry is looked at
    in all lines, each further one in what is left."""
    found = list(lines)
    for key, value in wanted.items():
        found = [line for line in found if line.get(key) == value]
    return found


def is_distilled(line: Line) -> bool:
    """Whether it is of a student, whose training came on top of its teacher's."""
    return line.get("teacher") is not None


def newest(lines: Iterable[Line], **wanted: Any) -> Line | None:
    """The last line whose entries equal `wanted`."""
    return next(reversed(matching(lines, **wanted)), None)


def of_task(lines: Iterable[Line], task: str) -> list[Line]:
    """A task's lines of FINAL that have its usual number of demonstrations."""
    return of_usual_demos(matching(lines, task=task, **FINAL))


def of_usual_demos(lines: Sequence[Line]) -> list[Line]:
    """Those of one task's lines that have as many demonstrations as most of them."""
    usual = Counter(line.get("demos") for line in lines).most_common(1)
    return matching(lines, demos=usual[0][0]) if usual else []


def reported(lines: Iterable[Line], task: str, **policy: Any) -> list[Line]:
    """The lines that a policy's cell may be made of; those of the shipped students only where there are no others."""
    found = matching(of_task(lines, task), **policy)
    return [line for line in found if line.get("collection") != SHIPPED["collection"]] or found


def one_per_seed(lines: Iterable[Line]) -> list[Line]:
    """The newest of the longest evaluations of each training seed, so that a short trial replaces no cell."""
    by_seed: dict[int, Line] = {}
    for line in lines:
        other = by_seed.get(line["seed"])
        if other is None or line["episodes"] >= other["episodes"]:
            by_seed[line["seed"]] = line
    return [by_seed[seed] for seed in sorted(by_seed)]


def teacher_of(line: Line) -> tuple[str, int] | None:
    """Method and training seed of the teacher that a line names (`dp3 seed 0`); None where it names none."""
    if not is_distilled(line):
        return None
    method, _, seed = line["teacher"].partition(" seed ")
    return method, int(seed)


def counterparts(line: Line, others: Iterable[Line]) -> list[Line]:
    """Those of other lines that began from the same starts, and have the same training seed, or of a student's teacher
    the seed of the one that it was distilled from."""
    starts = {key: line.get(key) for key in ("episodes", "eval_seed0", "repeats")}
    seeds = dict([teacher] if (teacher := teacher_of(line)) else [])
    return [one for one in matching(others, **starts) if one["seed"] == seeds.get(one["method"], line["seed"])]


def pairs(first: Iterable[Line], second: Sequence[Line]) -> tuple[str, str]:
    """The outcomes of both, of those lines that are counterparts."""
    own, other = "", ""
    for line in first:
        for match in counterparts(line, second):
            own, other = own + line["outcomes"], other + match["outcomes"]
    return own, other
