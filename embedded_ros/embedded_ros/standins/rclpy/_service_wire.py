"""How Cyclone's RMW frames service calls.

After the encapsulation header come 16 bytes: the caller's id (its request writer's handle) and the call's number,
which the reply repeats. USER_DATA ties a caller's two endpoints together by `clientid=`, a server's by `serviceid=`.
"""

from __future__ import annotations

import os
import struct

_HEADER = struct.Struct("<Qq")
HEADER_SIZE = _HEADER.size


def header(client: int, sequence: int) -> bytes:
    return _HEADER.pack(client, sequence)


def read_header(data: bytes | bytearray) -> tuple[int, int]:
    return _HEADER.unpack_from(data, 4)


def new_id() -> str:
    """16 random bytes as dot-separated hexadecimal, as they stand in USER_DATA."""
    return ".".join(f"{byte:x}" for byte in os.urandom(16))
