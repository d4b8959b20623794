"""`sdm-recheck count=2 seed=0`: draws result lines at random, evaluates each again, and compares every outcome.

Exit status 1 where one differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console
from rich.progress import Progress
from sdm_core.errors import SdmError
from sdm_core.results import append_result, read_results

from sdm_training.benchmark.recheck import candidates, draw, evaluate_again, in_words
from sdm_training.settings import Settings, run_program


class RecheckError(SdmError):
    """An evaluation has not given the recorded outcomes again."""


class RecheckSettings(Settings):
    """config/recheck.yaml. results: the file of result lines that is drawn from; count: how many; seed: of the draw;
    root: the folder to which the lines' checkpoints are relative; backend: another one than a line's own, or null;
    workers: as in sdm-evaluate, where their number changes nothing but the time; output: the file that the comparisons
    are appended to, or null."""

    results: str
    count: int = Field(gt=0)
    seed: int
    root: str
    backend: str | None
    workers: int = Field(gt=0)
    output: str | None


def recheck(settings: RecheckSettings) -> None:
    """Draws, evaluates, and appends a line for each. Raises RecheckError where outcomes differ."""
    console = Console(soft_wrap=True, highlight=False)
    found = candidates(read_results(settings.results), Path(settings.root))
    differing = 0
    for line in draw(found, settings.count, settings.seed):
        comparison = _again(line, settings, console)
        comparison["draw"] = {"seed": settings.seed, "lines": len(found)}
        console.print(in_words(comparison))
        if settings.output is not None:
            append_result(settings.output, comparison)
        differing += bool(comparison["differ"])
    if differing:
        raise RecheckError(
            f"{differing} of {settings.count} lines gave other outcomes; another kind of processor rounds otherwise, "
            "so compare `machine` before looking further"
        )


def _again(line: dict[str, Any], settings: RecheckSettings, console: Console) -> dict[str, Any]:
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{line['task']} {line['method']} nfe {line['nfe']}", total=line["episodes"])
        return evaluate_again(
            line, Path(settings.root), settings.workers, settings.backend, lambda _: progress.advance(bar)
        )


def main() -> None:
    """Entry point."""
    run_program("recheck", RecheckSettings, recheck)
