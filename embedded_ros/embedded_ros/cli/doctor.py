"""`ros2-embedded doctor`: one page on this machine's setup and on the graph."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from embedded_ros.cli import doctor_setup
from embedded_ros.cli.finding import Finding, Level


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    failed = False
    for finding in findings():
        print(finding, flush=True)
        failed |= finding.level is Level.FAILURE
    return int(failed)


def findings() -> Iterator[Finding]:
    """One check after the other; what depends on a part that is missing is not tried."""
    usable = True
    for finding in doctor_setup.checks():
        yield finding
        usable &= finding.level is not Level.FAILURE
    if usable and doctor_setup.is_embedded():
        # Imported here: without a working setup there is no graph to look at.
        from embedded_ros.cli import doctor_graph

        yield from doctor_graph.checks()
