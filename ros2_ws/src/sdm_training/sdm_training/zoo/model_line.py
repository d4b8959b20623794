"""What a JSON line says of a trained policy: which it is, what it takes and gives, and the hashes of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import CONTRACT, METRICS, NETWORK, TRAINING, Checkpoint
from sdm_core.contract import Contract
from sdm_core.provenance import ORIGIN

from sdm_training.benchmark.cell import reported
from sdm_training.evaluation.protocols import POLICY
from sdm_training.report.lines import FINAL, Line, matching

KIND = "model"
# What a robot or a reader needs of a checkpoint; its weights for further training are not among it.
FILES = (CONTRACT, NETWORK, TRAINING, METRICS)
# Which policy it is; the other entries describe it.
IDENTITY = ("task", *POLICY)
_MEASURED = ("parameters", "train_s", "stacked", "action_error", "dataset_sha256", *ORIGIN)


def model_line(checkpoint: Checkpoint, folder: str, *, shipped: bool) -> Line:
    """The line of an exported checkpoint. folder: relative to the folder of all runs, or of the shipped models."""
    metrics = checkpoint.metrics
    return {
        "kind": KIND,
        **_entries(metrics, IDENTITY),
        "shipped": shipped,
        "folder": folder,
        **interface(checkpoint.contract),
        **_entries(metrics, _MEASURED),
        "bytes": {name: (checkpoint.path / name).stat().st_size for name in FILES},
        "sha256": {name: sha256(checkpoint.path / name) for name in (NETWORK, CONTRACT)},
    }


def line_without_checkpoint(evaluated: Line) -> Line:
    """The line of a policy of which a result line is all that was kept."""
    kept = ("train_s", "stacked", "action_error")
    return {"kind": KIND, **_entries(evaluated, IDENTITY), "shipped": False, **_entries(evaluated, kept)}


def interface(contract: Contract) -> dict[str, Any]:
    """A contract in short: the network's inputs, its chunk, and the rate in Hz at which chunks are executed."""
    observed = contract.observation
    cloud = {"points": observed.cloud.network_points, "channels": observed.cloud.channels} if observed.cloud else {}
    images = {"images": {image.camera: list(image.seen_size) for image in observed.images}} if observed.images else {}
    return {
        "inputs": {"state": contract.state_dim, "n_obs_steps": contract.n_obs_steps, **cloud, **images},
        "outputs": {
            "horizon": contract.horizon,
            "n_action_steps": contract.n_action_steps,
            "kind": contract.action.kind,
            "action": [entry.name for entry in contract.action.entries],
        },
        "control_hz": contract.rates.control_hz,
    }


def identity(line: Line) -> tuple[Any, ...]:
    """Equal for a policy and whatever replaces it. A shipped one and its training elsewhere are two."""
    return (line.get("shipped", False), *(reported(line, key) for key in IDENTITY))


def training(line: Line) -> tuple[Any, ...]:
    """Equal for a model's line and a result line of this very training, which is told by how long it took."""
    return (line.get("train_s"), *(line.get(key) for key in IDENTITY if key != "teacher"))


def evaluation(lines: Iterable[Line], model: Line) -> Line | None:
    """The newest result line of a model by the reported protocol."""
    found = [line for line in matching(lines, **FINAL) if training(line) == training(model)]
    return found[-1] if found else None


def sha256(file: Path) -> str:
    """A file's digest in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _entries(source: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}
