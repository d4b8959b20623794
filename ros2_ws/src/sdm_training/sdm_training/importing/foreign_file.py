"""Reads a torch file of unknown origin for its tensors; nothing that it pickles is ever called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sdm_core.errors import CheckpointError
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

# Lines with which torch surrounds its reason, among them how to load the file unsafely.
_ADVICE = ("Weights only load failed", "Please file an issue", "Check the documentation")


class Placeholder:
    """Takes the place of every class and function that a file names and torch does not know to be harmless.

    It swallows the arguments that the file calls it with, and keeps the state that the object would have been given.
    """

    state: Any = None

    def __new__(cls, *_: Any, **__: Any) -> Placeholder:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Without effect, whatever it is called with."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _empty_dict(*_: Any) -> dict[Any, Any]:
    """Takes defaultdict's place: OmegaConf fills one, and torch fills nothing but real dicts."""
    return {}


def load_tensors(path: Path) -> Any:
    """The file's dicts, lists, scalars and tensors; all other objects are Placeholders.

    Storages are mapped from disk, so that only what is used is read. Raises CheckpointError where the file is missing,
    is no torch file, or asks for what torch refuses to read even so (functions of os and sys, for example).
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; give the path of a checkpoint")
    try:
        unknown = get_unsafe_globals_in_checkpoint(str(path))
        stand_ins = dict.fromkeys(unknown, Placeholder) | {"collections.defaultdict": _empty_dict}
        with safe_globals([(stand_in, name) for name, stand_in in stand_ins.items()]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a file from elsewhere can be broken in any way
        lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(_ADVICE)]
        raise CheckpointError(
            f"{path}: cannot be read without running what it pickles ({lines[0] if lines else type(error).__name__}): "
            "give a checkpoint of torch.save that holds state dicts"
        ) from None


def config_value(config: Any, *keys: str) -> str | int | float | bool | None:
    """A scalar of a pickled OmegaConf tree, whose nodes are Placeholders; None where it is absent or interpolated."""
    for key in keys:
        content = _content(config)
        config = content.get(key) if isinstance(content, dict) else None
    value = _content(config)
    if isinstance(value, str) and value.startswith("${"):
        return None
    return value if isinstance(value, str | int | float | bool) else None


def _content(node: Any) -> Any:
    if not isinstance(node, Placeholder):
        return node
    state = node.state if isinstance(node.state, dict) else {}
    return state.get("_content", state.get("_val"))  # of a container, of a leaf
