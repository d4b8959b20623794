from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader

from launch.launch_description import LaunchDescription
from launch.launch_description_source import LaunchDescriptionSource
from launch.some_substitutions_type import SomeSubstitutionsType


class InvalidPythonLaunchFileError(Exception):
    """The file is Python, but no launch file."""


def get_launch_description_from_python_launch_file(python_launch_file_path: str) -> LaunchDescription:
    """Run the file and call its `generate_launch_description()`."""
    loader = SourceFileLoader("python_launch_file", python_launch_file_path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    generate = getattr(module, "generate_launch_description", None)
    if generate is None:
        raise InvalidPythonLaunchFileError(
            f"launch file at '{python_launch_file_path}' does not contain the function 'generate_launch_description()'"
        )
    description = generate()
    if not isinstance(description, LaunchDescription):
        raise InvalidPythonLaunchFileError(
            f"'generate_launch_description()' of '{python_launch_file_path}' returned {description!r}, "
            "no LaunchDescription"
        )
    return description


class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """A launch file written in Python."""

    def __init__(self, launch_file_path: SomeSubstitutionsType) -> None:
        super().__init__(launch_file_path, get_launch_description_from_python_launch_file)
