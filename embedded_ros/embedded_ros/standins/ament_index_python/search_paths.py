from __future__ import annotations

import os
import sys


def get_search_paths() -> list[str]:
    """The prefixes to search, first match wins: those of AMENT_PREFIX_PATH, the Python environment's own last."""
    given = [path for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
    return list(dict.fromkeys([*(path for path in given if os.path.isdir(path)), sys.prefix]))
