"""OpenVINO: the fastest backend on CPUs."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from sdm_core.backends import OUTPUT, require_signature
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError


class OpenVinoBackend:
    """A latency-tuned request on the CPU; computes in fp32 so that every machine gives the same actions.

    The batch is fixed before the network is compiled: with a free one a pass takes longer, and rounds otherwise.
    """

    def __init__(self, checkpoint: Checkpoint, threads: int, batch: int = 1) -> None:
        core = _core()
        try:
            model = core.read_model(checkpoint.network)
            require_signature(
                checkpoint, {port.any_name for port in model.inputs}, {port.any_name for port in model.outputs}
            )
            _require_numbers(checkpoint, model)
            self.batch = 1 if model.inputs[0].partial_shape[0] == 1 else batch
            model.reshape({port: [self.batch, *list(port.partial_shape)[1:]] for port in model.inputs})
            options = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": "f32",
                "ENABLE_CPU_PINNING": False,
            }
            self._request = core.compile_model(model, "CPU", options).create_infer_request()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise CheckpointError(
                f"{checkpoint.network}: OpenVINO cannot read it ({reason}); export it again"
            ) from None

    def run(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """One forward pass; see Backend."""
        self._request.infer(dict(inputs))
        return self._request.get_tensor(OUTPUT).data.copy()


@functools.cache
def _core() -> ov.Core:
    """One for the process. Each has a stack for signals, and puts the one before it back when it ends: of two that did
    not end in turn, one that is freed would be left, on which the next signal ends the process."""
    return ov.Core()


def _require_numbers(checkpoint: Checkpoint, model: ov.Model) -> None:
    """Raises CheckpointError on a weight that is NaN: OpenVINO's activations make finite numbers of it."""
    for node in model.get_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real() and np.isnan(node.data).any():
            raise CheckpointError(f"{checkpoint.network}: has weights that are NaN; export the checkpoint again")
