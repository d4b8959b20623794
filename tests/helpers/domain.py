"""A DDS domain for tests that make their own participants."""

from __future__ import annotations

import os


def own_domain() -> int:
    """One that neither the tests on the wire (1 to 99) nor another test run on this machine uses."""
    return 103 + os.getpid() % 100
