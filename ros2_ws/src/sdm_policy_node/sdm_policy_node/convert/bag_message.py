"""One message of a bag."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Wanted = Callable[[str, str], bool]
"""Whether the messages of a topic and its type are to be read."""


class BagMessage(NamedTuple):
    """As it was recorded: when it was received (ns of the recording machine's clock), and its bytes in CDR."""

    topic: str
    type: str
    received_ns: int
    data: bytes
