"""A checkpoint is a folder: contract, exported network, training record, metrics, and optionally the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sdm_core.atomic import atomic_folder
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError

CONTRACT, NETWORK, METRICS, TRAINING, WEIGHTS = (
    "contract.yaml",
    "model.onnx",
    "metrics.json",
    "training.yaml",
    "weights.safetensors",
)


@dataclass(frozen=True)
class Checkpoint:
    """A validated checkpoint folder. `metrics` names at least `method`, `network` and `nfe`."""

    path: Path
    contract: Contract
    metrics: dict[str, Any]

    @property
    def network(self) -> Path:
        """The exported network."""
        return self.path / NETWORK

    @property
    def nfe(self) -> int:
        """Network evaluations unrolled in the exported network."""
        return self.metrics["nfe"]

    @classmethod
    def open(cls, path: str | Path) -> Checkpoint:
        """Reads and validates a folder. Raises CheckpointError or ContractError naming what is wrong."""
        path = Path(path)
        if not path.is_dir():
            raise CheckpointError(f"{path}: no such checkpoint folder; `sdm-export` writes one")
        missing = [name for name in (CONTRACT, NETWORK, METRICS) if not (path / name).is_file()]
        if missing:
            exports = sorted(folder.name for folder in path.glob("export*") if folder.is_dir())
            if exports and NETWORK in missing:
                raise CheckpointError(f"{path}: a training run, no checkpoint; name its {' or '.join(exports)}")
            raise CheckpointError(f"{path}: lacks {', '.join(missing)}; export the checkpoint again")
        contract = Contract.load(path / CONTRACT)
        if contract.normaliser is None:
            raise CheckpointError(f"{path}: its contract has no normaliser statistics; export the checkpoint again")
        try:
            metrics = json.loads((path / METRICS).read_text())
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise CheckpointError(f"{path / METRICS}: not valid JSON; export the checkpoint again") from None
        if not isinstance(metrics, dict):
            raise CheckpointError(f"{path / METRICS}: not a JSON object; export the checkpoint again")
        absent = [key for key in ("method", "network", "nfe") if key not in metrics]
        if absent:
            raise CheckpointError(f"{path / METRICS}: lacks {', '.join(absent)}; export the checkpoint again")
        if not isinstance(metrics["nfe"], int) or metrics["nfe"] < 1:
            raise CheckpointError(
                f"{path / METRICS}: nfe is {metrics['nfe']!r}, not a count; export the checkpoint again"
            )
        return cls(path, contract, metrics)

    @classmethod
    def write(
        cls,
        path: str | Path,
        contract: Contract,
        network: bytes,
        metrics: dict[str, Any],
        training: dict[str, Any],
        weights: Path | None = None,
    ) -> Checkpoint:
        """Writes a folder, whole or not at all; `weights` is a safetensors file to be copied in."""
        path = Path(path)
        with atomic_folder(path) as room:
            contract.save(room / CONTRACT)
            (room / NETWORK).write_bytes(network)
            (room / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")
            (room / TRAINING).write_text(yaml.safe_dump(training, sort_keys=False))
            if weights is not None:
                (room / WEIGHTS).write_bytes(weights.read_bytes())
        return cls.open(path)

    def require_weights(self) -> None:
        """Raises CheckpointError where it was shipped without its weights, or the record that says whose they are."""
        missing = [name for name in (TRAINING, WEIGHTS) if not (self.path / name).is_file()]
        if missing:
            raise CheckpointError(f"{self.path}: lacks {' and '.join(missing)}; use the openvino backend instead")


def contract_at(path: str | Path) -> Contract:
    """That of a checkpoint folder, or a contract.yaml itself. Raises ContractError where there is none."""
    path = Path(path)
    return Contract.load(path / CONTRACT if path.is_dir() else path)
