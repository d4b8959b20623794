"""`ros2-embedded run PACKAGE EXECUTABLE [arguments …]`."""

from __future__ import annotations

import argparse
import os

from ament_index_python.packages import PackageNotFoundError
from launch import LaunchContext
from launch.substitutions import SubstitutionFailure
from launch_ros.substitutions import ExecutableInPackage

from embedded_ros.cli.errors import CommandError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package_name")
    parser.add_argument("executable_name")
    parser.add_argument("argv", nargs=argparse.REMAINDER, help="its arguments, such as --ros-args -p name:=value")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    substitution = ExecutableInPackage(options.executable_name, options.package_name)
    try:
        path = substitution.perform(LaunchContext())
    except (PackageNotFoundError, SubstitutionFailure, ValueError) as error:
        raise CommandError(str(error)) from error
    # The node takes this process's place, so that signals and the exit code are its own.
    try:
        os.execv(path, [path, *options.argv])
    except OSError as error:
        raise CommandError(
            f"{path} cannot be run: {error.strerror}; its first line must name an interpreter"
        ) from error
