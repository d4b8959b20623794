"""The end of every command that writes recorded episodes into a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from sdm_core.errors import SdmError


def write_file(options: argparse.Namespace, write: Callable[[argparse.Namespace], Sequence[str]]) -> None:
    """Writes `options.output` and prints what was written, a line each. A user's error ends the command with one line
    and status 1."""
    try:
        lines = write(options)
    except SdmError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    for line in lines:
        print(line)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB")
