"""Inference backends behind one interface, found through the entry-point group `sdm.backends`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError

OUTPUT = "action"
BATCH = "batch"
"""The name of an exported network's first dimension: observations that are answered in one pass."""


def image_input(camera: str) -> str:
    """The exported network's input for the images of a camera."""
    return f"image_{camera}"


def input_names(contract: Contract) -> tuple[str, ...]:
    """The inputs of a network that was exported under this contract, in order."""
    observation = contract.observation
    cloud = ("point_cloud",) if observation.cloud else ()
    return (*cloud, *(image_input(image.camera) for image in observation.images), "state", "noise")


class Backend(Protocol):
    """Runs an exported network: point_cloud [B,C,N,channels], state [B,T,S], noise [B,H,A] → action [B,H,A], all
    float32; image_<camera> [B,T,3,H,W] is rgb in uint8. Which of them there are, the contract says."""

    batch: int
    """B: as many observations as were asked for; 1 where the network was exported for one alone."""

    def __init__(self, checkpoint: Checkpoint, threads: int, batch: int = 1) -> None: ...

    def run(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]: ...


def load_backend(name: str, checkpoint: Checkpoint, threads: int, batch: int = 1) -> Backend:
    """Loads the checkpoint's network for `batch` observations a pass.

    Raises CheckpointError on an unknown backend or a network it cannot read.
    """
    entry = require_backend(name)
    try:
        return entry.load()(checkpoint, threads, batch)
    except ImportError as error:
        raise CheckpointError(f"backend '{name}' cannot be imported ({error}); install it") from None


def require_backend(name: str) -> EntryPoint:
    """Where the backend of this name is found. Raises CheckpointError where there is none."""
    found = {entry.name: entry for entry in entry_points(group="sdm.backends")}
    if name not in found:
        raise CheckpointError(f"backend '{name}' is not installed; there are {', '.join(sorted(found)) or 'none'}")
    return found[name]


def require_signature(checkpoint: Checkpoint, inputs: set[str], outputs: set[str]) -> None:
    """Raises CheckpointError unless the network has exactly its contract's inputs, and the stack's output."""
    wanted = input_names(checkpoint.contract)
    if inputs != set(wanted) or outputs != {OUTPUT}:
        raise CheckpointError(
            f"{checkpoint.network}: inputs {sorted(inputs)} and outputs {sorted(outputs)} found, "
            f"{sorted(wanted)} and ['{OUTPUT}'] expected; export it with sdm-export"
        )
