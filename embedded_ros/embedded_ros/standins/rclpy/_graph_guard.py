"""What this process may tell the graph: a peer that is told of nodes in another age's layout breaks.

ROS 2 contexts announce their nodes on `ros_discovery_info`, by gids of 24 bytes until Humble and of 16 since Iron; a
Humble node on Fast DDS that receives the wrong ones fails. Peers since Iron name the hash of an endpoint's type in its
USER_DATA, Humble's do not. Contexts of this runtime, marked in USER_DATA, hear of each other on a topic of their own.
So nothing is announced on `ros_discovery_info` until a real ROS 2 peer is there, nor while one there has other gids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from embedded_ros.transport.interface import Endpoint

from .impl.rcutils_logger import get_logger

MARK = "embedded_ros"

# A DDS participant's id begins with its vendor's.
_OTHER_MIDDLEWARE = {b"\x01\x0f": "Fast DDS", b"\x01\x01": "RTI Connext"}

_HUMBLE_SEEN = (
    "nodes of ROS 2 Humble (or older) are on the graph, this process speaks a newer ROS 2: its nodes stay unknown to "
    "them, and messages may differ. Set ROS_DISTRO=humble here."
)
_NEWER_SEEN = (
    "nodes of ROS 2 Iron (or newer) are on the graph, this process speaks ROS_DISTRO=humble: its nodes stay unknown to "
    "them, and messages may differ. Set ROS_DISTRO here to theirs (jazzy, kilted, ...)."
)
_OTHER_SETTING = (
    "processes on the graph have another ROS_DISTRO than this one: their nodes and its own stay unknown to each other. "
    "Set the same for all."
)


class GraphGuard:
    """Judges the other contexts on the graph by the endpoints on which they announce their nodes."""

    def __init__(self, gid_size: int) -> None:
        self._gid_size = gid_size
        self._said: set[str] = set()

    def may_announce(self, peers: Iterable[Endpoint]) -> bool:
        """Whether the peers include real ROS 2 nodes, all with gids of our size; says once what is amiss with any."""
        peers = list(peers)
        real = [peer for peer in peers if MARK not in peer.user_data]
        logger = get_logger("embedded_ros")
        if any(MARK in peer.user_data and gid_size(peer) != self._gid_size for peer in peers):
            self._say(logger.error, _OTHER_SETTING)
        for name in sorted({_OTHER_MIDDLEWARE.get(peer.participant[:2], "") for peer in real} - {""}):
            self._say(logger.warning, _of_other_middleware(name))
        fitting = [gid_size(peer) == self._gid_size for peer in real]
        if not all(fitting):
            self._say(logger.error, _NEWER_SEEN if self._gid_size == 24 else _HUMBLE_SEEN)
        return bool(fitting) and all(fitting)

    def _say(self, log: Callable[[str], object], line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log(line)


def gid_size(peer: Endpoint) -> int:
    """Bytes of the gids that a context sends and expects, by one of its endpoints."""
    if (own := peer.user_data.get(MARK, "")).isdecimal():
        return int(own)
    return 16 if "typehash" in peer.user_data else 24


def _of_other_middleware(name: str) -> str:
    return (
        f"nodes on the graph use {name}: topics work with them; services, parameters and actions do not. "
        "Set RMW_IMPLEMENTATION=rmw_cyclonedds_cpp where they start."
    )
