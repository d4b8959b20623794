"""`ros2-embedded launch FILE | PACKAGE FILE [name:=value …]`."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import (
    PythonLaunchDescriptionSource,
    get_launch_description_from_python_launch_file,
)

from embedded_ros.cli.errors import CommandError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package_name", metavar="package|file", help="a launch file's path, or the package that has it")
    parser.add_argument("rest", nargs="*", metavar="file | name:=value", help="the package's launch file; arguments")
    parser.add_argument("-s", "--show-args", "--show-arguments", action="store_true", help="list the file's arguments")
    parser.add_argument("-d", "--debug", action="store_true", help="print tracebacks")
    parser.add_argument("-n", "--noninteractive", action="store_true", help="no terminal is attached")
    parser.add_argument(
        "-a", "--show-all-subprocesses-output", action="store_true", help="on the screen, too, whatever the file says"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    path, argument_texts = _find_launch_file(options.package_name, options.rest)
    arguments = parse_launch_arguments(argument_texts)
    # Read here, not by the include, so that mistakes in the file are reported before anything starts.
    try:
        description = get_launch_description_from_python_launch_file(path)
    except Exception as error:
        if options.debug:
            raise
        raise CommandError(f"{path}: {error}") from error
    if options.show_args:
        print(describe_arguments(description))
        return 0
    declared = [argument.name for argument in description.get_launch_arguments(conditional_inclusion=True)]
    for name in arguments:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f", did you mean '{near[0]}'?" if near else f"; it has: {', '.join(declared) or 'none'}"
            raise CommandError(f"{os.path.basename(path)} has no argument '{name}'{hint}")
    if options.show_all_subprocesses_output:
        os.environ["OVERRIDE_LAUNCH_PROCESS_OUTPUT"] = "both"
    service = LaunchService(argv=argument_texts, noninteractive=options.noninteractive, debug=options.debug)
    service.include_launch_description(
        LaunchDescription(
            [IncludeLaunchDescription(PythonLaunchDescriptionSource(path), launch_arguments=list(arguments.items()))]
        )
    )
    code = service.run()
    try:
        sys.stdout.flush()
    except OSError:
        # What a full disk did not take would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _find_launch_file(first: str, rest: list[str]) -> tuple[str, list[str]]:
    """The launch file's path and the remaining words."""
    if os.path.isfile(first):
        return first, rest
    if not rest or ":=" in rest[0]:
        raise CommandError(f"launch file '{first}' was not found: give a launch file's path, or a package and its file")
    try:
        share = get_package_share_directory(first)
    except (PackageNotFoundError, ValueError) as error:
        raise CommandError(f"Package '{first}' not found: {error}") from error
    # A package's folders may be links to the sources; pathlib's patterns do not follow those.
    found = {
        path.resolve()
        for folder, _, files in os.walk(share, followlinks=True)
        if rest[0] in files
        for path in [Path(folder, rest[0])]
    }
    if len(found) != 1:
        problem = "was not found" if not found else "is there more than once"
        raise CommandError(f"file '{rest[0]}' {problem} in the share directory of package '{first}': {share}")
    return str(found.pop()), rest[1:]


def parse_launch_arguments(texts: list[str]) -> dict[str, str]:
    """`["a:=1", …]` as a dictionary; the last of a name wins."""
    arguments: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition(":=")
        if not separator or not name:
            raise CommandError(f"malformed launch argument '{text}', expected format '<name>:=<value>'")
        arguments[name] = value
    return arguments


def describe_arguments(description: LaunchDescription) -> str:
    """The arguments of a launch file as `ros2 launch --show-args` prints them."""
    lines = ["Arguments (pass arguments as '<name>:=<value>'):"]
    arguments = description.get_launch_arguments(conditional_inclusion=True)
    for argument in arguments:
        lines += ["", f"    '{argument.name}':", f"        {argument.description}"]
        if argument.default_value is not None:
            default = " + ".join(part.describe() for part in argument.default_value)
            lines.append(f"        (default: {default or repr('')})")
    if not arguments:
        lines += ["", "  No arguments."]
    return "\n".join(lines)
