"""models/zoo.md, whole, from the lines of models and those of their success."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sdm_core.checkpoint import CONTRACT, METRICS, NETWORK
from sdm_sim.registry import difficulty, families, task_names

from sdm_training.report.lines import FINAL, Line, matching, newest, teacher_of
from sdm_training.report.markdown import NONE, NOT_RUN, code, table
from sdm_training.report.policies import STUDENT_ROWS, TEACHERS, Policy
from sdm_training.report.success import Success
from sdm_training.report.suite_tasks import DIFFICULTIES
from sdm_training.zoo.model_line import KIND, evaluation
from sdm_training.zoo.rebuild import REBUILT

_HASH_DIGITS = 12
_DESCRIBED = ("success", "its teacher's", "parameters, M", "MB", "contract", NETWORK)

_PAGE = """# Model zoo

Made by `sdm-zoo` and `sdm-report` from the checkpoints, and from the lines in `benchmarks/results`; not edited by hand.
Every student that was trained and evaluated by the protocol of [docs/results.md](../docs/results.md): success in per
cent with Wilson's 95 % interval and the number of episodes, its teacher's beside it. The policies in this folder are
part of the repository; all others are described here by hash and rebuilt by one command. `sdm-zoo out=dist` packs what
lies in `runs` for a release: an archive for each student with `{contract}`, `{network}`, `training.yaml` and
`{metrics}`, and `SHA256SUMS`. `sdm-zoo` itself brings the lines up to date.

**Contract.** `10 + 256×3 → 8×4, 4 at 80 Hz`: ten state entries and 256 points of three channels go in, a chunk of eight
actions of four entries comes out, of which four are executed at 80 Hz. A camera's image is given as its width × height.
`benchmarks/results/zoo.jsonl` names the action entries, the demonstrations' hash, the teachers' checkpoints, training
time, action error, commit and machine.

**Rebuilding.** A command below records the demonstrations, trains the teacher and its student, and evaluates the
student, all beside what is there (`{rebuilt}`). Then

    sha256sum {rebuilt}/*/runs/*/*/*/export*/{network}

gives the hash, whose first {digits} digits are below. It is the same where the machine computes the same: the sources
of the commit in the JSON line, the versions of `constraints.txt`, and one kind of processor. On it training repeats to
the last bit, also where it is interrupted; tests train twice and compare. Another processor may round otherwise, a GPU
does, and what was trained in a stack on one (`stacked` in the JSON line) repeats in the same stack only: then another
hash is no fault, and success is to be compared, within its interval. So it is where the commit ends in `-dirty`: the
sources had changes besides. "Not kept" stands where a checkpoint was not kept with its result line, so that only the
recipe can be repeated. Archives of two trainings are never equal, for `{metrics}` and `training.yaml` name the date.

## Shipped

{shipped}

{others}
"""


def page(lines: Sequence[Line]) -> str:
    """The text of models/zoo.md."""
    models = matching(lines, kind=KIND)
    students = [model for model in models if not model["shipped"] and model["method"] not in TEACHERS]
    sections = [f"## {heading}\n\n{_students(lines, found)}" for heading, found in _by_heading(students).items()]
    return _PAGE.format(
        contract=CONTRACT,
        network=NETWORK,
        metrics=METRICS,
        rebuilt=REBUILT,
        digits=_HASH_DIGITS,
        shipped=_shipped(lines, matching(models, shipped=True)),
        others="\n\n".join(sections) or "## Others\n\nNone has been described yet; `sdm-zoo` does it.",
    )


def _by_heading(students: Iterable[Line]) -> dict[str, list[Line]]:
    """Students by family of tasks and its difficulty; of a task, as tables order policies."""
    policies = [(row.method, row.nfe) for row in STUDENT_ROWS]

    def place(model: Line) -> tuple[int, int, int, str, int, str, int]:
        policy = (model["method"], model["nfe"])
        task = (_rank(_family(model["task"]), list(families())), _rank(_difficulty(model["task"]), DIFFICULTIES))
        order = (_rank(model["task"], task_names()), model["task"], _rank(policy, policies))
        return *task, *order, model.get("variant") or "", model["seed"]

    found: dict[str, list[Line]] = {}
    for model in sorted(students, key=place):
        heading = ", ".join(filter(None, (_family(model["task"]), _difficulty(model["task"]))))
        found.setdefault(heading, []).append(model)
    return found


def _rank(wanted: object, known: Sequence[object]) -> int:
    """What is not known comes last."""
    return known.index(wanted) if wanted in known else len(known)


def _family(task: str) -> str:
    return task.partition("/")[0]


def _difficulty(task: str) -> str | None:
    """Of another's own task nobody tells."""
    return difficulty(task) if task.partition("+")[0] in task_names() else None


