"""ONNX Runtime: the portable backend."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sdm_core.backends import BATCH, OUTPUT, require_signature
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError

_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """A sequential session on the CPU."""

    def __init__(self, checkpoint: Checkpoint, threads: int, batch: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        options.add_free_dimension_override_by_name(BATCH, batch)
        try:
            self._session = ort.InferenceSession(checkpoint.network, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no public base class
            reason = str(error).strip().splitlines()[-1]
            raise CheckpointError(
                f"{checkpoint.network}: ONNX Runtime cannot read it ({reason}); export it again"
            ) from None
        require_signature(
            checkpoint,
            {value.name for value in self._session.get_inputs()},
            {value.name for value in self._session.get_outputs()},
        )
        self.batch = 1 if self._session.get_inputs()[0].shape[0] == 1 else batch

    def run(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """One forward pass; see Backend."""
        try:
            return np.asarray(self._session.run([OUTPUT], dict(inputs))[0])
        except Exception as error:
            raise RuntimeError(" ".join(str(error).split())) from None
