"""`sdm-report`: docs/results.md, its plot, and the README's table, from benchmarks/results/*.jsonl."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from sdm_core.errors import DatasetError, SdmError
from sdm_core.results import read_results
from sdm_sim.metaworld_suite import difficulty

from sdm_training.report import PROTOCOL, best5_table, matching, success_plot, success_table, timing_table

_BLOCK = re.compile(r"(<!-- results:begin -->\n).*?(<!-- results:end -->)", re.DOTALL)

_PAGE = """# Results

Made by `sdm-report` from the lines in `benchmarks/results`, not edited by hand.

## Shipped students

Success in per cent of {episodes} unseen episodes a cell, on the same evaluation seeds from {eval_seed0} in every
column; these seeds were not used while the recipe was chosen. One training seed ({seed}), {protocol} checkpoint,
network `{network}` throughout, run by `sdm-evaluate` through the exported network at the evaluations that the column
names. {demos} scripted demonstrations a task. Brackets: Wilson's 95 % interval; of a difference, Newcombe's for paired
outcomes. Training: wall-clock minutes of teacher + student, one thread each, two tasks side by side on a busy machine
({machine}).

{success}

![Success per task](pictures/success.png)

Where plain regression, or the teacher at one step, does as well as the student, the task does not show a gain from
distillation: scripted demonstrations have one mode. What it shows is that a student at one evaluation keeps what its
teacher does with ten.

## What the best five of fifteen would say

DP3 evaluates 20 episodes fifteen times during training and reports the mean of the best five. On the same kind of run
as above (`loop.snapshots=15`, `sdm-evaluate protocol=best5`):

{best5}

## Timing

Made by `benchmarks/latency.py`: perception and inference alone, then the nodes on the graph. In real time the whole
loop includes the wait for the next 12.5 ms tick of the command node, which is why it exceeds the sum of its parts and
hardly separates student from teacher.

{timing}
"""


def report(results: Path, page: Path, readme: Path) -> None:
    """Writes the page and the plot, and refreshes the README's block."""
    lines = [line for path in sorted(results.glob("*.jsonl")) for line in read_results(path)]
    success = matching(lines, **PROTOCOL)
    if not success:
        protocol = ", ".join(f"{key} {value}" for key, value in PROTOCOL.items())
        raise DatasetError(f"{results}: holds no success lines of the reported protocol ({protocol}); run sdm-evaluate")
    order = ("easy", "medium", "hard", "very hard")
    label = lambda task: difficulty(task.split("/", 1)[1])  # noqa: E731
    tasks = sorted({line["task"] for line in success}, key=lambda task: (order.index(label(task)), task))
    rows = success_table(lines, tasks, label)
    success_plot(lines, tasks, page.parent / "pictures" / "success.png")
    page.write_text(
        _PAGE.format(
            **PROTOCOL,
            machine=success[-1]["machine"],
            success=rows,
            best5=best5_table(lines),
            timing=timing_table(lines),
        )
    )
    readme.write_text(_BLOCK.sub(lambda match: f"{match[1]}{rows}\n{match[2]}", readme.read_text()))


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-report", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    options = parser.parse_args()
    try:
        report(options.results, options.page, options.readme)
    except SdmError as error:
        sys.exit(f"sdm-report: {error}")
