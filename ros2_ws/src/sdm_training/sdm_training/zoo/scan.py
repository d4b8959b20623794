"""From folders of checkpoints and result lines to the lines of the zoo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from sdm_core.checkpoint import NETWORK, TRAINING, Checkpoint
from sdm_sim.disturbance import disturbed_words

from sdm_training.report.lines import FINAL, SHIPPED, Line, matching
from sdm_training.report.policies import TEACHERS
from sdm_training.zoo.model_line import evaluation, identity, line_without_checkpoint, model_line, training
from sdm_training.zoo.rebuild import rebuild_command, shipping_command


@dataclass(frozen=True)
class Model:
    """A checkpoint folder and its line."""

    path: Path
    line: Line

    @property
    def name(self) -> str:
        """Of one word, such as `metaworld_door-open_sdm_small_seed0_nfe1`."""
        line = self.line
        disturbed = disturbed_words(line.get("disturbed"))
        parts = (line["method"], line.get("variant"), line["network"], disturbed, f"seed{line['seed']}")
        training = "_".join(filter(None, parts))
        return f"{line['task']}_{training}_nfe{line['nfe']}".replace("/", "_").replace(" ", "-")


@dataclass(frozen=True)
class Zoo:
    """models: checkpoints that a result line reports; without_checkpoint: lines of students that are told by theirs
    alone; left_out: one line of text for each checkpoint that is no part of it."""

    models: list[Model]
    without_checkpoint: list[Line]
    left_out: list[str]

    @property
    def lines(self) -> list[Line]:
        return [*(model.line for model in self.models), *self.without_checkpoint]


def is_teacher(line: Line) -> bool:
    """Whether students are distilled from it."""
    return line["method"] in TEACHERS


def scan(shipped: Path, runs: Path, results: Sequence[Line]) -> Zoo:
    """What lies below both folders, shipped models first, each where its policy was evaluated by the reported protocol.

    Raises CheckpointError or ContractError where a checkpoint is not whole.
    """
    models, left_out = list(_shipped(shipped)), []
    known = {model.line["sha256"][NETWORK] for model in models}
    for path in _checkpoints(runs):
        line = model_line(Checkpoint.open(path), path.relative_to(runs).as_posix(), shipped=False)
        if line["sha256"][NETWORK] in known:
            continue
        if evaluation(results, line) is None:
            left_out.append(f"{path} is left out: no line of success reports it")
            continue
        recipe = yaml.safe_load((path / TRAINING).read_text())["config"]
        models.append(Model(path, {**line, "rebuild": rebuild_command(line, recipe)}))
    return Zoo(models, list(_without_checkpoint(models, results)), left_out)


def merged(before: Sequence[Line], found: Sequence[Line]) -> list[Line]:
    """The lines of an earlier scan with those of this one in their place, in the order of tasks and names.

    What was described by its checkpoint stays so after that has gone, but for the command that rebuilds it: suites
    change.
    """
    lines = {identity(line): {**line, "rebuild": _present_command(line)} for line in before}
    for line in found:
        key = identity(line)
        if "sha256" in line or "sha256" not in lines.get(key, {}):
            lines[key] = line
    return sorted(lines.values(), key=lambda line: (not line["shipped"], *map(str, identity(line))))


def _present_command(line: Line) -> str | None:
    """What no suite trained when its checkpoint was there, no suite is taken to train now."""
    if line["shipped"] or line["rebuild"] is None:
        return line["rebuild"]
    return rebuild_command(line)


def _shipped(folder: Path) -> Iterator[Model]:
    for path in _checkpoints(folder):
        line = model_line(Checkpoint.open(path), path.relative_to(folder).as_posix(), shipped=True)
        yield Model(path, {**line, "rebuild": shipping_command(line["task"])})


def _without_checkpoint(models: Sequence[Model], results: Sequence[Line]) -> Iterator[Line]:
    """A line for each student of which none of the models is, and which some suite trains.

    What the shipped ones are compared with is no part, nor what acted in another task than its own.
    """
    trained = {training(model.line) for model in models}
    there = {identity(model.line) for model in models}
    students = [
        line
        for line in matching(results, **FINAL)
        if not (is_teacher(line) or line["collection"] == SHIPPED["collection"] or training(line) in trained)
    ]
    for key, line in {identity(line): line for line in students}.items():
        command = None if key in there else rebuild_command(line)
        if command is not None:
            yield {**line_without_checkpoint(line), "rebuild": command}


def _checkpoints(folder: Path) -> list[Path]:
    """Every exported folder below one; what is still being written has a hidden name."""
    found = (file.parent for file in folder.rglob(NETWORK))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
