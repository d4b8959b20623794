"""Opens bags of rosbag2, MCAP or sqlite3, with errors in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.errors import ReaderError

from .errors import BagError


@contextlib.contextmanager
def open_bag(path: Path) -> Iterator[Reader]:
    """A bag's folder, or one of its files; BagError says what is wrong with it."""
    if not path.exists():
        raise BagError(f"bag '{path}' does not exist")
    if path.is_dir() and not (path / "metadata.yaml").exists():
        raise BagError(f"'{path}' has no metadata.yaml: {_without_metadata(path)}")
    try:
        with Reader(path) as reader:
            yield reader
    except ReaderError as error:
        raise BagError(f"bag '{path}' cannot be read: {error}") from error


def messages(
    reader: Reader, topics: Collection[str], start: int | None = None, stop: int | None = None
) -> Iterator[tuple[str, int, bytes]]:
    """(topic, time in ns, serialized message) in the order of the bag, from `start` until before `stop`."""
    # The library asks for connections as the files have them. Those of metadata.yaml, if it was edited or made anew,
    # may say otherwise of quality of service, and would then have no messages.
    files = getattr(reader.storage, "storages", [reader.storage])
    chosen = [connection for file in files for connection in file.connections if connection.topic in topics]
    if chosen:
        for connection, stamp, data in reader.messages(chosen, start, stop):
            yield connection.topic, stamp, data


def _without_metadata(folder: Path) -> str:
    """What a folder without metadata.yaml is, and what can be done."""
    files = sorted(file for file in folder.iterdir() if file.suffix in (".mcap", ".db3"))
    if not files:
        return "it is no bag"
    for file in files:
        try:
            with Reader(file):
                pass
        except Exception as error:  # the library does not foresee every length that a file may be cut to
            if file.suffix == ".mcap" and file.stat().st_size:
                return f"its recording was cut off; mcap.dev's `mcap recover {file} -o whole.mcap` saves what it holds"
            return f"its recording was cut off, and nothing of it can be read: {error}"
    return f"try its file alone: {files[0]}"


def offered_qos(connection: Connection) -> list[Qos]:
    assert isinstance(connection.ext, ConnectionExtRosbag2)
    return connection.ext.offered_qos_profiles


def storage_files(path: Path) -> list[Path]:
    """The files that hold the messages."""
    if path.is_file():
        return [path]
    suffixes = (".mcap", ".db3", ".zstd")
    return sorted(file for file in path.iterdir() if file.suffix in suffixes)
