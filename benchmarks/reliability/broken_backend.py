"""An inference backend that fails when it is told to; installed for one process by `install`."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sdm_core.backends import Backend, load_backend
from sdm_core.checkpoint import Checkpoint

NAME = "broken"
MODES = ("sound", "raises", "hangs", "nan", "infinite", "huge_step", "wrong_shape")
HUGE_STEP = 5.0
"""Metres, which no arm has."""
_SWITCH = "SDM_BROKEN_BACKEND"
_LAYOUT = struct.Struct("<qd")
_POLL_S = 0.002


class Switch:
    """What is wrong, and when it first showed (steady time, 0: not yet); shared by two processes through a file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_LAYOUT.pack(0, 0.0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _LAYOUT.size)

    def turn(self, mode: str) -> None:
        """From now on this is wrong."""
        self._memory[:] = _LAYOUT.pack(MODES.index(mode), 0.0)

    @property
    def mode(self) -> str:
        return MODES[_LAYOUT.unpack(self._memory[:])[0]]

    @property
    def shown(self) -> float:
        return _LAYOUT.unpack(self._memory[:])[1]

    def note(self, now: float) -> None:
        """The fault shows; the first time counts."""
        mode, shown = _LAYOUT.unpack(self._memory[:])
        if mode and not shown:
            self._memory[:] = _LAYOUT.pack(mode, now)


class BrokenBackend:
    """OpenVINO's, or what the switch says."""

    def __init__(self, checkpoint: Checkpoint, threads: int, batch: int = 1) -> None:
        self._sound: Backend = load_backend("openvino", checkpoint, threads, batch)
        self.batch = self._sound.batch
        self._switch = Switch(Path(os.environ[_SWITCH]))

    def run(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """See Backend."""
        self._switch.note(time.monotonic())
        mode = self._switch.mode
        if mode == "raises":
            raise RuntimeError("the accelerator is gone")
        while self._switch.mode == "hangs":
            time.sleep(_POLL_S)
        action = self._sound.run(inputs)
        if mode in ("nan", "infinite"):
            action[0, -1, 0] = np.nan if mode == "nan" else np.inf
        if mode == "huge_step":
            action[..., :3] += HUGE_STEP
        return action[:, :-1] if mode == "wrong_shape" else action


def install(folder: Path) -> tuple[Switch, dict[str, str]]:
    """The switch, and the environment in which a process finds the backend under NAME."""
    package = folder / "broken_backend-0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken_backend\nVersion: 0\n")
    (package / "entry_points.txt").write_text(f"[sdm.backends]\n{NAME} = {__name__}:{BrokenBackend.__name__}\n")
    switch = folder / "switch"
    paths = [str(folder), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {_SWITCH: str(switch), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return Switch(switch), environment
