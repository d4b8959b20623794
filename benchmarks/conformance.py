"""How many cases of tests/wire hold on a runtime, as a line made from pytest's own report.

    python -m pytest tests/wire --junitxml=report.xml      # on the embedded runtime, or with a real ROS 2 sourced
    python benchmarks/conformance.py report.xml --runtime "Jazzy, rclpy 7.1.3"

`sdm-report` makes the table of docs/embedded_ros.md from the newest line of each runtime.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from sdm_core.provenance import origin
from sdm_core.results import append_result

RESULTS = Path("benchmarks/results/conformance.jsonl")
_NOT_PASSED = ("failure", "error", "skipped")


def count(report: Path) -> dict[str, list[int]]:
    """File's name → how many of its cases passed, and how many there are."""
    passed, cases = Counter(), Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.attrib["classname"].rpartition(".")[2]
        cases[name] += 1
        passed[name] += all(case.find(outcome) is None for outcome in _NOT_PASSED)
    return {name: [passed[name], cases[name]] for name in sorted(cases)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--runtime", required=True, help="the column's heading")
    options = parser.parse_args()
    append_result(
        RESULTS, {"kind": "conformance", "runtime": options.runtime, "files": count(options.report), **origin()}
    )


if __name__ == "__main__":
    main()
