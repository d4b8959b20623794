"""`sdm-report`: docs/results.md and docs/reliability.md with their pictures, models/zoo.md, and tables in other pages,
from result lines and published figures. `sdm-report --lines mine.jsonl` prints a table of any others."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdm_core.atomic import atomic_write
from sdm_core.errors import DatasetError, SdmError
from sdm_core.results import read_results

from sdm_training.report import campaign, failures, reliability, shipped_students, zoo
from sdm_training.report.demo import demo_picture, demo_table
from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.mode_coverage import mode_summary
from sdm_training.report.own_results import own_table
from sdm_training.report.page import page, pictures
from sdm_training.report.published import Published
from sdm_training.report.runtime import conformance_table, runtime_tables

# What stands between `<!-- results:begin -->` and `<!-- results:end -->`; or conformance:, …
_BLOCK = r"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)"

# Beside the folder of lines: a sentence for each task whose failed episodes somebody has watched.
CAUSES = "failure_causes.yaml"


def result_lines(folder: Path) -> list[Line]:
    """The lines of all files in a folder, each with its file's name as `collection`.

    Raises DatasetError where none is a success of the reported protocol.
    """
    files = sorted(folder.glob("*.jsonl"))
    lines = [{**line, "collection": path.stem} for path in files for line in read_results(path)]
    _require_reported(lines, str(folder))
    return lines


def lines_of(files: Sequence[Path]) -> list[Line]:
    """The lines of some files. Raises DatasetError where one is missing, or no line is of the reported protocol."""
    for path in files:
        if not path.is_file():
            raise DatasetError(f"{path}: no such file; sdm-benchmark results={path} writes it")
    lines = [line for path in files for line in read_results(path)]
    _require_reported(lines, ", ".join(map(str, files)))
    return lines


def _require_reported(lines: Sequence[Line], where: str) -> None:
    if not matching(lines, **FINAL):
        protocol = ", ".join(f"{key} {value}" for key, value in FINAL.items())
        raise DatasetError(f"{where}: holds no success lines of the reported protocol ({protocol}); run sdm-evaluate")


@dataclass(frozen=True)
class Pages:
    """What is made from lines: four pages whole, of the others the block that they mark."""

    results: Path
    readme: Path
    runtime: Path
    reliability: Path
    zoo: Path
    failures: Path
    demo: Path


def texts(lines: Sequence[Line], published: Path, causes: Path, pages: Pages) -> dict[Path, str]:
    """What the pages ought to say."""
    return {
        pages.results: page(lines, Published.load(published)),
        pages.readme: _with_blocks(
            pages.readme,
            results=shipped_students.success_table(lines),
            campaign=campaign.summary_table(lines),
            modes=mode_summary(lines),
        ),
        pages.runtime: _with_blocks(pages.runtime, results=runtime_tables(lines), conformance=conformance_table(lines)),
        pages.reliability: reliability.page(lines),
        pages.zoo: zoo.page(lines),
        pages.demo: _with_blocks(pages.demo, results=demo_table(lines)),
        pages.failures: failures.page(lines, failures.load_causes(causes)),
    }


def _with_blocks(file: Path, **blocks: str) -> str:
    text = file.read_text()
    for name, block in blocks.items():
        pattern = re.compile(_BLOCK.format(name=name), re.DOTALL)
        text, count = pattern.subn(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)
        if count != 1:
            raise DatasetError(f"{file}: {count} places for the block '{name}'; give it one, between its two markers")
    return text


def report(results: Path, published: Path, pages: Pages) -> None:
    """Writes the whole pages and their pictures, and refreshes the others' blocks."""
    lines = result_lines(results)
    for file, text in texts(lines, published, results.parent / CAUSES, pages).items():
        atomic_write(file, text.encode())
    pictures(lines, pages.results.parent / "pictures")
    reliability.pictures(lines, pages.reliability.parent / "pictures")
    demo_picture(lines, pages.results.parent / "pictures")


def check(results: Path, published: Path, pages: Pages) -> None:
    """Raises DatasetError where a page says something else than the lines."""
    for file, text in texts(result_lines(results), published, results.parent / CAUSES, pages).items():
        if not file.is_file() or file.read_text() != text:
            raise DatasetError(f"{file}: is not what {results} gives; run sdm-report and commit what it writes")


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-report", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--published", type=Path, default=Path("benchmarks/published"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--runtime-page", type=Path, default=Path("docs/embedded_ros.md"))
    parser.add_argument("--reliability-page", type=Path, default=Path("docs/reliability.md"))
    parser.add_argument("--zoo-page", type=Path, default=Path("models/zoo.md"))
    parser.add_argument("--failures-page", type=Path, default=Path("docs/failures.md"))
    parser.add_argument("--demo-page", type=Path, default=Path("docs/tutorials/first_demo.md"))
    parser.add_argument(
        "--lines", type=Path, nargs="+", metavar="FILE", help="print a table of these lines alone, and write nothing"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the files are not up to date")
    options = parser.parse_args()
    pages = Pages(
        options.page,
        options.readme,
        options.runtime_page,
        options.reliability_page,
        options.zoo_page,
        options.failures_page,
        options.demo_page,
    )
    try:
        if options.lines:
            print(own_table(lines_of(options.lines)))
            return
        (check if options.check else report)(options.results, options.published, pages)
    except SdmError as error:
        sys.exit(f"sdm-report: {error}")
