"""sdm-replay: recorded episodes on the cockpit's page."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sdm_core.errors import ContractError, SdmError

from sdm_cockpit.page.page import PageOptions
from sdm_cockpit.page.replay_page import ReplayPage
from sdm_cockpit.page_token import page_token
from sdm_cockpit.replay.arguments import add_arguments, policies, sources
from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.replay.demonstrations import Demonstrations
from sdm_cockpit.replay.listed_episode import ListedEpisode
from sdm_cockpit.replay.replay import Replay

_PICTURES_HZ = 20


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-replay",
        description="Shows recorded episodes on a web page: to be wound to and fro, with what policies would have "
        "planned at each step, and the demonstrations that come nearest.",
    )
    add_arguments(made)
    made.add_argument(
        "--demonstrations",
        type=Path,
        metavar="ZARR",
        help="a dataset to compare with; by itself the other episodes of the dataset that is shown",
    )
    made.add_argument(
        "--host", default="127.0.0.1", help="address of the page; others than this machine's have a token"
    )
    made.add_argument("--port", type=int, default=8080, help="0: any free one")
    made.add_argument("--token-file", default="", metavar="FILE", help="with the token; by itself a new one is made")
    return made


def episodes(options: argparse.Namespace) -> Iterator[ListedEpisode]:
    """Those that can be chosen on the page. Raises SdmError with one line."""
    given = Demonstrations(options.demonstrations) if options.demonstrations else None
    for recordings, numbers in sources(options):
        compared = given
        if given is None and isinstance(recordings, DatasetRecordings) and len(recordings) > 1:
            compared = Demonstrations(Path(recordings.source))
        for number in numbers:
            yield ListedEpisode(recordings, number, compared)


def run(options: argparse.Namespace) -> None:
    """Shows them until it is interrupted. Raises SdmError with one line where there is none to be shown."""
    token, about_token = page_token(options.host, options.token_file)
    listed = {episode.address: episode for episode in episodes(options)}
    with closing(Replay(list(listed.values()), policies(options))) as replay:
        names = [f"{address}, {episode.outcome}" for address, episode in listed.items()]
        place = PageOptions(options.host, options.port, token, "Replay")
        try:
            page = ReplayPage(place, replay.player, names, replay.choose)
        except OSError as error:
            raise ContractError(
                f"no page on {options.host}:{options.port} ({error.strerror}); give another --port, or 0"
            ) from None
        with closing(page):
            if replay.extent:
                page.look_at(replay.extent)
            print(f"replay: {page.url}{f' ({about_token})' if about_token else ''}", flush=True)
            while True:
                page.show(replay.look())
                time.sleep(1 / _PICTURES_HZ)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same tidy end, also in the background
    try:
        run(options)
    except SdmError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(0)
