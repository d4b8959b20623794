"""Which tasks a policy falls short in, and the result line whose failed episodes are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError

from sdm_training.evaluation.result_line import checkpoint_of
from sdm_training.report.lines import Line, counterparts
from sdm_training.report.policies import Policy
from sdm_training.report.success import reference, success


@dataclass(frozen=True)
class Shortfall:
    """A task below the threshold: the line that is explained, its checkpoint, and the line of the policy's teacher on
    the same starts, None where there is none."""

    line: Line
    checkpoint: Checkpoint
    teacher: Line | None

    @property
    def failed(self) -> list[int]:
        """The seeds of the failed episodes."""
        return self._seeds("0")

    @property
    def succeeded(self) -> list[int]:
        """The seeds of the others."""
        return self._seeds("1")

    def teachers_outcome(self, seed: int) -> bool | None:
        """Whether the teacher succeeded from the same start."""
        return None if self.teacher is None else self.teacher["outcomes"][seed - self.line["eval_seed0"]] == "1"

    def _seeds(self, outcome: str) -> list[int]:
        return [seed for seed, one in enumerate(self.line["outcomes"], self.line["eval_seed0"]) if one == outcome]


def shortfalls(
    lines: Sequence[Line], policy: Policy, threshold: float, tasks: Sequence[str], root: Path
) -> Iterator[Shortfall | CheckpointError]:
    """Every task, of `tasks` (empty: all), whose success over all training seeds is below the threshold.

    Of its training seeds the first is explained whose checkpoint is there; where there is none, the error says so.
    """
    for task in dict.fromkeys(line["task"] for line in lines if line["kind"] == "success"):
        found = success(lines, task, policy) if not tasks or task in tasks else None
        if found is not None and found.rate.value < threshold:
            yield _explained(lines, found.lines, policy, root)


def _explained(lines: Sequence[Line], found: Sequence[Line], policy: Policy, root: Path) -> Shortfall | CheckpointError:
    missing = []
    for line in found:
        if "repeats" in line:
            return CheckpointError(f"{line['task']}: starts that are tried several times are not looked at")
        try:
            return Shortfall(line, checkpoint_of(line, root), _teachers_line(lines, line, policy))
        except CheckpointError as error:
            missing.append(error)
    return missing[0]


def _teachers_line(lines: Sequence[Line], line: Line, policy: Policy) -> Line | None:
    teacher = reference(lines, line, policy)
    if teacher == policy:
        return None
    others = success(lines, line["task"], teacher)
    return next(iter(counterparts(line, others.lines)), None) if others else None