def _shipped(lines: Sequence[Line], models: Sequence[Line]) -> str:
    if not models:
        return "None has been described yet; `sdm-zoo` does it."
    header = ["policy", "task", "name", "demos", *_DESCRIBED, "made by"]
    links = [f"[{model['folder']}]({model['folder']})" for model in models]
    cells = [[code(model["task"]), _name(model), str(model["demos"]), *_row(lines, model)] for model in models]
    return table(header, ([link, *row] for link, row in zip(links, cells, strict=True)))


def _students(lines: Sequence[Line], models: Sequence[Line]) -> str:
    header = ["task", "student", "seed", "demos", *_DESCRIBED, "rebuilt by"]
    return table(
        header,
        ([code(one["task"]), _name(one), str(one["seed"]), str(one["demos"]), *_row(lines, one)] for one in models),
    )


def _row(lines: Sequence[Line], model: Line) -> list[str]:
    """The cells of _DESCRIBED, and the command."""
    own = evaluation(lines, model)
    files = [NONE, NONE, NONE, "not kept"]
    if "sha256" in model:
        files = [
            f"{model['parameters'] / 1e6:.2f}",
            f"{model['bytes'][NETWORK] / 1e6:.1f}",
            _contract(model),
            code(model["sha256"][NETWORK][:_HASH_DIGITS]),
        ]
    return [_success(own), _teacher(lines, model, own), *files, code(model["rebuild"]) if model["rebuild"] else NONE]


def _contract(model: Line) -> str:
    """Such as `10 + 256×3 → 8×4, 4 at 80 Hz`."""
    inputs, outputs = model["inputs"], model["outputs"]
    cloud = [f"{inputs['points']}×{inputs['channels']}"] if "points" in inputs else []
    images = [f"{width}×{height}" for width, height in inputs.get("images", {}).values()]
    seen = " + ".join([str(inputs["state"]), *cloud, *images])
    chunk = f"{outputs['horizon']}×{len(outputs['action'])}"
    return f"{seen} → {chunk}, {outputs['n_action_steps']} at {model['control_hz']:g} Hz"


def _name(model: Line) -> str:
    return Policy.of_line(model).name


def _success(line: Line | None) -> str:
    return Success((line,)).cell if line else NOT_RUN


def _teacher(lines: Sequence[Line], model: Line, own: Line | None) -> str:
    """The success of the teacher that it was distilled from, of the same file of result lines as its own."""
    method, seed = teacher_of(model) or ("", None)
    teacher = TEACHERS.get(method)
    if own is None or teacher is None:
        return NONE
    wanted = {
        **FINAL,
        **{key: model[key] for key in ("task", "network", "demos")},
        "disturbed": model.get("disturbed"),
        "collection": own["collection"],
        "method": method,
        "nfe": teacher.nfe,
        "seed": seed,
    }
    found = newest(lines, **wanted, variant=model.get("variant")) or newest(lines, **wanted, variant=None)
    return f"{teacher.name}: {_success(found)}"
