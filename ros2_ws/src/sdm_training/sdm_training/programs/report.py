"""`sdm-report`: docs/results.md, its pictures, and the README's table, from result lines and published figures."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from sdm_core.atomic import atomic_write
from sdm_core.errors import DatasetError, SdmError
from sdm_core.results import read_results

from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.page import page, pictures
from sdm_training.report.published import Published
from sdm_training.report.shipped_students import success_table

_BLOCK = re.compile(r"(<!-- results:begin -->\n).*?(<!-- results:end -->)", re.DOTALL)


def result_lines(folder: Path) -> list[Line]:
    """The lines of all files in a folder, each with its file's name as `collection`.

    Raises DatasetError where none is a success of the reported protocol.
    """
    files = sorted(folder.glob("*.jsonl"))
    lines = [{**line, "collection": path.stem} for path in files for line in read_results(path)]
    if not matching(lines, **FINAL):
        protocol = ", ".join(f"{key} {value}" for key, value in FINAL.items())
        raise DatasetError(f"{folder}: holds no success lines of the reported protocol ({protocol}); run sdm-evaluate")
    return lines


def texts(results: Path, published: Path, page_file: Path, readme: Path) -> dict[Path, str]:
    """What the page and the README ought to say."""
    lines = result_lines(results)
    block = _BLOCK.sub(lambda match: f"{match[1]}{success_table(lines)}\n{match[2]}", readme.read_text())
    return {page_file: page(lines, Published.load(published)), readme: block}


def report(results: Path, published: Path, page_file: Path, readme: Path) -> None:
    """Writes the page and its pictures, and refreshes the README's block."""
    for file, text in texts(results, published, page_file, readme).items():
        atomic_write(file, text.encode())
    pictures(result_lines(results), page_file.parent / "pictures")


def check(results: Path, published: Path, page_file: Path, readme: Path) -> None:
    """Raises DatasetError where the page or the README says something else than the lines."""
    for file, text in texts(results, published, page_file, readme).items():
        if not file.is_file() or file.read_text() != text:
            raise DatasetError(f"{file}: is not what {results} gives; run sdm-report and commit what it writes")


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-report", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--published", type=Path, default=Path("benchmarks/published"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the files are not up to date")
    options = parser.parse_args()
    try:
        (check if options.check else report)(options.results, options.published, options.page, options.readme)
    except SdmError as error:
        sys.exit(f"sdm-report: {error}")
