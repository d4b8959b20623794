"""Reads a bag of rosbag2, MCAP or sqlite3, as far as it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml
from rosbags.rosbag2 import Reader
from sdm_core.errors import SdmError

from sdm_policy_node.convert.bag_message import BagMessage, Wanted
from sdm_policy_node.convert.cut_mcap import messages_of_cut_file

_SUFFIXES = (".mcap", ".db3")


class BagError(SdmError):
    """A bag is missing, or is none."""


class Bag:
    """A bag's folder, or one of its files. Reading ends where a file is cut off or broken; `damage` then says so."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damage: list[str] = []
        """What was wrong with it when it was last read, a line each."""
        if not self.path.exists():
            raise BagError(f"{self.path}: no such bag")
        self._files = [self.path] if self.path.is_file() else sorted(self._of_suffix(), key=_number)
        if not self._files:
            raise BagError(f"{self.path}: holds no {' or '.join(_SUFFIXES)} file; it is no bag")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self._files)

    def messages(self, wanted: Wanted) -> Iterator[BagMessage]:
        """The wanted messages in order of their receipt."""
        self.damage = []
        if self._compressed():
            yield from self._read(self.path, wanted)
            return
        if self.path.is_dir() and not (self.path / "metadata.yaml").exists():
            self.damage.append(f"{self.path}: has no metadata.yaml, so its recording was cut off")
        for file in self._files:
            yield from self._read(file, wanted)

    def _read(self, path: Path, wanted: Wanted) -> Iterator[BagMessage]:
        reader = Reader(path)
        try:
            reader.open()
        except Exception as error:  # the library's own errors, and whatever the formats beneath it raise
            if path.suffix == ".mcap":
                self.damage.append(f"{path}: is cut off ({_line(error)}); what is whole of it is read")
                yield from self._read_cut(path, wanted)
            else:
                self.damage.append(f"{path}: cannot be read ({_line(error)}); try sqlite3's own `.recover`")
            return
        try:
            chosen = [each for each in reader.connections if wanted(each.topic, each.msgtype)]
            for connection, received_ns, data in reader.messages(chosen) if chosen else ():
                yield BagMessage(connection.topic, connection.msgtype, received_ns, data)
        except Exception as error:
            self.damage.append(f"{path}: is broken ({_line(error)}); what comes before that is read")
        finally:
            reader.close()

    def _read_cut(self, path: Path, wanted: Wanted) -> Iterator[BagMessage]:
        with suppress(Exception):  # it ends where it is cut off, or broken
            yield from messages_of_cut_file(path, wanted)

    def _compressed(self) -> bool:
        """Whether the files, or their messages, can only be read by what metadata.yaml says of them."""
        file = self.path / "metadata.yaml"
        try:
            information = yaml.safe_load(file.read_text())["rosbag2_bagfile_information"]
            return information.get("compression_mode", "").lower() not in ("", "none")
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
            return False  # none, or a broken one: the files themselves are read

    def _of_suffix(self) -> list[Path]:
        """`bag_0.mcap`, and `bag_0.mcap.zstd` where it is compressed."""
        return [file for file in self.path.iterdir() if set(file.suffixes) & set(_SUFFIXES)]


def _number(file: Path) -> tuple[int, str]:
    """bag_2 comes before bag_10."""
    return len(file.name), file.name


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
