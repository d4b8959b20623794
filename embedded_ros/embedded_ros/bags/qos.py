"""Quality of service between rclpy's profiles and what bags store of publishers."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

_DEPTH = 10
_MOST = 2**31 - 1  # that a middleware takes


def to_bag(profile: QoSProfile) -> Qos:
    return Qos(
        QosHistory[profile.history.name],
        profile.depth,
        QosReliability[profile.reliability.name],
        QosDurability[profile.durability.name],
        _time(profile.deadline),
        _time(profile.lifespan),
        QosLiveliness[profile.liveliness.name],
        _time(profile.liveliness_lease_duration),
        profile.avoid_ros_namespace_conventions,
    )


def to_record(offers: Sequence[QoSProfile]) -> QoSProfile:
    """The profile that receives from all publishers, and the most that they all offer."""
    reliable = all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
    latched = bool(offers) and all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
    return QoSProfile(
        # A recorder that falls behind for a moment should lose nothing; late joiners' samples come all at once.
        depth=max([_DEPTH * 10, *(offer.depth for offer in offers)]),
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def to_play(recorded: Sequence[Qos]) -> tuple[QoSProfile, bool]:
    """The recorded publishers' profile, and whether they agreed on one; where not, or none is known, the default.

    The depth is not one publisher's: one player stands for all of them, and who comes late to /tf_static, say, wants
    the last messages of each.
    """
    agreed = len({offer._replace(history=QosHistory.UNKNOWN, depth=0) for offer in recorded}) <= 1
    if not (recorded and agreed):
        return QoSProfile(depth=_DEPTH), agreed
    offer = recorded[0]
    keeps_all = offer.history == QosHistory.KEEP_ALL
    best_effort = offer.reliability == QosReliability.BEST_EFFORT
    latched = offer.durability == QosDurability.TRANSIENT_LOCAL
    by_topic = offer.liveliness == QosLiveliness.MANUAL_BY_TOPIC
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_ALL if keeps_all else HistoryPolicy.KEEP_LAST,
        depth=min(max(_DEPTH, sum(offer.depth for offer in recorded)), _MOST),
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        deadline=_duration(offer.deadline),
        lifespan=_duration(offer.lifespan),
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC if by_topic else LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=_duration(offer.liveliness_lease_duration),
    )
    return profile, True


def _time(duration: Duration) -> QosTime:
    return QosTime(*divmod(duration.nanoseconds, 1_000_000_000))


def _duration(time: QosTime) -> Duration:
    """Implementations write infinity in several ways, all of them longer than a century."""
    nanoseconds = time.sec * 1_000_000_000 + time.nsec
    return Duration(nanoseconds=min(nanoseconds, 2**63 - 1))
