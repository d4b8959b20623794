"""Runs one of the project's programs within this process, exactly as its command line would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sdm_training.settings import composed, composed_values

Program = Literal["demos", "train", "distill", "evaluate"]


def invoke(program: Program, overrides: Sequence[str]) -> None:
    """`sdm-<program> <overrides>`. Raises SdmError where the program would print one.

    The programs are imported here, since planning a suite needs neither torch nor the simulator.
    """
    match program:
        case "demos":
            from sdm_sim.programs.demos import record_as_configured

            record_as_configured(composed_values("demos", overrides))
        case "train":
            from sdm_training.programs.train import TrainSettings, train_teacher

            train_teacher(composed("train", TrainSettings, overrides))
        case "distill":
            from sdm_training.programs.distill import DistillSettings, distill

            distill(composed("distill", DistillSettings, overrides))
        case "evaluate":
            from sdm_training.programs.evaluate import EvaluateSettings, evaluate_checkpoint

            evaluate_checkpoint(composed("evaluate", EvaluateSettings, overrides))


def recorded_settings(program: Program, overrides: Sequence[str]) -> dict[str, Any]:
    """What the record of a training by `sdm-<program> <overrides>` would hold of its settings."""
    if program == "train":
        from sdm_training.programs.train import TrainSettings

        return composed("train", TrainSettings, overrides).recorded()
    assert program == "distill"  # no other program trains
    from sdm_training.programs.distill import DistillSettings

    return composed("distill", DistillSettings, overrides).recorded()
