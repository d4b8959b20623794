"""What is reported of a policy: success of its final weights, of a snapshot, or DP3's mean of the five best."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from safetensors import safe_open
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError
from sdm_core.results import NO_WAY, wilson

from sdm_training import provenance
from sdm_training.data.windows import Demonstrations
from sdm_training.evaluation.closed_loop import Outcome
from sdm_training.export.run_exports import WHOLE, ExportSettings, export_sampling
from sdm_training.runs.run_folder import RunFolder

# DP3 evaluates 20 episodes every 200 epochs of 3000, and reports the mean of the best five.
BEST, BEST_EPISODES = 5, 20

# What tells the policies of a task apart, in result lines and in their checkpoints' metrics.
POLICY = ("method", "variant", "teacher", "network", "seed", "nfe", "demos", "disturbed")
# What a result line says of its policy, in the words of the checkpoint's metrics.
COPIED = (*POLICY, "action_error", "train_s", "stacked")

# A line's `noise_stream`; absent from lines of before noise was drawn apart (see sdm_core's Question).
OWN_STREAM = "own"

Evaluate = Callable[[Path, int], list[Outcome]]
"""(checkpoint folder, number of episodes) → outcomes."""


def final(checkpoint: Checkpoint, episodes: int, evaluate: Evaluate) -> dict[str, Any]:
    """The result line of a checkpoint; `outcomes` holds 0 or 1 for each episode in turn, for paired intervals.

    So does `ways` hold the way of each, where the task has several. `repeats` is there where starts were tried again.
    """
    outcomes = evaluate(checkpoint.path, episodes)
    line = {**_line(checkpoint, outcomes), "protocol": "final"}
    line["outcomes"] = "".join(str(int(outcome.success)) for outcome in outcomes)
    if any(outcome.way for outcome in outcomes):
        line["ways"] = "".join(outcome.way or NO_WAY for outcome in outcomes)
    repeats = len(outcomes) // len({outcome.seed for outcome in outcomes})
    return line if repeats == 1 else {**line, "repeats": repeats}


def best5(run: RunFolder, demonstrations: Demonstrations, evaluate: Evaluate) -> dict[str, Any]:
    """The result line of a run's five best snapshots, 20 episodes each.

    Choosing on the very episodes that are reported favours the policy: the interval is that of the chosen ones alone.
    """
    snapshots = run.snapshots()
    if len(snapshots) < BEST:
        raise CheckpointError(
            f"{run.path} kept {len(snapshots)} snapshots, {BEST} are needed: train with loop.snapshots=15"
        )
    final_checkpoint = _exported(run)
    curve: list[tuple[int, list[Outcome]]] = []
    for weights in snapshots:
        with _exported_snapshot(run, weights, final_checkpoint.metrics, demonstrations) as checkpoint:
            curve.append((_step(weights), evaluate(checkpoint.path, BEST_EPISODES)))
    chosen = sorted(curve, key=lambda point: _successes(point[1]))[-BEST:]
    line = _line(final_checkpoint, [outcome for _, outcomes in chosen for outcome in outcomes])
    return {**line, "protocol": "best5", "curve": [[step, _successes(outcomes)] for step, outcomes in curve]}


def snapshot(
    run: RunFolder, number: int, demonstrations: Demonstrations, episodes: int, evaluate: Evaluate
) -> dict[str, Any]:
    """The result line of a run's snapshot `number`, counted from 1: a point of its learning curve.

    `step` and `train_s` are the training's until then.
    """
    snapshots = run.snapshots()
    if not 1 <= number <= len(snapshots):
        raise CheckpointError(f"{run.path} kept {len(snapshots)} snapshots: there is no snapshot {number}")
    weights = snapshots[number - 1]
    with safe_open(str(weights), framework="pt") as file:
        train_s = round(float(file.metadata()["train_s"]), 1)
    # The action error in the metrics is that of the final weights.
    metrics = {key: value for key, value in _exported(run).metrics.items() if key != "action_error"}
    with _exported_snapshot(run, weights, {**metrics, "train_s": train_s}, demonstrations) as checkpoint:
        line = final(checkpoint, episodes, evaluate)
    place = {"protocol": "snapshot", "snapshot": number, "step": _step(weights), "checkpoint": str(weights)}
    return {**line, **place}


@contextmanager
def _exported_snapshot(
    run: RunFolder, weights: Path, metrics: dict[str, Any], demonstrations: Demonstrations
) -> Iterator[Checkpoint]:
    """A temporary checkpoint of a run's weights file, sampled as the run says and stored as its final weights are."""
    with tempfile.TemporaryDirectory() as room:
        target, console = Path(room) / "checkpoint", Console(quiet=True)
        settings = ExportSettings(half_weights=metrics.get("weights") != WHOLE)
        yield export_sampling(run, target, run.sampling(), settings, demonstrations, metrics, console, weights)


def _step(weights: Path) -> int:
    return int(weights.stem.removeprefix("step_"))


def _exported(run: RunFolder) -> Checkpoint:
    sampled = run.path / f"export_nfe{run.sampling().nfe}"
    return Checkpoint.open(sampled if sampled.is_dir() else run.path / "export")


def _successes(outcomes: list[Outcome]) -> int:
    return sum(outcome.success for outcome in outcomes)


def _line(checkpoint: Checkpoint, outcomes: list[Outcome]) -> dict[str, Any]:
    metrics, successes = checkpoint.metrics, _successes(outcomes)
    low, high = wilson(successes, len(outcomes))
    scores = [outcome.score for outcome in outcomes if outcome.score is not None]
    held = sum(outcome.held for outcome in outcomes) / sum(outcome.steps for outcome in outcomes)
    return {
        "kind": "success",
        "task": checkpoint.contract.task,
        **{key: metrics[key] for key in COPIED if key in metrics},
        "mode": "direct",
        "episodes": len(outcomes),
        "successes": successes,
        "ci95": [round(low, 4), round(high, 4)],
        **({"score": round(mean(scores), 4)} if scores else {}),
        **({"held": round(held, 4)} if held else {}),
        "eval_seed0": min(outcome.seed for outcome in outcomes),
        "noise_stream": OWN_STREAM,
        "checkpoint": str(checkpoint.path),
        **provenance.origin(),
    }
