"""A suite is data: tasks, methods and the protocol under which they are compared."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from sdm_sim.disturbance import Disturbed

from sdm_training.settings import Settings, SettingsError

Program = Literal["train", "distill"]

# What a task's overrides may be of, beside the rows of methods.
PROGRAMS = ("demos", "train", "distill")


class TaskRow(Settings):
    """One task. demos: how many demonstrations are trained on.

    source: a file of recorded demonstrations, where the task has no scripted expert.
    episodes, repeats: of its evaluation, where they differ from the suite's; each start is played `repeats` times.
    overrides: of the settings of a program (demos, train, distill) or of a method's row, e.g.
    {demos: [images=true], train: [teacher.steps=8000], mip: [distiller.steps=8000]}.
    """

    name: str
    demos: int = Field(gt=0)
    source: str | None = None
    episodes: int | None = Field(None, gt=0)
    repeats: int = Field(1, gt=0)
    overrides: dict[str, tuple[str, ...]] = Field({})


class MethodRow(Settings):
    """One method. program: `train` trains from demonstrations alone, `distill` is every other.

    overrides: the program's settings; a row of `distill` that names no distiller takes that of its own name.
    method, variant: its names in the result lines, where they differ from the row's.
    network, demos: where they differ from the suite's and the task's; disturbed: which demonstrations are (see
    sdm-demos). A store of other demonstrations is its own.
    teacher: the row that it distils, trained with the same seed and network.
    nfe: the step counts that are evaluated, the method's own one last; not written: one call, as the method samples.
    replan_steps: other numbers of executed actions than the network's with which the last of them is evaluated, too.
    """

    name: str
    program: Program = "distill"
    overrides: tuple[str, ...]
    method: str
    variant: str | None = None
    network: str | None = None
    demos: int | None = Field(None, gt=0)
    disturbed: Disturbed = False
    teacher: str | None = None
    nfe: tuple[int, ...] = Field((1,), min_length=1)
    replan_steps: tuple[Annotated[int, Field(gt=0)], ...] = ()
    seeds: tuple[int, ...] = (0,)

    @model_validator(mode="before")
    @classmethod
    def named_after_its_row(cls, values: dict[str, Any]) -> dict[str, Any]:
        overrides = list(values.get("overrides", ()))
        distils = values.get("program") != "train"
        if distils and not any(one.startswith("distiller=") for one in overrides):
            overrides.insert(0, f"distiller={values['name']}")
        return {"method": values["name"], **values, "overrides": overrides}

    @model_validator(mode="after")
    def trains_what_it_names(self) -> MethodRow:
        if self.program == "train" and not any(one.startswith("teacher=") for one in self.overrides):
            raise ValueError(f"method '{self.name}' trains a teacher: say which, as overrides: [teacher=fast]")
        return self

    @property
    def samples_by_itself(self) -> bool:
        """Whether it is exported and evaluated as its own sampling says, not at step counts that are asked of it."""
        return self.program == "distill" and "nfe" not in self.model_fields_set

    def export(self, nfe: int) -> str:
        """The run's folder of the checkpoint with `nfe` steps."""
        return "export" if self.samples_by_itself else f"export_nfe{nfe}"


class CurveRows(Settings):
    """Learning curves: these trainings keep `snapshots` sets of weights, which `curve=true` evaluates."""

    tasks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    snapshots: int = Field(default=15, gt=0)
    episodes: int = Field(default=20, gt=0)


class Suite(Settings):
    """config/suite/*.yaml. episodes: of each evaluation; eval_seed0: the first one's seed, the others follow;
    environments: how many an evaluation steps in turn (see sdm-evaluate), such as `+suite.environments=8`.
    demonstrations: overrides of sdm-demos for every task, before the task's own."""

    network: str
    episodes: int = Field(gt=0)
    environments: int = Field(default=1, gt=0)
    eval_seed0: int
    demonstrations: tuple[str, ...] = ()
    tasks: dict[str, TaskRow]
    methods: dict[str, MethodRow]
    curve: CurveRows = Field(default_factory=CurveRows)

    @field_validator("tasks", "methods", mode="before")
    @classmethod
    def rows_know_their_names(cls, rows: Any) -> Any:
        return {name: {"name": name, **(row or {})} for name, row in rows.items()}

    @model_validator(mode="after")
    def fits_together(self) -> Suite:
        for row in self.methods.values():
            if row.teacher is not None and row.teacher not in self.methods:
                raise ValueError(f"method '{row.name}' needs the teacher '{row.teacher}', which is no row of the suite")
            teacher = row if row.teacher is None else self.methods[row.teacher]
            if (row.demos, row.disturbed) != (teacher.demos, teacher.disturbed):
                raise ValueError(f"method '{row.name}' and its teacher '{teacher.name}' need the same demonstrations")
        for one, other in itertools.combinations(self.methods.values(), 2):
            if self._cells(one) & self._cells(other):
                raise ValueError(
                    f"the results could not tell the rows '{one.name}' and '{other.name}' apart: "
                    "give one of them a variant"
                )
        for task in self.tasks.values():
            require_known("program or method", tuple(task.overrides), {**dict.fromkeys(PROGRAMS), **self.methods})
        for what, wanted, known in (
            ("task", self.curve.tasks, self.tasks),
            ("method", self.curve.methods, self.methods),
        ):
            require_known(what, wanted, known)
        return self

    def _cells(self, row: MethodRow) -> set[tuple[object, ...]]:
        """What a report tells a row by, of each of its step counts."""
        network = row.network or self.network
        return {(row.method, row.variant, network, row.demos, row.disturbed, nfe) for nfe in row.nfe}


def require_known(what: str, wanted: tuple[str, ...], known: dict[str, Any]) -> None:
    """Raises SettingsError on a name that is no row."""
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SettingsError(f"the suite has no {what} '{unknown[0]}', but {', '.join(known)}")
