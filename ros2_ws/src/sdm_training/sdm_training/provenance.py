"""Where a number comes from, as sdm_core says it, with the GPU that it was made on."""

from __future__ import annotations

import torch
from sdm_core import provenance
from sdm_core.provenance import ORIGIN

__all__ = ["ORIGIN", "machine", "origin"]


def machine() -> str:
    """Processor model, the number of cores given to this process, and the GPU where there is one."""
    parts = [provenance.machine(), *([torch.cuda.get_device_name()] if torch.cuda.is_available() else [])]
    return ", ".join(parts)


def origin() -> dict[str, str]:
    """The values of ORIGIN, here and now."""
    return {**provenance.origin(), "machine": machine()}
