"""`sdm-evaluate checkpoint=runs/metaworld/door-open/sdm_small_seed0`: closed-loop success, one result line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sdm_core.checkpoint import Checkpoint
from sdm_core.results import append_result

from sdm_training.data.windows import Demonstrations
from sdm_training.evaluation import Outcome, evaluate
from sdm_training.protocols import best5, final, snapshot
from sdm_training.run_folder import RunFolder
from sdm_training.settings import Settings, SettingsError, run_program


class EvaluateSettings(Settings):
    """config/evaluate.yaml. checkpoint: an exported folder, or a run's (then nfe chooses among a teacher's exports);
    seed0: the first episode's seed, the others follow; repeats: how many episodes in a row share a start, and differ in
    the policy's noise alone; snapshot: which of a run's snapshots the protocol of that name evaluates, counted from 1;
    camera_noise: the depth camera whose noise is put onto the images; results: the JSON-lines file appended to, or
    null."""

    checkpoint: str
    nfe: int | None
    episodes: int
    seed0: int
    repeats: int = Field(gt=0)
    workers: int
    protocol: Literal["final", "best5", "snapshot"]
    snapshot: int
    backend: str
    camera_noise: Literal["none", "d4xx"]
    results: str | None

    @model_validator(mode="after")
    def _repeats_fit(self) -> EvaluateSettings:
        if self.repeats > 1 and self.protocol != "final":
            raise ValueError(f"repeats belong to protocol final, not to {self.protocol}")
        if self.episodes % self.repeats:
            raise ValueError(f"{self.episodes} episodes are not {self.repeats} of each start")
        return self


def checkpoint_folder(path: Path, nfe: int | None) -> Path:
    """The exported folder meant by a checkpoint or run folder and a step count."""
    if not (path / "training.yaml").is_file() or (path / "model.onnx").is_file():
        return path
    exports = sorted(folder.name for folder in path.glob("export*") if folder.is_dir())
    wanted = "export" if nfe is None else f"export_nfe{nfe}"
    if wanted not in exports:
        raise SettingsError(
            f"{path} has no {wanted}, but {', '.join(exports) or 'nothing exported'}: choose nfe=… or run sdm-export"
        )
    return path / wanted


def evaluate_checkpoint(settings: EvaluateSettings) -> None:
    """Evaluates by the protocol asked for, prints the success and appends the result line."""
    console = Console(soft_wrap=True)

    def run(checkpoint: Path, episodes: int) -> list[Outcome]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[successes]} succeeded  ETA"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(str(checkpoint), total=episodes, successes=0)
            successes = 0

            def count(outcome: Outcome) -> None:
                nonlocal successes
                successes += outcome.success
                progress.update(bar, advance=1, successes=successes)

            seeds = range(settings.seed0, settings.seed0 + episodes // settings.repeats)
            return evaluate(
                checkpoint,
                seeds,
                settings.workers,
                settings.backend,
                count,
                settings.repeats,
                settings.camera_noise,
            )

    path = Path(settings.checkpoint)
    if settings.protocol == "final":
        line = final(Checkpoint.open(checkpoint_folder(path, settings.nfe)), settings.episodes, run)
    else:
        folder = RunFolder(path)
        demonstrations = Demonstrations.load(folder.record()["config"]["data"])
        if settings.protocol == "best5":
            line = best5(folder, demonstrations, run)
        else:
            line = snapshot(folder, settings.snapshot, demonstrations, settings.episodes, run)
    if settings.camera_noise != "none":
        line["camera_noise"] = settings.camera_noise
    low, high = line["ci95"]
    console.print(
        f"{line['task']} {line['method']} nfe {line['nfe']} ({line['protocol']}): "
        f"{line['successes']} of {line['episodes']} episodes succeeded, "
        f"95 % interval {100 * low:.0f}–{100 * high:.0f} %"
    )
    if settings.results is not None:
        append_result(settings.results, line)


def main() -> None:
    """Entry point."""
    run_program("evaluate", EvaluateSettings, evaluate_checkpoint)
