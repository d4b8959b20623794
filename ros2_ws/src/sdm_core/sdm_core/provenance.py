"""Where a number comes from: source commit, machine, date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

# What programs write while they measure; it is no part of the source that they were run from.
PRODUCTS = ("benchmarks/results", "models", "docs")

# By this file a checkout is known as ours.
_SOURCE = "ros2_ws/src/sdm_core/sdm_core/provenance.py"

# Where and when a number was made: two runs may differ in it and still be the same training.
ORIGIN = ("commit", "machine", "date")


def commit() -> str:
    """The checkout's commit, with "-dirty" where tracked sources differ; outside a checkout what SDM_COMMIT says of the
    copy, or "unknown". A copy may be installed below the checkout, as colcon does, or below somebody else's, whose
    commit says nothing of it."""
    try:
        _git("ls-files", "--error-unmatch", f":/{_SOURCE}")
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "-uno", "--", ":/", *(f":(exclude,top){path}" for path in PRODUCTS))
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("SDM_COMMIT", "unknown")
    return f"{head}-dirty" if changed else head


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """Processor model, and the number of cores given to this process."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    # macOS binds no process to cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def origin() -> dict[str, str]:
    """The values of ORIGIN, here and now."""
    return {"commit": commit(), "machine": machine(), "date": datetime.now(timezone.utc).date().isoformat()}
