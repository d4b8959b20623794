from __future__ import annotations

import os
import sys


def get_search_paths() -> list[str]:
    """The prefixes to search, first match wins: those of AMENT_PREFIX_PATH, else the Python environment's own."""
    given = [path for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
    return [path for path in given if os.path.isdir(path)] or [sys.prefix]
