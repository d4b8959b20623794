"""A training run on disk: runs/<task>/<name>/ with its record, contract, weights and exports.

training.yaml   the resolved configuration, policy and sampling, seed, commit and dataset hash
contract.yaml   the contract with the normaliser's statistics
weights.safetensors   the trained policy's weights, once the run is finished (a teacher's raw ones under `raw.`)
state.safetensors   what an interrupted run resumes from
training.lock   held by the process that trains
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from sdm_core.atomic import atomic_write
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError, SdmError
from torch import Tensor

from sdm_training.named_tensors import under
from sdm_training.policy.policy import Policy, PolicySettings
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.provenance import ORIGIN
from sdm_training.runs.lock import Held, holder, lock
from sdm_training.runs.recipe_difference import first_difference
from sdm_training.settings import SettingsError, build

STATE = "state.safetensors"
# Where two records of one training may differ: the loop's intervals change nothing of what is trained, the dataset's
# hash tells which episodes it was trained on, and the policy its process.
INDIFFERENT = (
    *ORIGIN,
    "config.loop.state_every",
    "config.loop.log_every",
    "config.leave_out_failures",
    "config.diffusion",
)

LOCK = "training.lock"


class RunFolder:
    """Reads and writes one run; see the module's text for its files."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.weights_file = self.path / "weights.safetensors"

    @property
    def finished(self) -> bool:
        """Whether the training has reached its end."""
        return self.weights_file.is_file()

    @property
    def begun(self) -> bool:
        """Whether anything was kept that was trained under the record."""
        kept = (self.path / STATE, *self.snapshots(), *self.path.glob("export*"))
        return self.finished or any(each.exists() for each in kept)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes from training here meanwhile. Raises SettingsError where another one does."""
        file = self.path / LOCK
        with ExitStack() as kept:
            try:
                kept.enter_context(lock(file))
            except Held:
                raise SettingsError(
                    f"{self.path}: {holder(file)} trains in it: wait for its end, or name another with run=…"
                ) from None
            except SdmError:  # a file system that knows no locks
                pass
            yield

    def begin(self, record: dict[str, Any], contract: Contract) -> None:
        """Writes record and contract, or checks that the run found here is the same one. The record of a training that
        failed before it kept anything is no run: it is written anew."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / "training.yaml"
        if file.exists() and self.begun:
            known = self.record()
            known.setdefault("teacher_sha256", record.get("teacher_sha256"))  # students of before it was recorded
            key = first_difference(known, record, INDIFFERENT)
            begun_under = Contract.load(self.path / "contract.yaml")
            other = [f"'{key}'"] if key else begun_under.differences(contract)
            if not self.finished and begun_under.normaliser != contract.normaliser:
                other.append("'normaliser'")  # a finished run is sampled by its own
            if other:
                raise SettingsError(
                    f"{self.path} was trained with another {other[0]}: delete the folder, or name another with run=…"
                )
            return
        contract.save(self.path / "contract.yaml")
        atomic_write(file, yaml.safe_dump(record, sort_keys=False, allow_unicode=True).encode())

    def finish(self, weights: Mapping[str, Tensor], train_s: float, stacked: int = 1) -> None:
        """Writes the trained weights; the run is finished then, and the state that it would resume from goes. stacked:
        how many runs were trained in that time.

        Raises CheckpointError where the training has diverged.
        """
        broken = [name for name, value in weights.items() if not value.isfinite().all()]
        if broken:
            raise CheckpointError(
                f"{self.path}: '{broken[0]}' is not finite: the training diverged, lower its learning rate"
            )
        tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        atomic_write(self.weights_file, save(tensors, {"train_s": str(train_s), "stacked": str(stacked)}))
        (self.path / STATE).unlink(missing_ok=True)

    def sha256(self) -> str:
        """Of the trained weights alone: trained again, equal ones have the same, however long it took."""
        digest = hashlib.sha256()
        for name, tensor in sorted(load_file(self.weights_file).items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()

    def effort(self) -> dict[str, float | int]:
        """train_s of the finished training, and in how large a stack it was (where it was in one)."""
        with safe_open(str(self.weights_file), framework="pt") as file:
            metadata = file.metadata()
        stacked = int(metadata["stacked"])
        return {"train_s": round(float(metadata["train_s"]), 1), **({"stacked": stacked} if stacked > 1 else {})}

    def record(self) -> dict[str, Any]:
        """training.yaml as plain values. Raises CheckpointError where no run is."""
        file = self.path / "training.yaml"
        if not file.is_file():
            raise CheckpointError(
                f"{self.path} holds no training run (no training.yaml): train it first, or check the path"
            )
        return yaml.safe_load(file.read_text())

    def sampling(self) -> SamplingSettings:
        """How the policy is meant to be sampled."""
        return build(SamplingSettings, self.record()["sampling"], "sampling")

    def snapshots(self) -> list[Path]:
        """Weights kept during the training, oldest first."""
        return sorted((self.path / "snapshots").glob("step_*.safetensors"))

    def load_policy(
        self, device: torch.device | None = None, weights: Literal["ema", "raw"] = "ema", file: Path | None = None
    ) -> Policy:
        """The trained policy (of a snapshot, where `file` names one), frozen and in evaluation mode."""
        record, file = self.record(), file or self.weights_file
        if not file.is_file():
            raise CheckpointError(
                f"{self.path} is not trained to its end: repeat the command that began it, and it resumes"
            )
        policy = Policy(build(PolicySettings, record["policy"], "policy"), Contract.load(self.path / "contract.yaml"))
        try:
            tensors = load_file(file)
            averaged = {name: value for name, value in tensors.items() if not name.startswith("raw.")}
            policy.load_state_dict(under("raw", tensors) if weights == "raw" else averaged)
        except (SafetensorError, RuntimeError) as error:
            raise CheckpointError(
                f"{file} does not fit its run ({str(error).splitlines()[0]}): train it again"
            ) from None
        return policy.requires_grad_(False).eval().to(device or torch.device("cpu"))
