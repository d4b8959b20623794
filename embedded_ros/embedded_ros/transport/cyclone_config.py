"""Cyclone DDS's configuration: who is discovered, and buffers that hold camera images and clouds."""

from __future__ import annotations

import os

from .interface import TransportError

RANGES = ("LOCALHOST", "SUBNET", "SYSTEM_DEFAULT", "OFF")

# Large samples travel in few large datagrams; the kernel's default receive buffer would drop them in bursts.
_TRANSFER = "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>"
# A writer whose reader was killed waits this long for its acknowledgement when it is deleted; by default 1 s, writer
# after writer, which outlasts the patience of a launch.
_LINGER = "<WriterLingerDuration>100ms</WriterLingerDuration>"
_BUFFERS = (
    '<Internal><SocketReceiveBufferSize max="4MB"/><Watermarks><WhcHigh>64MB</WhcHigh></Watermarks>'
    f"{_LINGER}</Internal>"
)
_INDEX = "<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>"


def discovery_range() -> str:
    """ROS_AUTOMATIC_DISCOVERY_RANGE; unlike real ROS 2 this runtime stays on the machine unless told otherwise."""
    given = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST").upper()
    if given not in RANGES:
        raise TransportError(f"ROS_AUTOMATIC_DISCOVERY_RANGE={given} is not one of {', '.join(RANGES)}")
    return given


def static_peers() -> list[str]:
    return [peer for peer in os.environ.get("ROS_STATIC_PEERS", "").split(";") if peer]


def configuration() -> str:
    """The domain's XML; CYCLONEDDS_URI comes last, so that its settings win."""
    reach = discovery_range()
    peers = static_peers() if reach != "OFF" else []
    general, discovery = _TRANSFER, ""
    if reach in ("LOCALHOST", "OFF"):
        if not peers:
            general += '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
        general += "<AllowMulticast>false</AllowMulticast>"
    if reach == "LOCALHOST":
        peers = ["localhost", *peers]
    if peers:
        discovery = _INDEX + "<Peers>" + "".join(f'<Peer address="{peer}"/>' for peer in peers) + "</Peers>"
    own = (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{discovery}</Discovery>{_BUFFERS}"
        "</Domain></CycloneDDS>"
    )
    user = os.environ.get("CYCLONEDDS_URI", "")
    return f"{own},{user}" if user else own
