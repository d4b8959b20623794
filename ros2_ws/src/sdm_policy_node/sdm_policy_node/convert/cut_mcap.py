"""What is whole of an MCAP file that was cut off: read record by record, since the index at its end is missing.

The format is described at https://mcap.dev/spec: after eight magic bytes come records, each an opcode (1 byte), the
length of its content (8 bytes) and that; a chunk's content is records again, compressed or not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import lz4.frame
from backports import zstd

from sdm_policy_node.convert.bag_message import BagMessage, Wanted

_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = 0x03, 0x04, 0x05, 0x06
# Channel, sequence, time of logging and of publication.
_MESSAGE_HEAD = struct.Struct("<HIQQ")
# First and last time, size without compression and its checksum.
_CHUNK_HEAD = struct.Struct("<QQQI")
_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {"lz4": lz4.frame.decompress, "zstd": zstd.decompress}


def messages_of_cut_file(path: Path, wanted: Wanted) -> Iterator[BagMessage]:
    """The wanted messages in the order of the file, up to where it is cut off. Raises anything where it is broken."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) == _MAGIC:
            yield from _Records(wanted).messages(file)


class _Records:
    """Knows the types and topics that earlier records have introduced."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._types: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}

    def messages(self, file: BinaryIO) -> Iterator[BagMessage]:
        while len(head := file.read(_RECORD.size)) == _RECORD.size:
            opcode, length = _RECORD.unpack(head)
            content = file.read(length)
            if opcode == _CHUNK:
                # An uncompressed one that is cut off still has whole records.
                yield from self._of_chunk(content, whole=len(content) == length)
            elif len(content) < length:
                return
            else:
                yield from self._of_record(opcode, content)

    def _of_chunk(self, content: bytes, whole: bool) -> Iterator[BagMessage]:
        if len(content) < _CHUNK_HEAD.size + 4:
            return
        compression, end = _text(content, _CHUNK_HEAD.size)
        records = content[end + 8 :]
        if compression and not whole:
            return
        if compression:
            records = _DECOMPRESS[compression](records)
        found: list[BagMessage] = []
        position = 0
        while position + _RECORD.size <= len(records):
            opcode, length = _RECORD.unpack_from(records, position)
            position += _RECORD.size + length
            if position > len(records):
                break
            found += self._of_record(opcode, records[position - length : position])
        yield from sorted(found, key=lambda message: message.received_ns)

    def _of_record(self, opcode: int, content: bytes) -> Iterator[BagMessage]:
        if opcode == _SCHEMA:
            self._types[_number(content, 0)] = _text(content, 2)[0]
        elif opcode == _CHANNEL:
            self._channels[_number(content, 0)] = (_text(content, 4)[0], self._types.get(_number(content, 2), ""))
        elif opcode == _MESSAGE:
            channel, _, received_ns, _ = _MESSAGE_HEAD.unpack_from(content)
            topic, type_name = self._channels[channel]
            if self._wanted(topic, type_name):
                yield BagMessage(topic, type_name, received_ns, content[_MESSAGE_HEAD.size :])


def _number(content: bytes, position: int) -> int:
    return struct.unpack_from("<H", content, position)[0]


def _text(content: bytes, position: int) -> tuple[str, int]:
    """A text with its length before it, and where it ends."""
    (length,) = struct.unpack_from("<I", content, position)
    start = position + 4
    return content[start : start + length].decode(), start + length
