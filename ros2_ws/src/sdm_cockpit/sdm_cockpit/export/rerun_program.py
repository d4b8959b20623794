"""sdm-rerun: recorded episodes as an .rrd file, for rerun's viewer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sdm_cockpit.export.file_command import write_file
from sdm_cockpit.export.rerun_entities import RerunEntities
from sdm_cockpit.export.rerun_file import RerunFile
from sdm_cockpit.export.rerun_layout import rerun_layout
from sdm_cockpit.export.rerun_sdk import rerun_sdk
from sdm_cockpit.replay.arguments import add_arguments, chosen

_PAUSE_S = 1.0  # between two episodes


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-rerun",
        description="Writes recorded episodes, one after another, for rerun's viewer (`rerun FILE`): the cloud as the "
        "network gets it, the tool and its trail, the way that was taken and the chunks of policies, the camera's "
        "images, states, commands, timing, and what the gate changed. Needs the extra sdm_cockpit[rerun].",
    )
    add_arguments(made)
    made.add_argument("-o", "--output", type=Path, required=True, help="the file (.rrd) to write")
    return made


def run(options: argparse.Namespace) -> list[str]:
    """Writes the file; a line for each episode. Raises SdmError with one line where there is none to be shown."""
    rerun, lines, start_s = rerun_sdk(), [], 0.0
    cameras: dict[str, None] = {}
    timing = False
    with RerunFile(rerun, options.output) as stream:
        entities = RerunEntities(rerun, stream)
        for recording, plans in chosen(options):
            entities.add(recording, plans, start_s)
            lines.append(f"{recording.title}: {len(recording)} steps from {start_s:.1f} s on")
            start_s += float(recording.times_s[-1]) + _PAUSE_S
            cameras.update(dict.fromkeys(recording.images))
            timing = timing or bool(recording.deeds.timings)
        stream.send_blueprint(rerun_layout(rerun, list(cameras), timing))
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    write_file(parser().parse_args(arguments), run)
