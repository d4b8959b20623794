"""`sdm-tasks adroit/door adroit/pen`: measures tasks and their experts, and writes docs/tasks.md of what is known."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sdm_core.atomic import atomic_write
from sdm_core.errors import ContractError, SdmError
from sdm_core.results import append_result, read_results

from sdm_sim.registry import make_task
from sdm_sim.task_measurement import measure
from sdm_sim.task_page import page
from sdm_sim.task_pictures import draw_sheets


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-tasks", description=__doc__)
    parser.add_argument("tasks", nargs="*", help="tasks to measure; none: only write the page")
    parser.add_argument("--episodes", type=int, default=50, help="of the expert")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/tasks.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/tasks.md"))
    parser.add_argument("--no-demonstrations", action="store_true", help="do not time ten of them")
    parser.add_argument("--pictures", action="store_true", help="draw the page's pictures, too")
    parser.add_argument(
        "--contract", type=Path, metavar="FILE", help="only write the one task's contract, to record by"
    )
    options = parser.parse_args()
    if options.contract and len(options.tasks) != 1:
        parser.error(f"--contract is written of one task, {len(options.tasks)} are named")
    if options.episodes < 1:
        parser.error(f"--episodes {options.episodes}: one at least")
    try:
        if options.contract:
            _write_contract(options.tasks[0], options.contract)
            return
        for name in options.tasks:
            line = measure(name, options.episodes, not options.no_demonstrations)
            append_result(options.results, line)
            print(f"{name}: {line['successes']} of {line['episodes']}, {line['steps_per_s']} steps/s", flush=True)
        if options.pictures:
            draw_sheets(options.page.parent / "pictures")
        atomic_write(options.page, page(read_results(options.results)).encode())
    except SdmError as error:
        sys.exit(f"sdm-tasks: {error}")
    except KeyboardInterrupt:
        sys.exit("sdm-tasks: interrupted; what was measured is kept")


def _write_contract(task: str, file: Path) -> None:
    """Raises ContractError where the file exists: it may be the contract of a cell."""
    if file.exists():
        raise ContractError(f"{file} exists; name another file for the contract of {task}, or remove that one")
    make_task(task).contract.save(file)
