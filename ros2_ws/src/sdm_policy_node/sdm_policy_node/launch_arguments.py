"""What a launch file was given and has no use for: `ros2 launch` lets it pass, and this project's files refuse it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

# What launch itself takes as an argument of any file.
_OF_LAUNCH = ("launch-prefix", "launch-prefix-filter", "emulate_tty", "sigterm_timeout", "sigkill_timeout")


def refuse_unknown_arguments(context: Any, file: str, arguments: Sequence[Any]) -> None:
    """Raises RuntimeError on a name that is none of the `arguments` that sdm_bringup's launch `file` declares.
    Launch sets whatever it is given, so that a misspelt one would go unheard.

    Of a launch file that includes this one the arguments are its own: they say nothing here.
    """
    path, words, declared = Path(file), sys.argv, [argument.name for argument in arguments]
    launched = {"sdm_bringup", path.name} <= {*words} or any(Path(word).resolve() == path.resolve() for word in words)
    for name in (word.partition(":=")[0] for word in context.argv if launched):
        if name not in declared and name not in _OF_LAUNCH:
            near = get_close_matches(name, declared, n=1)
            hint = f", did you mean '{near[0]}'?" if near else f"; it has: {', '.join(declared)}"
            raise RuntimeError(f"{path.name} has no argument '{name}'{hint}")


def require_files(context: Any, *arguments: str) -> None:
    """Raises RuntimeError where an argument names no file. launch_ros only warns of a parameter file that is missing:
    a node would start on its defaults."""
    for name in arguments:
        file = context.launch_configurations[name]
        if not Path(file).is_file():
            raise RuntimeError(f"{name}:={file}: no such file")
