"""Cyclone DDS's configuration: who is discovered, and buffers that hold camera images and clouds.

ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS, ROS_LOCALHOST_ONLY and CYCLONEDDS_URI mean what they mean to
rmw_cyclonedds, but for the default: where none of them is set, the machine is the limit. A peer that dies without a
word is given up when its lease of 10 s has run out, Cyclone's default as well.
"""

from __future__ import annotations

import os
import socket
from xml.sax.saxutils import quoteattr

from .interface import TransportError

RANGES = ("LOCALHOST", "SUBNET", "SYSTEM_DEFAULT", "OFF")

# How many processes of a domain one machine holds where discovery goes by port: rmw_cyclonedds' figure.
MOST_PROCESSES = 32

# Large samples travel in few large datagrams; the kernel's default receive buffer would drop them in bursts.
_TRANSFER = "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>"
# A writer whose reader was killed waits this long for its acknowledgement when it is deleted; by default 1 s, writer
# after writer, which outlasts the patience of a launch.
_LINGER = "<WriterLingerDuration>100ms</WriterLingerDuration>"
_BUFFERS = (
    '<Internal><SocketReceiveBufferSize max="4MB"/><Watermarks><WhcHigh>64MB</WhcHigh></Watermarks>'
    f"{_LINGER}</Internal>"
)
_UNICAST_ONLY = "<AllowMulticast>false</AllowMulticast>"
_THIS_MACHINE = '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
# A real ROS 2 left to itself announces itself by multicast, which does not come here: it hears of us when we speak. By
# default that is every 8 s; the `ros2` command line looks around for less than one.
_OFTEN = "<SPDPInterval>1s</SPDPInterval>"
_INDEX = f"<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>{MOST_PROCESSES}</MaxAutoParticipantIndex>"


def discovery_range() -> str:
    """How far other nodes are looked for: ROS_LOCALHOST_ONLY=1 before ROS_AUTOMATIC_DISCOVERY_RANGE.

    A CYCLONEDDS_URI by itself is used as it is (SYSTEM_DEFAULT).
    """
    if _localhost_only():
        return "LOCALHOST"
    unset = "SYSTEM_DEFAULT" if os.environ.get("CYCLONEDDS_URI") else "LOCALHOST"
    given = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper() or unset
    if given not in RANGES:
        raise TransportError(f"ROS_AUTOMATIC_DISCOVERY_RANGE={given} is not one of {', '.join(RANGES)}")
    return given


def static_peers() -> list[str]:
    """Hosts that are asked by name, from ROS_STATIC_PEERS."""
    if _localhost_only() or discovery_range() in ("OFF", "SYSTEM_DEFAULT"):
        return []
    return [peer for peer in os.environ.get("ROS_STATIC_PEERS", "").split(";") if peer]


def configuration() -> str:
    """The domain's XML; CYCLONEDDS_URI comes last, so that its settings win."""
    reach, peers, user = discovery_range(), static_peers(), os.environ.get("CYCLONEDDS_URI", "")
    general, discovery = _TRANSFER, ""
    if reach in ("LOCALHOST", "OFF"):
        general += _UNICAST_ONLY
        if not peers and not user:
            general += _THIS_MACHINE
    if reach == "OFF":
        # Only who has the same tag is discovered.
        discovery = f"<ParticipantIndex>none</ParticipantIndex><Tag>ros_discovery_off_{os.getpid()}</Tag>"
    elif reach != "SYSTEM_DEFAULT":
        addresses = [*(["localhost"] if reach == "LOCALHOST" else []), *peers]
        named = "".join(f"<Peer address={quoteattr(address)}/>" for address in addresses)
        discovery = (_OFTEN if reach == "LOCALHOST" else "") + _INDEX + (f"<Peers>{named}</Peers>" if named else "")
    own = (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{discovery}</Discovery>{_BUFFERS}"
        "</Domain></CycloneDDS>"
    )
    return f"{own},{user}" if user else own


def is_full(domain_id: int) -> bool:
    """Whether no further process can join: by RTPS's rule each has a port of its own."""
    return all(_is_taken(7400 + 250 * domain_id + 10 + 2 * index) for index in range(MOST_PROCESSES))


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False


def _localhost_only() -> bool:
    return os.environ.get("ROS_LOCALHOST_ONLY") == "1"
