"""`sdm-import-dp3 checkpoint=latest.ckpt task=metaworld/door-open`: a run of DP3's public code as one of ours."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from sdm_core.atomic import atomic_write
from sdm_core.checkpoint import METRICS
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import CheckpointError
from sdm_sim.registry import make_task

from sdm_training import provenance
from sdm_training.importing.dp3 import Dp3Checkpoint, ImportedPolicy
from sdm_training.importing.dp3_cloud_frame import world_to_dp3_metaworld
from sdm_training.importing.linear_map import LinearMap
from sdm_training.named_tensors import prefixed
from sdm_training.policy.policy import Policy, parameter_count
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Settings, SettingsError, config_folder, run_program


class ImportDp3Settings(Settings):
    """config/import_dp3.yaml. checkpoint: the file; task, data: whose contract the policy gets, the demonstrations'
    where there are any; cloud_frame: of the checkpoint's clouds, `metaworld` as DP3's environment gives them or
    `contract`; state: the contract's entries in the checkpoint's order, null: the first ones; horizon,
    n_action_steps: null: the checkpoint's own."""

    checkpoint: str
    task: str
    data: str
    run: str
    cloud_frame: Literal["metaworld", "contract"]
    state: tuple[str, ...] | None
    horizon: int | None
    n_action_steps: int | None


def import_dp3(settings: ImportDp3Settings) -> None:
    """Writes the run folder: record, contract, averaged and raw weights, metrics."""
    path, run = Path(settings.checkpoint), RunFolder(settings.run)
    if run.finished:
        raise SettingsError(f"{run.path} holds a finished run: delete the folder, or name another with run=…")
    given = {"horizon": settings.horizon, "n_action_steps": settings.n_action_steps}
    checkpoint = Dp3Checkpoint(path)
    try:
        imported = checkpoint.policy(task_contract(settings), cloud_frame(settings), settings.state, given)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    policy = fitted(path, imported)
    labels = {"method": "dp3", "network": imported.settings.network.name}
    origin = provenance.origin()
    record = {
        **labels,
        "task": settings.task,
        "seed": imported.recipe.seed,
        "policy": imported.settings.plain(),
        "sampling": SamplingSettings(nfe=imported.recipe.inference_steps).model_dump(mode="json"),
        "config": settings.model_dump(mode="json", exclude={"run"}),
        "imported": {"checkpoint": path.name, "sha256": file_digest(path)},
        **origin,
    }
    metrics = {
        **labels,
        "task": settings.task,
        "seed": imported.recipe.seed,
        "parameters": parameter_count(policy),
        "parameters_encoder": parameter_count(policy.encoder),
        "parameters_denoiser": parameter_count(policy.denoiser),
        **origin,
    }
    with run.held():
        run.begin(record, imported.contract)
        atomic_write(run.path / METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
        run.finish({**imported.weights, **prefixed("raw", imported.raw)}, train_s=0.0)
    console, network = Console(soft_wrap=True, highlight=False), imported.settings.network
    console.print(f"{run.path}: network {network.name}, {metrics['parameters']:,} parameters")
    predicts_noise = imported.settings.diffusion.model_dump()["prediction"] == "epsilon"
    level = " distiller.generator_level=65" if predicts_noise else ""
    if (config_folder() / "network" / f"{network.name}.yaml").is_file():
        console.print(
            f"to distil it: sdm-distill task={settings.task} network={network.name} network.horizon={network.horizon} "
            f"network.past_actions={network.past_actions} network.n_action_steps={network.n_action_steps} "
            f"teacher_run={run.path}{level}"
        )


def task_contract(settings: ImportDp3Settings) -> Contract:
    """The demonstrations' contract where there are any, else the simulated task's."""
    if Path(settings.data).exists():
        contract = EpisodeStore.view(settings.data).contract
        if contract.task != settings.task:
            raise SettingsError(f"{settings.data} holds demonstrations of {contract.task}, not of {settings.task}")
        return contract
    with closing(make_task(settings.task)) as task:
        return task.contract


def cloud_frame(settings: ImportDp3Settings) -> LinearMap:
    """From the contract's frame to that of the checkpoint's clouds."""
    if settings.cloud_frame == "contract":
        return LinearMap.scaling(torch.ones(3), torch.zeros(3))
    if not settings.task.startswith("metaworld/"):
        raise SettingsError(
            f"cloud_frame metaworld does not fit {settings.task}: give cloud_frame=contract, if the checkpoint's "
            "clouds were in the contract's frame"
        )
    with closing(make_task(settings.task)) as task:
        return world_to_dp3_metaworld(task.extrinsics)


def fitted(path: Path, imported: ImportedPolicy) -> Policy:
    """The policy with its averaged weights. Raises CheckpointError where tensors are missing or of other shapes."""
    policy = Policy(imported.settings, imported.contract)
    for weights in (imported.raw, imported.weights):
        try:
            policy.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise CheckpointError(f"{path}: is not one of DP3's default networks ({reason})") from None
    return policy


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Entry point."""
    run_program("import_dp3", ImportDp3Settings, import_dp3)
