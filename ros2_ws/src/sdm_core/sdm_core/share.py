"""Where an installed package keeps its shared files, by the ament convention, with or without ROS 2."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sdm_core.errors import SdmError


def share_directory(package: str) -> Path:
    """`<prefix>/share/<package>` of the first ament prefix that has it, the Python environment's own prefix last."""
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in [*prefixes, Path(sys.prefix)]:
        folder = prefix / "share" / package
        if folder.is_dir():
            return folder
    raise SdmError(f"package '{package}' is not installed below {sys.prefix}; run `make venv`, or source the workspace")
