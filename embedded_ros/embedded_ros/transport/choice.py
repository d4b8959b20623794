"""The one place that knows which transports there are."""

from __future__ import annotations

from .interface import Transport


def open_transport(domain_id: int, user_data: str) -> Transport:
    """Join a domain as one participant; `user_data` is what its peers are told of it."""
    from .cyclone import CycloneTransport  # loads the DDS library

    return CycloneTransport(domain_id, user_data)
