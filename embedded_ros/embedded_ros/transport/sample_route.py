"""How serialized samples get into Cyclone DDS and out of it: by its C library's own functions, or the wheel's.

The C library's copy less, let go of the GIL and put no XTypes information into discovery, but are semi-internal: where
they are not what they should be, the wheel's public functions take their place.
"""

from __future__ import annotations

import logging
from typing import Protocol

from .interface import Sample, TransportError
from .library_samples import LibrarySamples
from .wheel_samples import WheelSamples


class SampleWriter(Protocol):
    """Writes serialized samples until it is closed, which must come before its entity is deleted."""

    def write(self, data: bytearray) -> None: ...

    def close(self) -> None: ...


class SampleRoute(Protocol):
    """Topics, writers and readers are Cyclone's handles; a serialized sample begins with its encapsulation."""

    def create_topic(self, participant: int, name: str, type_name: str) -> int: ...

    def writer(self, entity: int) -> SampleWriter: ...

    def take(self, reader: int) -> Sample | None: ...


def sample_route(participant: int) -> SampleRoute:
    """The better of the routes that work; found out by the process's first participant."""
    global _route
    if _route is None:
        _route = _choose(participant)
    return _route


_route: SampleRoute | None = None


def _choose(participant: int) -> SampleRoute:
    samples = LibrarySamples()
    try:
        samples.check(participant)
    except TransportError as error:
        logging.getLogger("embedded_ros").warning(
            "%s: messages take the slower way through the cyclonedds package (its version 11.0.1 is known to be whole)",
            error,
        )
        return WheelSamples()
    return samples
