"""The torch inference backend: runs a checkpoint's weights.safetensors, on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from sdm_core.backends import input_names
from sdm_core.checkpoint import Checkpoint

from sdm_training.compute import ComputeSettings, set_up
from sdm_training.policy.sampling import Sampler
from sdm_training.runs.run_folder import RunFolder


class TorchBackend:
    """See sdm_core.backends.Backend. Raises CheckpointError on a checkpoint that was shipped without its weights."""

    def __init__(self, checkpoint: Checkpoint, threads: int, batch: int = 1) -> None:
        checkpoint.require_weights()
        self.batch = batch
        self._inputs = input_names(checkpoint.contract)
        self._device = set_up(ComputeSettings(threads=threads))
        # An exported folder holds what a run folder does; its metrics say how many of the run's steps it takes.
        run = RunFolder(checkpoint.path)
        sampling = run.sampling().model_copy(update={"nfe": checkpoint.nfe})
        self._sampler = Sampler(run.load_policy(self._device), sampling)

    def run(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """One forward pass."""
        tensors = (torch.from_numpy(inputs[name]).to(self._device) for name in self._inputs)
        with torch.inference_mode():
            return self._sampler(*tensors).cpu().numpy()
