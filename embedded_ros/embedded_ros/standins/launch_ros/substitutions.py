from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class FindPackageShare(Substitution):
    """A package's share folder, where its launch files and configuration are."""

    def __init__(self, package: SomeSubstitutionsType) -> None:
        self._package = normalize_to_list_of_substitutions(package)

    def perform(self, context: LaunchContext) -> str:
        return get_package_share_directory(perform_substitutions(context, self._package))

    def describe(self) -> str:
        return f"FindPackageShare(pkg={' + '.join(part.describe() for part in self._package)})"


class ExecutableInPackage(Substitution):
    """The path of a package's executable.

    `<prefix>/lib/<package>/<executable>` as colcon installs it, else the console script of the Python distribution of
    that name as pip installs it.
    """

    def __init__(self, executable: SomeSubstitutionsType, package: SomeSubstitutionsType) -> None:
        self._executable = normalize_to_list_of_substitutions(executable)
        self._package = normalize_to_list_of_substitutions(package)

    def perform(self, context: LaunchContext) -> str:
        return find_executable(
            perform_substitutions(context, self._package), perform_substitutions(context, self._executable)
        )

    def describe(self) -> str:
        package, executable = (
            " + ".join(part.describe() for part in parts) for parts in (self._package, self._executable)
        )
        return f"ExecutableInPkg(pkg={package}, exec={executable})"


def find_executable(package: str, executable: str) -> str:
    """See `ExecutableInPackage`. PackageNotFoundError, or SubstitutionFailure naming the executables there are."""
    available: set[str] = set()
    not_found: PackageNotFoundError | None = None
    try:
        folder = Path(get_package_prefix(package)) / "lib" / package
        path = folder / executable
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
        if folder.is_dir():
            available.update(path.name for path in folder.iterdir() if os.access(path, os.X_OK))
    except PackageNotFoundError as error:
        not_found = error
    scripts = console_scripts(package)
    if scripts is not None and executable in scripts:
        return str(Path(sys.executable).parent / executable)
    if not_found is not None and scripts is None:
        raise not_found
    available.update(scripts or ())
    raise SubstitutionFailure(
        f"executable '{executable}' not found in package '{package}'; "
        + (f"it has: {', '.join(sorted(available))}" if available else "it has none")
    )


def console_scripts(package: str) -> set[str] | None:
    """The scripts that the Python distribution of the package's name installs; None: there is no such distribution."""
    try:
        distribution = importlib.metadata.distribution(re.sub(r"[-_.]+", "-", package))
    except importlib.metadata.PackageNotFoundError:
        return None
    return {entry.name for entry in distribution.entry_points if entry.group == "console_scripts"}
