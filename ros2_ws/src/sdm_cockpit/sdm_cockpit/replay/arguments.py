"""What all programs ask for that show recordings: which episodes, and which policies over them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sdm_cockpit.replay.open_recordings import ADDRESS, Recordings, addressed
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.replay.replayed_policy import ReplayedPolicy
from sdm_cockpit.snapshot import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the episodes and the policies."""
    parser.add_argument("episodes", nargs="+", metavar="EPISODE", help=f"{ADDRESS}; without a number all of them")
    parser.add_argument(
        "--checkpoint",
        action="append",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="show what this policy would have planned at each step; may be given again",
    )
    parser.add_argument("--backend", default="openvino", help="what runs the checkpoints")
    parser.add_argument(
        "--contract", type=Path, metavar="FILE", help="contract.yaml or checkpoint of a bag that no recorder speaks in"
    )


def sources(options: argparse.Namespace) -> Iterator[tuple[Recordings, Sequence[int]]]:
    """The source of each address, and the numbers of the episodes that are meant. What is wrong with it is said on
    standard error. Raises SdmError with one line."""
    convert_options = ["--contract", str(options.contract)] if options.contract else []
    for address in options.episodes:
        recordings, numbers = addressed(address, convert_options)
        for line in recordings.problems:
            print(f"warning: {line}", file=sys.stderr)
        yield recordings, numbers


def policies(options: argparse.Namespace) -> list[ReplayedPolicy]:
    """Those to be shown over the episodes. Raises SdmError with one line."""
    return [ReplayedPolicy(checkpoint, options.backend) for checkpoint in options.checkpoint]


def chosen(options: argparse.Namespace) -> Iterator[tuple[Recording, list[tuple[Plan, ...]]]]:
    """Each episode, with the chunks of all policies at each of its steps. Raises SdmError with one line."""
    shown = policies(options)
    for recordings, numbers in sources(options):
        for number in numbers:
            recording = recordings[number]
            plans = [list(policy.plans(recording)) for policy in shown]
            yield recording, list(zip(*plans, strict=True)) if plans else [()] * len(recording)
