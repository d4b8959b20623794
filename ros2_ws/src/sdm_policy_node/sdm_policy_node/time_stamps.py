"""Nanoseconds and message times."""

from __future__ import annotations

from builtin_interfaces.msg import Time


def to_ns(stamp: Time) -> int:
    """Nanoseconds of a message's stamp."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def to_message(nanoseconds: int) -> Time:
    """The message of a time in nanoseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return Time(sec=seconds, nanosec=rest)
