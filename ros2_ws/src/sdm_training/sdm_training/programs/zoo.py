"""`sdm-zoo`: describes every trained policy in a JSON line; `sdm-zoo out=dist` packs the students for a release."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from sdm_core.atomic import atomic_write
from sdm_core.results import read_results

from sdm_training.report.lines import Line
from sdm_training.settings import Settings, SettingsError, run_program
from sdm_training.zoo.release import release
from sdm_training.zoo.scan import Zoo, is_teacher, merged, scan


class ZooSettings(Settings):
    """config/zoo.yaml. runs: the folder of all runs; models: that of the shipped policies; results: a file of result
    lines, or a folder of such; zoo: the file in which each policy's line is replaced; out: where archives of the
    students in runs go, null: nowhere."""

    runs: str
    models: str
    results: str
    zoo: str
    out: str | None


def keep_zoo(settings: ZooSettings) -> None:
    """Brings the zoo's lines up to date, and packs the students where that is asked for."""
    console = Console(soft_wrap=True, highlight=False)
    found = scan(Path(settings.models), Path(settings.runs), result_lines(Path(settings.results)))
    lines = merged(read_results(settings.zoo), found.lines)
    atomic_write(Path(settings.zoo), "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode())
    _tell(found, settings.zoo, len(lines), console)
    if settings.out is not None:
        students = [one for one in found.models if not (one.line["shipped"] or is_teacher(one.line))]
        written = release(students, Path(settings.out))
        console.print(f"{settings.out}: {len(written)} archives and their SHA256SUMS")


def result_lines(path: Path) -> list[Line]:
    """Those of a file, or of all files of a folder, each with its file's name as `collection`.

    Raises SettingsError where neither is there.
    """
    if not path.exists():
        raise SettingsError(f"results={path}: neither a file nor a folder; sdm-benchmark and sdm-evaluate write lines")
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    return [{**line, "collection": file.stem} for file in files for line in read_results(file)]


def _tell(found: Zoo, file: str, lines: int, console: Console) -> None:
    for text in found.left_out:
        console.print(text)
    for model in found.models:
        if model.line["rebuild"] is None:
            console.print(f"{model.path}: no suite trains it like this, so there is no command that rebuilds it")
    console.print(
        f"{file}: {lines} policies; here are {len(found.models)} checkpoints, and "
        f"{len(found.without_checkpoint)} policies told by their result line alone"
    )


def main() -> None:
    """Entry point."""
    run_program("zoo", ZooSettings, keep_zoo)
