from __future__ import annotations

import os
from collections.abc import Callable

from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class LaunchDescriptionSource:
    """A launch file and the way to read it; a path's file is read once."""

    def __init__(self, location: SomeSubstitutionsType, load: Callable[[str], LaunchDescription]) -> None:
        self._location = normalize_to_list_of_substitutions(location)
        self._load = load
        self._description: LaunchDescription | None = None
        self._path: str | None = None

    @property
    def location(self) -> str:
        """The file's path once it has been read, else the substitutions in words."""
        return self._path or " + ".join(part.describe() for part in self._location)

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        path = os.path.abspath(perform_substitutions(context, self._location))
        if path != self._path:
            if not os.path.isfile(path):
                raise FileNotFoundError(f"launch file '{path}' was not found: check the path, or the package's name")
            self._description = self._load(path)
            self._path = path
        assert self._description is not None
        return self._description

    def try_get_launch_description_without_context(self) -> LaunchDescription | None:
        """The description if its path depends on no configuration (as `--show-args` needs it), else None."""
        try:
            return self.get_launch_description(LaunchContext())
        except Exception:
            return None
