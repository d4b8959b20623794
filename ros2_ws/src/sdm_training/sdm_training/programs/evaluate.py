"""`sdm-evaluate checkpoint=runs/metaworld/door-open/sdm_small_seed0`: closed-loop success, one result line.

With `mode=realtime latency_ms=[0,25,50]` the world does not wait, and there is one result line for each latency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sdm_core.checkpoint import Checkpoint
from sdm_core.results import append_result
from sdm_sim.late_policy import Latency

from sdm_training.data.windows import Demonstrations
from sdm_training.evaluation.closed_loop import USUAL_BACKEND, Outcome, World, evaluate
from sdm_training.evaluation.protocols import BEST_EPISODES, Evaluate, best5, final, snapshot
from sdm_training.evaluation.real_time import INJECTED, MEASURED, cell, is_there, measured_answer_ms
from sdm_training.provenance import machine
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Settings, SettingsError, run_program

# Of protocols final and snapshot, unless others are asked for.
EPISODES = 100


class EvaluateSettings(Settings):
    """config/evaluate.yaml. checkpoint: an exported folder, or a run's (then nfe chooses among a teacher's exports);
    seed0: the first episode's seed, the others follow; repeats: how many episodes in a row share a start, and differ in
    the policy's noise alone; workers: processes; environments: how many each of them steps in turn, whose observations
    are inferred as one batch (see evaluation/closed_loop.py); episodes: null for as many as the protocol usually has;
    snapshot: which of a run's snapshots the protocol of that name evaluates, counted from 1, null for the first;
    replan_steps: how many actions of a chunk are executed before the next observation, null for as many as the
    checkpoint's contract says; noise_scale: the standard deviation of the policy's noise, 1 as in training, 0 for none;
    camera_noise: the depth camera whose noise is put onto the images; results: the
    JSON-lines file appended to, or null.

    task: another one to act in than the checkpoint was made for, such as its moving variant; mode: whether the world
    waits for the policy (direct) or not (realtime); latency_ms: how late the policy has its observations in realtime,
    one result line each, and none again that the file holds already; latency: whether that is all (injected), or this
    machine's own time for an answer comes on top (measured)."""

    checkpoint: str
    task: str | None
    nfe: int | None
    protocol: Literal["final", "best5", "snapshot"]
    episodes: int = Field(gt=0)
    snapshot: int | None = Field(gt=0)
    seed0: int = Field(ge=0)
    repeats: int = Field(gt=0)
    workers: int = Field(gt=0)
    environments: int = Field(gt=0)
    replan_steps: int | None = Field(gt=0)
    noise_scale: float = Field(ge=0, le=1)
    backend: str
    camera_noise: Literal["none", "d4xx"]
    mode: Literal["direct", "realtime"]
    latency_ms: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    latency: Literal["injected", "measured"]
    results: str | None

    @field_validator("episodes", mode="before")
    @classmethod
    def _usual_episodes(cls, value: Any, given: ValidationInfo) -> Any:
        usual = BEST_EPISODES if given.data.get("protocol") == "best5" else EPISODES
        return usual if value is None else value

    @model_validator(mode="after")
    def _protocol_reads_them(self) -> EvaluateSettings:
        if self.protocol == "best5" and self.episodes != BEST_EPISODES:
            raise ValueError(
                f"protocol best5 has {BEST_EPISODES} episodes of a snapshot, not {self.episodes}; leave episodes out"
            )
        if self.protocol != "snapshot" and self.snapshot is not None:
            raise ValueError(f"snapshot belongs to protocol snapshot, not to {self.protocol}")
        return self

    @model_validator(mode="after")
    def _repeats_fit(self) -> EvaluateSettings:
        if self.repeats > 1 and self.protocol != "final":
            raise ValueError(f"repeats belong to protocol final, not to {self.protocol}")
        if self.episodes % self.repeats:
            raise ValueError(f"{self.episodes} episodes are not {self.repeats} of each start")
        return self

    @model_validator(mode="after")
    def _latency_fits(self) -> EvaluateSettings:
        if self.mode == "direct" and (any(self.latency_ms) or self.latency != INJECTED):
            raise ValueError("a latency has no meaning where the world waits; set mode=realtime")
        if self.mode == "realtime" and self.protocol != "final":
            raise ValueError(f"mode realtime belongs to protocol final, not to {self.protocol}")
        if self.mode == "realtime" and self.environments > 1:
            raise ValueError("in mode realtime each observation is answered alone; set environments=1")
        if self.task is not None and self.protocol != "final":
            raise ValueError(f"another task belongs to protocol final, not to {self.protocol}")
        if self.nfe is not None and self.protocol != "final":
            raise ValueError(f"nfe belongs to protocol final; {self.protocol} samples as the run says")
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


