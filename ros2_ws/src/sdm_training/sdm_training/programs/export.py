"""`sdm-export run=runs/metaworld/door-open/dp3_small_seed0 export.nfe=[1,10]`: exports a finished run again."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from sdm_core.checkpoint import METRICS
from sdm_core.errors import CheckpointError

from sdm_training.compute import ComputeSettings, set_up
from sdm_training.data.windows import Demonstrations
from sdm_training.export.run_exports import ExportSettings, export_run
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Settings, run_program


class ExportProgramSettings(Settings):
    """config/export.yaml. run: a finished run's folder; data: its demonstrations, null: where they were."""

    run: str
    data: str | None
    compute: ComputeSettings
    export: ExportSettings


def export(settings: ExportProgramSettings) -> None:
    """Exports with the metrics that the training measured."""
    set_up(settings.compute)
    run = RunFolder(settings.run)
    demonstrations = Demonstrations.load(settings.data or run.record()["config"]["data"])
    export_run(run, settings.export, demonstrations, measured(run), Console(soft_wrap=True))


def measured(run: RunFolder) -> dict[str, Any]:
    """The training's own metrics.json."""
    file = run.path / METRICS
    if not file.is_file():
        raise CheckpointError(f"{run.path} has no {METRICS}: repeat the command that trained it, and it is completed")
    return json.loads(file.read_text())


def main() -> None:
    """Entry point."""
    run_program("export", ExportProgramSettings, export)
