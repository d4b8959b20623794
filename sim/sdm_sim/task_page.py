"""docs/tasks.md: every registered task, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sdm_sim.registry import difficulty, public_families, source, task_names
from sdm_sim.task_pictures import sheet_name

_NONE = "–"
_HEADER = (
    "task", "difficulty", "source", "states", "actions", "expert", "success, %", "10 demonstrations, s", "steps/s",
    "status",
)  # fmt: skip
_INTRODUCTION = """\
# Tasks

Made by `sdm-tasks` from the lines in `benchmarks/results/tasks.jsonl`; edit nothing here by hand. `sdm-tasks TASK …`
measures tasks anew and writes this page, `sdm-tasks` alone writes it, `sdm-tasks --pictures` with its pictures.

Success is the expert's, with its 95 % interval, by the task's own rule: at any step, or for Adroit at the last. Times
are CPU seconds of one process: ten demonstrations with their clouds, the failed attempts among them; steps under
random actions, each with its cloud.

Adroit's expert is a `network` where hand_dapg's policies are (`dapg/policies` of https://github.com/aravindr93/hand_dapg,
read without unpickling): in the folder that `SDM_ADROIT_EXPERTS` names, else in `data/adroit_experts` or
`../shared/data/adroit_experts`. Without them, or with `SDM_ADROIT_EXPERTS=planner`, it is a built-in `planner`, which
takes no download, but more time.

DexArt's assets (https://github.com/Kami-code/dexart-release) may not be passed on: its tasks run from a user's copy,
the folder that `SDM_DEXART_ASSETS` names, else `data/dexart`. Its experts are pickled and are not read.

`make dev` installs what all of these tasks need, except Robomimic's (`make robomimic`) and DexArt's assets. In another
environment Adroit, `dexhand` and DexArt come with an extra of the package, as in `pip install './sim[adroit]'`:
`adroit`, `dexhand`, `dexart`.

Variants: in `metaworld/TASK+goal` a ball marks the goal for the policy to see, in `metaworld/TASK+moving` the object
moves.

`camera_noise=d4xx` shows any of them as a real depth camera would. Crop boxes begin a few millimetres above the table,
which is less than such a camera errs: the table's points come into the box, and farthest-point sampling, which spreads
points evenly, makes them a good part of the cloud (`tests/unit/test_camera_noise.py`). A policy of faultless clouds has
never seen them, and may fail for that alone: train and distil with the same `camera_noise`, from demonstrations with
`keep_depth=true`.
"""


_SPEEDS = """
## Speeds

`benchmarks/demonstrations.py` measures them. CPU seconds are all processes' together; wall time holds for a machine
that does nothing else. Evaluation is one worker's: steps a CPU second, with a cloud wherever the policy looks; with
more `environments` than one it steps them in turn and infers their observations as one batch. Opening them comes on
top.

"""


def page(lines: Iterable[dict[str, Any]]) -> str:
    """The page's text; of several lines of a task and kind of expert, or of a speed, the last one counts."""
    lines = list(lines)
    measured: dict[str, dict[str, dict[str, Any]]] = {}
    for line in lines:
        if line.get("kind") == "task":
            measured.setdefault(line["task"], {})[str(line["expert"])] = line
    rows = [_row(name, line) for name in task_names() for line in measured.get(name, {"": None}).values()]
    table = [_HEADER, ("---",) * len(_HEADER), *rows]
    sheets = "".join(f"\n![{family}](pictures/{sheet_name(family)})\n" for family in public_families())
    return f"{_INTRODUCTION}\n" + _table(table) + _speeds(lines) + sheets


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _speeds(lines: list[dict[str, Any]]) -> str:
    """What was measured of whole families and of evaluation; empty where nothing was."""
    sweeps = {(line["family"], line["workers"]): line for line in lines if line.get("kind") == "demonstrations"}
    evaluations = {
        (line["checkpoint"], line.get("environments", 1)): line for line in lines if line.get("kind") == "evaluation"
    }
    rows = [
        (
            f"{line['episodes']} demonstrations of {line['tasks']} tasks, `sdm-demos task={family} workers={workers}`",
            f"{line['wall_s']:.0f} s, {line['cpu_s']:.0f} CPU s",
            _origin(line),
        )
        for (family, workers), line in sweeps.items()
    ] + [
        (
            f"evaluation of `{checkpoint}`, {line['nfe']} NFE, `environments={environments}`",
            f"{line['steps_per_s']:.0f} steps/s, {100 * line['inference_share']:.0f} % of it inference"
            + _side_by_side(line),
            _origin(line),
        )
        for (checkpoint, environments), line in evaluations.items()
    ]
    return _SPEEDS + _table([("what", "measured", "when and where"), ("---",) * 3, *rows]) if rows else ""


def _side_by_side(line: dict[str, Any]) -> str:
    """What several environments cost and change; empty for one."""
    if line.get("environments", 1) == 1:
        return ""
    return (
        f"; {line['identical']} of {line['episodes']} episodes bit for bit as with one; "
        f"{line['open_s']:.1f} s and {line['open_mb']} MB to open one"
    )


def _origin(line: dict[str, Any]) -> str:
    return f"{line['date']}, {line['commit']}, {line['machine']}"


def _row(name: str, line: dict[str, Any] | None) -> tuple[str, ...]:
    known = (f"`{name}`", difficulty(name) or _NONE, source(name))
    if line is None:
        return (*known, *(_NONE,) * (len(_HEADER) - len(known) - 1), "not measured")
    if line["successes"] is None:
        success = _NONE
    else:
        low, high = (100 * bound for bound in line["ci95"])
        success = f"{100 * line['successes'] / line['episodes']:.0f} [{low:.0f}, {high:.0f}] of {line['episodes']}"
    return (
        *known,
        str(line["states"]),
        str(line["actions"]),
        line["expert"] or "recorded by people",
        success,
        _NONE if line["demo_s"] is None else f"{line['demo_s']:.1f}",
        f"{line['steps_per_s']:.0f}",
        f"measured {line['date']}, {line['commit']}",
    )
