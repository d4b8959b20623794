"""How Cyclone's RMW frames service calls.

After the encapsulation header come 16 bytes: the caller's id (its request writer's handle) and the call's number,
which the reply repeats. USER_DATA ties a caller's two endpoints together by `clientid=`, a server's by `serviceid=`.
"""

from __future__ import annotations

import os
import struct
from typing import Any

from embedded_ros.interfaces.registry import distribution
from embedded_ros.interfaces.type_hash import type_hash

_HEADER = struct.Struct("<Qq")
HEADER_SIZE = _HEADER.size


def header(client: int, sequence: int) -> bytes:
    return _HEADER.pack(client, sequence)


def read_header(data: bytes | bytearray) -> tuple[int, int]:
    return _HEADER.unpack_from(data, 4)


def identity(key: str, srv_type: Any) -> str:
    """USER_DATA that a client's ("clientid") or server's ("serviceid") two endpoints share."""
    shared = f"{key}={'.'.join(f'{byte:x}' for byte in os.urandom(16))};"
    if distribution() == "lyrical":  # the first whose `ros2 service info -v` shows the hash of a service
        shared += f"sertypehash={type_hash(srv_type.Request.definition.name.removesuffix('_Request'))};"
    return shared