def open_checkpoint(settings: EvaluateSettings) -> Checkpoint:
    """The one that is meant. Raises SettingsError where it was exported at another step count than asked for."""
    checkpoint = Checkpoint.open(checkpoint_folder(Path(settings.checkpoint), settings.nfe))
    if settings.nfe not in (None, checkpoint.nfe):
        raise SettingsError(f"{checkpoint.path} was exported at nfe {checkpoint.nfe}, not {settings.nfe}: leave it out")
    return checkpoint


def evaluate_checkpoint(settings: EvaluateSettings) -> None:
    """Evaluates by the protocol asked for, prints the success and appends the result line or lines."""
    console = Console(soft_wrap=True)
    if settings.mode == "realtime":
        _evaluate_in_real_time(settings, console)
    else:
        _record(_direct_line(settings, console), settings, console)


def _direct_line(settings: EvaluateSettings, console: Console) -> dict[str, Any]:
    run = _runner(settings, console)
    if settings.protocol == "final":
        line = final(open_checkpoint(settings), settings.episodes, run)
        return {**line, "task": settings.task or line["task"]}
    folder = RunFolder(settings.checkpoint)
    demonstrations = Demonstrations.load(folder.record()["config"]["data"])
    if settings.protocol == "best5":
        return best5(folder, demonstrations, run)
    return snapshot(folder, settings.snapshot or 1, demonstrations, settings.episodes, run)


def _evaluate_in_real_time(settings: EvaluateSettings, console: Console) -> None:
    checkpoint = open_checkpoint(settings)
    task = settings.task or checkpoint.contract.task
    protocol = {
        "episodes": settings.episodes,
        "eval_seed0": settings.seed0,
        "repeats": settings.repeats if settings.repeats > 1 else None,
        **_unusual(settings),
    }
    if settings.latency == MEASURED:
        protocol["machine"] = machine()
    cells = [cell(checkpoint, task, settings.latency, latency_ms, **protocol) for latency_ms in settings.latency_ms]
    missing = [one for one in cells if settings.results is None or not is_there(settings.results, one)]
    if len(missing) < len(cells):
        console.print(f"{settings.results} holds {len(cells) - len(missing)} of {len(cells)} latencies already")
    if not missing:
        return
    answer_ms = measured_answer_ms(checkpoint, task, settings.backend) if settings.latency == MEASURED else 0.0
    chunk_ms = checkpoint.contract.future_actions * checkpoint.contract.dt_ns / 1e6
    for one in missing:
        run = _runner(settings, console, Latency(one["latency_ms"], answer_ms))
        entries = {key: value for key, value in one.items() if value is not None}
        line = {**final(checkpoint, settings.episodes, run), **entries, "answer_ms": answer_ms, "chunk_ms": chunk_ms}
        _record(line, settings, console)


def _runner(settings: EvaluateSettings, console: Console, latency: Latency | None = None) -> Evaluate:
    """What runs the episodes of a checkpoint, and shows how far they are."""
    world = World(settings.task, settings.camera_noise, latency, settings.replan_steps, settings.noise_scale)

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
                world,
                environments=settings.environments,
            )

    return run


def _unusual(settings: EvaluateSettings) -> dict[str, str | float | None]:
    """What a line says of cameras, backend, executed actions and the policy's noise, None where they are as usual, of
    which it says nothing."""
    return {
        "camera_noise": None if settings.camera_noise == "none" else settings.camera_noise,
        "backend": None if settings.backend == USUAL_BACKEND else settings.backend,
        "replan_steps": settings.replan_steps,
        "noise_scale": None if settings.noise_scale == 1 else settings.noise_scale,
    }


def _record(line: dict[str, Any], settings: EvaluateSettings, console: Console) -> None:
    """Prints a result line in short, and appends it."""
    if settings.environments > 1:
        line["environments"] = settings.environments
    line |= {key: value for key, value in _unusual(settings).items() if value is not None}
    low, high = line["ci95"]
    late = f" {line['latency_ms'] + line['answer_ms']:g} ms late" if line["mode"] == "realtime" else ""
    console.print(
        f"{line['task']} {line['method']} nfe {line['nfe']} ({line['protocol']}){late}: "
        f"{line['successes']} of {line['episodes']} episodes succeeded, "
        f"95 % interval {100 * low:.0f}–{100 * high:.0f} %"
    )
    if settings.results is not None:
        append_result(settings.results, line)


def main() -> None:
    """Entry point."""
    run_program("evaluate", EvaluateSettings, evaluate_checkpoint)
