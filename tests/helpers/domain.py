"""DDS domains for tests: neither those that run side by side nor one's predecessors may be heard."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from functools import cache

# Higher domains use ports that the system gives to anybody.
_DOMAINS = range(1, 97)
# A process of an earlier test may live on for a moment, so that each test gets the next of many.
_A_PROCESS = 16


def own_domain() -> int:
    """The next one of this process's; no other test process of this machine uses it."""
    return next(_own_domains())


@cache
def _own_domains() -> Iterator[int]:
    for first in _DOMAINS[::_A_PROCESS]:
        if _claim(f"test-domains-{first}"):
            return _again_and_again(range(first, first + _A_PROCESS))
    raise RuntimeError(f"{len(_DOMAINS) // _A_PROCESS} test processes run already: no DDS domain is left for another")


def _again_and_again(domains: range) -> Iterator[int]:
    while True:
        yield from domains
        gc.collect()  # a real rclpy's nodes stay in their domain while anything holds a part of them, if only a cycle


_claims: list[socket.socket] = []


def _claim(name: str) -> bool:
    """Take an abstract socket's name: it is the machine's (or the network namespace's) as domains are, until we end."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0{name}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True
