"""A policy as it is exported after a training, and as it was in torch."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from sdm_core.checkpoint import Checkpoint
from sdm_training.data.windows import Demonstrations
from sdm_training.export.run_exports import ExportSettings, export_run
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.runs.run_folder import RunFolder


def exported(policy: Policy, data: Demonstrations, folder: Path, method: str = "dp3") -> tuple[Sampler, Checkpoint]:
    """The policy of two steps as its run loads it, and the checkpoint that is exported of that."""
    run = RunFolder(folder)
    sampling = SamplingSettings(nfe=2)
    record = {"method": method, "policy": policy.settings.plain(), "sampling": sampling.model_dump(mode="json")}
    run.begin(record, policy.contract)
    run.finish(policy.state_dict(), 1.0)
    metrics = {"method": method, "network": "tiny", "seed": 0}
    (checkpoint,) = export_run(run, ExportSettings(half_weights=False), data, metrics, Console(quiet=True))
    return Sampler(run.load_policy(), sampling), checkpoint
