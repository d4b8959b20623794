"""A result line that is there already: the checkpoint that it speaks of, and the episodes that it reports."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError

from sdm_training.evaluation.protocols import COPIED, OWN_STREAM


def checkpoint_of(line: dict[str, Any], root: Path) -> Checkpoint:
    """The checkpoint that a line was made with; its path in the line is relative to `root`.

    Raises CheckpointError where none is there, and where what is there is of another training.
    """
    checkpoint = Checkpoint.open(root / line["checkpoint"])
    for key in COPIED:
        if key in line and checkpoint.metrics.get(key) != line[key]:
            raise CheckpointError(
                f"{checkpoint.path} has {key} {checkpoint.metrics.get(key)}, its line of {line['task']} {line[key]}: "
                "it has been trained again since; evaluate it anew"
            )
    return checkpoint


def seeds_of(line: dict[str, Any]) -> range:
    """The starts of a line's episodes, each once, however often it was played."""
    seed0 = line["eval_seed0"]
    return range(seed0, seed0 + line["episodes"] // line.get("repeats", 1))


def has_noise_apart(line: dict[str, Any]) -> bool:
    """Whether the noise of its episodes was drawn apart; see sdm_core's Question."""
    return line.get("noise_stream") == OWN_STREAM


def digest(line: dict[str, Any]) -> str:
    """Tells a line from every other; `collection`, the name of the file that it was read from, is no part of it."""
    plain = {key: value for key, value in line.items() if key != "collection"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
