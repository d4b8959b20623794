"""The console script `ros2-embedded`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from embedded_ros.cli.errors import CommandError
from embedded_ros.transport.interface import TransportError

_COMMANDS = {
    "run": "run a package's executable",
    "launch": "run a launch file",
    "topic": "list, print, measure and publish topics",
    "node": "list and describe the graph's nodes",
    "param": "read and set nodes' parameters",
    "service": "list and call services",
    "action": "list actions and send goals",
    "lifecycle": "read and change the states of lifecycle nodes",
    "interface": "show message, service and action definitions",
    "bag": "record, play and describe bags",
    "doctor": "check this machine's setup and the graph",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code. An error is one line on stderr."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser(arguments).parse_args(arguments)
        return options.run(options) or 0
    except (CommandError, TransportError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has enough; nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ros2-embedded",
        description="Run, launch and inspect ROS 2 nodes of this environment, and a real ROS 2's.",
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        # Only the chosen command's module is imported: `launch` needs no middleware.
        if name in arguments[:1]:
            _module_of(name).configure(command)
    return parser


def _module_of(command: str):
    try:
        return importlib.import_module(f"embedded_ros.cli.{command}")
    except ImportError as error:
        # Such as a sourced ROS 2 of another Python, which the import hook describes.
        raise CommandError(f"'ros2-embedded {command}' cannot start: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
