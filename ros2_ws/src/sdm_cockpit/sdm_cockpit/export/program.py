"""sdm-mcap: recorded episodes as an MCAP file of standard messages, for Foxglove and RViz."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sdm_cockpit.export.file_command import write_file
from sdm_cockpit.export.mcap_file import McapFile
from sdm_cockpit.export.recording_messages import recording_messages
from sdm_cockpit.replay.arguments import add_arguments, chosen

# Not zero, which to tf means "the newest"; and the pause between two episodes.
_START_NS, _PAUSE_NS = 1_000_000_000, 1_000_000_000


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-mcap",
        description="Writes recorded episodes, one after another, as standard messages with their definitions: "
        "Foxglove opens the file by itself (layout: config/foxglove/sdm.json), RViz shows it while `ros2 bag play` "
        "plays it (rviz2 -d config/rviz/sdm.rviz -f <base frame>).",
    )
    add_arguments(made)
    made.add_argument("-o", "--output", type=Path, required=True, help="the file (.mcap) to write")
    return made


def run(options: argparse.Namespace) -> list[str]:
    """Writes the file; a line for each episode. Raises SdmError with one line where there is none to be shown."""
    lines, start_ns = [], _START_NS
    with McapFile(options.output) as file:
        for recording, plans in chosen(options):
            count = 0
            for stamp_ns, (topic, message) in recording_messages(recording, plans, start_ns):
                file.write(topic, message, stamp_ns)
                count += 1
            lines.append(f"{recording.title}: {len(recording)} steps, {count} messages from {start_ns * 1e-9:.1f} s on")
            start_ns += round(1e9 * recording.times_s[-1]) + _PAUSE_NS
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    write_file(parser().parse_args(arguments), run)
