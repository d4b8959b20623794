"""One method on one task with one seed: its jobs and their command lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sdm_sim.disturbance import disturbed_words

from sdm_training.benchmark.cell import Cell
from sdm_training.benchmark.jobs.demonstrations import DemonstrationsJob
from sdm_training.benchmark.jobs.evaluation import EvaluationJob
from sdm_training.benchmark.jobs.job import Places
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.suite import MethodRow, Suite, TaskRow


@dataclass(frozen=True)
class Trial:
    """The row `method` on the row `task` of a suite."""

    suite: Suite
    places: Places
    task: TaskRow
    method: MethodRow
    seed: int

    @property
    def network(self) -> str:
        return self.method.network or self.suite.network

    @property
    def demos(self) -> int:
        return self.method.demos or self.task.demos

    @property
    def name(self) -> str:
        return f"{self.task.name}/{self.method.name}_{self.network}_seed{self.seed}"

    @property
    def run(self) -> Path:
        """The training's folder; without a variant the programs' own choice too."""
        return self.places.runs / self.name

    @property
    def teacher(self) -> Trial | None:
        """What is distilled: it has the network and the seed of its student."""
        if self.method.teacher is None:
            return None
        row = self.suite.methods[self.method.teacher]
        return replace(self, method=row.model_copy(update={"network": self.network}))

    def demonstrations(self) -> DemonstrationsJob:
        """The job that records or converts them."""
        disturbed = self.method.disturbed
        other = "" if self.method.demos is None else f"_{self.demos}"
        other += f"_{disturbed_words(disturbed)}".replace(" ", "_") if disturbed else ""
        store = self.places.data / f"{self.task.name}{other}.zarr"
        source = [] if self.task.source is None else [f"source={self.task.source}"]
        return DemonstrationsJob(
            places=self.places,
            name=f"{self.task.name}/demonstrations{other}",
            needs=(),
            program="demos",
            overrides=(
                f"task={self.task.name}",
                f"episodes={self.demos}",
                *source,
                *self.suite.demonstrations,
                *self.task.overrides.get("demos", ()),
                *((f"disturbed={str(disturbed).lower()}",) if disturbed else ()),
                f"output={store}",
            ),
            task=self.task.name,
            store=store,
            episodes=self.demos,
        )

    def training(self) -> TrainingJob:
        """The job that trains the run and exports its checkpoints."""
        method, teacher, demonstrations = self.method, self.teacher, self.demonstrations()
        part = "teacher" if method.program == "train" else "distiller"
        options = [f"{part}.method={method.method}"]
        if method.variant is not None:
            options.append(f'++{part}.variant="{method.variant}"')
        if teacher is not None:
            options.append(f"teacher_run={teacher.run}")
        if self.has_curve:
            options.append(f"loop.snapshots={self.suite.curve.snapshots}")
        asked = () if method.samples_by_itself else method.nfe
        options.append(f"export.nfe=[{','.join(map(str, asked))}]")
        return TrainingJob(
            places=self.places,
            name=f"{self.name}.training",
            needs=(demonstrations.name, *([] if teacher is None else [teacher.training().name])),
            program=method.program,
            overrides=(
                f"task={self.task.name}",
                f"seed={self.seed}",
                f"network={self.network}",
                *method.overrides,
                *options,
                *self.task.overrides.get(method.program, ()),
                *self.task.overrides.get(method.name, ()),
                f"data={demonstrations.store}",
                f"run={self.run}",
            ),
            task=self.task.name,
            method=method.method,
            variant=method.variant,
            network=self.network,
            seed=self.seed,
            run=self.run,
            checkpoints=tuple(self.run / method.export(nfe) for nfe in method.nfe),
            teacher=None if teacher is None else teacher.training(),
        )

    def evaluations(self) -> list[EvaluationJob]:
        """One job for each step count at which the final weights are evaluated, and one for each other number of
        executed actions."""
        usual = [self._evaluation(f"nfe{nfe}", self._cell(nfe)) for nfe in self.method.nfe]
        last = self._cell(self.method.nfe[-1])
        others = [
            self._evaluation(f"nfe{last.nfe}_replan{steps}", replace(last, replan_steps=steps))
            for steps in self.method.replan_steps
        ]
        return usual + others

    @property
    def has_curve(self) -> bool:
        """Whether the training keeps snapshots for a learning curve."""
        curve = self.suite.curve
        return self.task.name in curve.tasks and self.method.name in curve.methods and self.seed in curve.seeds

    def curve(self) -> list[EvaluationJob]:
        """One job for each snapshot of the training, sampled with the last of the step counts."""
        if not self.has_curve:
            return []
        curve = self.suite.curve
        cell = replace(self._cell(self.method.nfe[-1]), protocol="snapshot", episodes=curve.episodes, repeats=1)
        return [
            self._evaluation(
                f"snapshot{number}", replace(cell, snapshot=number), "protocol=snapshot", f"snapshot={number}"
            )
            for number in range(1, curve.snapshots + 1)
        ]

    def _evaluation(self, what: str, cell: Cell, *options: str) -> EvaluationJob:
        nfe = [] if self.method.samples_by_itself or cell.snapshot else [f"nfe={cell.nfe}"]
        repeats = [] if cell.repeats == 1 else [f"repeats={cell.repeats}"]
        replanned = [] if cell.replan_steps is None else [f"replan_steps={cell.replan_steps}"]
        batched = [] if self.suite.environments == 1 else [f"environments={self.suite.environments}"]
        training = self.training()
        return EvaluationJob(
            places=self.places,
            name=f"{self.name}.{what}",
            needs=(training.name,),
            program="evaluate",
            overrides=(
                f"checkpoint={self.run}",
                *nfe,
                f"episodes={cell.episodes}",
                f"seed0={cell.eval_seed0}",
                *repeats,
                *replanned,
                *options,
                "workers=1",
                *batched,
                f"results={self.places.results}",
            ),
            cell=cell,
            training=training,
            checkpoint=self.run / self.method.export(cell.nfe),
        )

    def _cell(self, nfe: int) -> Cell:
        return Cell(
            task=self.task.name,
            method=self.method.method,
            variant=self.method.variant,
            teacher=None if self.teacher is None else self.teacher.method.method,
            network=self.network,
            seed=self.seed,
            nfe=nfe,
            episodes=self.task.episodes or self.suite.episodes,
            repeats=self.task.repeats,
            eval_seed0=self.suite.eval_seed0,
            demos=self.demos,
            disturbed=self.method.disturbed,
        )
