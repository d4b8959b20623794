"""Robomimic's demonstrations, of proficient (ph) and of several people (mh), as what this project's policies observe.

Their files hold `data/demo_0`, `data/demo_1`, … with `actions` [T,A] and `states` [T,D] (time, positions, velocities),
the environment in `data`'s attribute `env_args`, and lists of demonstrations under `mask` (`train`, `valid`, `better`,
…). The world is put into each recorded state and looked at; nothing is simulated anew. Theirs compiled the sizes of
things anew for each demonstration, which differ by a millimetre or two from those that are seen here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py  # pyright: ignore[reportMissingImports] (an extra)
import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode
from sdm_core.errors import DatasetError

from sdm_sim.episode_builder import EpisodeBuilder
from sdm_sim.robomimic.task import RobomimicTask
from sdm_sim.robomimic.world import ENVIRONMENTS

# The longest of theirs has some 2,000.
_MAX_ROWS = 100_000


class RobomimicDemonstrations:
    """The demonstrations of FILE, or of one of its lists, as `FILE:LIST` says.

    Raises DatasetError where the file has another layout, is of another task or lacks the list.
    """

    def __init__(self, source: str | Path, task: RobomimicTask) -> None:
        self._task = task
        self.path, self._list = _file_and_list(str(source))
        with self._opened() as root:
            self._require_environment(root)
            self._names = self._demonstrations(root)
            for name in self._names:
                self._require_pair(root["data"][name], name)

    def __len__(self) -> int:
        return len(self._names)

    def provenance(self, index: int) -> dict[str, str]:
        """The file, the name of the demonstration in it and, where one was chosen, the list."""
        found = {"source": self.path.name, "demonstration": self._names[index]}
        return found | ({"list": self._list} if self._list else {})

    def episode(self, index: int, keep_depth: bool = False, contract: Contract | None = None) -> Episode:
        """See RecordedDemonstrations. Raises DatasetError where a state or action is not what it says to be."""
        name, task = self._names[index], self._task
        with self._opened() as root:
            states, actions = (np.asarray(root["data"][name][rows], np.float64) for rows in ("states", "actions"))
        self._require_values(name, states, actions)
        builder = EpisodeBuilder(contract or task.contract, task.intrinsics, task.extrinsics, keep_depth)
        for state, action in zip(states, actions, strict=True):
            task.world.restore(state)
            builder.add(task.observe(images=builder.needs_images), action)
        return builder.episode()

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if not self.path.is_file():
            raise DatasetError(f"{self.path}: no such file; robomimic's download_datasets.py fetches them")
        try:
            with h5py.File(self.path, "r") as root:
                yield root
        except DatasetError:
            raise
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError):  # whatever a broken file gives
            raise self._refusal("it lacks a readable data/demo_…") from None

    def _require_environment(self, root: Any) -> None:
        environment = json.loads(root["data"].attrs["env_args"])
        name, wanted = environment["env_name"], ENVIRONMENTS[self._task.name.split("/", 1)[1]]
        if name != wanted:
            raise DatasetError(f"{self.path}: demonstrations of {name}, and {self._task.name} is {wanted}")
        if any(not relative for relative in _relative(environment.get("env_kwargs", {}))):
            raise DatasetError(f"{self.path}: its actions are absolute poses; take the file of relative ones")

    def _demonstrations(self, root: Any) -> list[str]:
        names = list(root["data"])
        if self._list:
            lists = sorted(root["mask"]) if "mask" in root else []
            if self._list not in lists:
                raise DatasetError(f"{self.path}: has no list '{self._list}'; it has {', '.join(lists) or 'none'}")
            names = [name.decode() for name in root["mask"][self._list][:]]
        if not names:
            raise self._refusal("it holds no demonstration")
        return sorted(names, key=lambda name: int(name.removeprefix("demo_")))

    def _require_pair(self, demonstration: Any, name: str) -> None:
        actions, states = demonstration["actions"], demonstration["states"]
        sizes = (self._task.contract.action_dim, self._task.world.state_dim)
        for what, rows, size in zip(("actions", "states"), (actions, states), sizes, strict=True):
            if rows.dtype.kind != "f" or rows.ndim != 2 or rows.shape[1] != size or not 0 < rows.shape[0] <= _MAX_ROWS:
                raise self._refusal(f"{name}/{what} has shape {rows.shape} of {rows.dtype}, not [T,{size}]")
        if actions.shape[0] != states.shape[0]:
            raise self._refusal(f"{name} has {states.shape[0]} states and {actions.shape[0]} actions")

    def _require_values(self, name: str, states: NDArray[np.float64], actions: NDArray[np.float64]) -> None:
        if not (np.isfinite(states).all() and np.isfinite(actions).all()):
            raise self._refusal(f"{name} has values that are not finite")
        if np.abs(actions).max() > 1.0:
            raise self._refusal(f"{name} has actions beyond ±1")

    def _refusal(self, reason: str) -> DatasetError:
        return DatasetError(f"{self.path}: not {self._task.name} in Robomimic's layout: {reason}")


def _file_and_list(source: str) -> tuple[Path, str | None]:
    file, _, name = source.rpartition(":")
    return (Path(file), name) if file and not Path(source).is_file() else (Path(source), None)


def _relative(settings: Any) -> Iterator[bool]:
    """What robosuite's settings, of any version, say of each controller: whether its actions are relative."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key == "control_delta":
                yield bool(value)
            elif key == "input_type":
                yield value == "delta"
            else:
                yield from _relative(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _relative(value)
