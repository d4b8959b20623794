"""Quality of service profiles."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from embedded_ros.transport.interface import WireQos

from .duration import Duration, Infinite


class InvalidQoSProfileException(Exception):
    """Raised when a profile is neither given a history nor a depth."""

    def __init__(self, *args: object) -> None:
        super().__init__("Invalid QoSProfile", *args)


class QoSPolicyKind(IntEnum):
    INVALID = 1
    DURABILITY = 2
    DEADLINE = 4
    LIVELINESS = 8
    RELIABILITY = 16
    HISTORY = 32
    LIFESPAN = 64
    DEPTH = 128
    LIVELINESS_LEASE_DURATION = 256
    AVOID_ROS_NAMESPACE_CONVENTIONS = 512


def qos_policy_name_from_kind(policy_kind: QoSPolicyKind | int) -> str:
    return QoSPolicyKind(policy_kind).name


class HistoryPolicy(IntEnum):
    SYSTEM_DEFAULT = 0
    KEEP_LAST = 1
    KEEP_ALL = 2
    UNKNOWN = 3


class ReliabilityPolicy(IntEnum):
    SYSTEM_DEFAULT = 0
    RELIABLE = 1
    BEST_EFFORT = 2
    UNKNOWN = 3


class DurabilityPolicy(IntEnum):
    SYSTEM_DEFAULT = 0
    TRANSIENT_LOCAL = 1
    VOLATILE = 2
    UNKNOWN = 3


class LivelinessPolicy(IntEnum):
    SYSTEM_DEFAULT = 0
    AUTOMATIC = 1
    MANUAL_BY_TOPIC = 3
    UNKNOWN = 4


QoSHistoryPolicy = HistoryPolicy
QoSReliabilityPolicy = ReliabilityPolicy
QoSDurabilityPolicy = DurabilityPolicy
QoSLivelinessPolicy = LivelinessPolicy

_UNSPECIFIED = Duration()


class QoSProfile:
    """What a publisher offers or a subscription asks for. Durations of zero mean "unspecified"."""

    __slots__ = (
        "avoid_ros_namespace_conventions",
        "deadline",
        "depth",
        "durability",
        "history",
        "lifespan",
        "liveliness",
        "liveliness_lease_duration",
        "reliability",
    )

    def __init__(self, **kwargs: Any) -> None:
        if unknown := kwargs.keys() - set(self.__slots__):
            raise AssertionError(f"Invalid arguments passed to constructor: {unknown}")
        if "history" not in kwargs:
            if "depth" not in kwargs:
                raise InvalidQoSProfileException("History and/or depth settings are required.")
            kwargs["history"] = HistoryPolicy.KEEP_LAST
        if kwargs["history"] == HistoryPolicy.KEEP_LAST and "depth" not in kwargs:
            raise InvalidQoSProfileException("History set to KEEP_LAST without a depth setting.")
        depth = kwargs.get("depth", 10)
        if not isinstance(depth, int):
            raise TypeError(f"Depth must be an integer, not {type(depth).__name__} {depth!r}")
        if depth < 0:
            raise ValueError(f"Depth must be greater than or equal to zero, not {depth}")
        self.depth = depth
        self.history = HistoryPolicy(kwargs["history"])
        self.reliability = ReliabilityPolicy(kwargs.get("reliability", ReliabilityPolicy.RELIABLE))
        self.durability = DurabilityPolicy(kwargs.get("durability", DurabilityPolicy.VOLATILE))
        self.lifespan = _duration("Lifespan", kwargs.get("lifespan", _UNSPECIFIED))
        self.deadline = _duration("Deadline", kwargs.get("deadline", _UNSPECIFIED))
        self.liveliness = LivelinessPolicy(kwargs.get("liveliness", LivelinessPolicy.SYSTEM_DEFAULT))
        self.liveliness_lease_duration = _duration(
            "Liveliness lease duration", kwargs.get("liveliness_lease_duration", _UNSPECIFIED)
        )
        self.avoid_ros_namespace_conventions = bool(kwargs.get("avoid_ros_namespace_conventions", False))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QoSProfile):
            return NotImplemented
        return all(getattr(self, slot) == getattr(other, slot) for slot in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # profiles are mutable

    def __repr__(self) -> str:
        settings = ", ".join(f"{slot}={getattr(self, slot)}" for slot in self.__slots__)
        return f"{type(self).__name__}({settings})"

    def _to_wire(self) -> WireQos:
        def finite(duration: Duration) -> int | None:
            return None if duration in (_UNSPECIFIED, Infinite) else duration.nanoseconds

        return WireQos(
            depth=0 if self.history == HistoryPolicy.KEEP_ALL else max(self.depth, 1),
            reliable=self.reliability != ReliabilityPolicy.BEST_EFFORT,
            transient_local=self.durability == DurabilityPolicy.TRANSIENT_LOCAL,
            deadline_ns=finite(self.deadline),
            lifespan_ns=finite(self.lifespan),
            liveliness_manual=self.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC,
            liveliness_lease_ns=finite(self.liveliness_lease_duration),
        )

    @classmethod
    def _from_wire(cls, wire: WireQos) -> QoSProfile:
        def duration(nanoseconds: int | None) -> Duration:
            return Infinite if nanoseconds is None else Duration(nanoseconds=nanoseconds)

        return cls(
            depth=wire.depth,
            history=HistoryPolicy.KEEP_LAST if wire.depth else HistoryPolicy.KEEP_ALL,
            reliability=ReliabilityPolicy.RELIABLE if wire.reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if wire.transient_local else DurabilityPolicy.VOLATILE,
            lifespan=duration(wire.lifespan_ns),
            deadline=duration(wire.deadline_ns),
            liveliness=LivelinessPolicy.MANUAL_BY_TOPIC if wire.liveliness_manual else LivelinessPolicy.AUTOMATIC,
            liveliness_lease_duration=duration(wire.liveliness_lease_ns),
        )


def _duration(what: str, value: Duration) -> Duration:
    if not isinstance(value, Duration):
        raise TypeError(f"{what} must be a rclpy.duration.Duration, not {type(value).__name__} {value!r}")
    return value


def _profile_or_depth(given: QoSProfile | int) -> QoSProfile:
    """A profile as the create_* methods take it: a number is a depth."""
    if isinstance(given, QoSProfile):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        if given < 0:
            raise ValueError("history depth must be greater than or equal to zero")
        return QoSProfile(depth=given)
    raise TypeError(f"Expected QoSProfile or int, but received {type(given).__name__!r}")


_KEEP_LAST = HistoryPolicy.KEEP_LAST

qos_profile_default = QoSProfile(history=_KEEP_LAST, depth=10)
qos_profile_system_default = QoSProfile(
    history=HistoryPolicy.SYSTEM_DEFAULT,
    depth=0,
    reliability=ReliabilityPolicy.SYSTEM_DEFAULT,
    durability=DurabilityPolicy.SYSTEM_DEFAULT,
)
qos_profile_sensor_data = QoSProfile(history=_KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
qos_profile_services_default = QoSProfile(history=_KEEP_LAST, depth=10)
qos_profile_parameters = QoSProfile(history=_KEEP_LAST, depth=1000)
qos_profile_parameter_events = QoSProfile(history=_KEEP_LAST, depth=1000)
qos_profile_action_status_default = QoSProfile(history=_KEEP_LAST, depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
qos_profile_rosout_default = QoSProfile(
    history=_KEEP_LAST, depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)
qos_profile_unknown = QoSProfile(
    history=HistoryPolicy.UNKNOWN,
    depth=0,
    reliability=ReliabilityPolicy.UNKNOWN,
    durability=DurabilityPolicy.UNKNOWN,
    liveliness=LivelinessPolicy.UNKNOWN,
)


class QoSPresetProfiles(Enum):
    UNKNOWN = qos_profile_unknown
    DEFAULT = qos_profile_default
    SYSTEM_DEFAULT = qos_profile_system_default
    SENSOR_DATA = qos_profile_sensor_data
    SERVICES_DEFAULT = qos_profile_services_default
    PARAMETERS = qos_profile_parameters
    PARAMETER_EVENTS = qos_profile_parameter_events
    ACTION_STATUS_DEFAULT = qos_profile_action_status_default

    @classmethod
    def short_keys(cls) -> list[str]:
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> QoSProfile:
        return cls[name.upper()].value


class QoSCompatibility(IntEnum):
    OK = 0
    WARNING = 1
    ERROR = 2


# Policy → what offers too little for what asks for more.
_WEAK_AND_STRONG = {
    "reliability": (ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE),
    "durability": (DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
    "liveliness": (LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC),
}


def qos_check_compatible(publisher_qos: QoSProfile, subscription_qos: QoSProfile) -> tuple[QoSCompatibility, str]:
    """Whether a subscription with one profile would receive from a publisher with the other, and why not.

    A warning where that hangs on a policy that the middleware is to choose (SYSTEM_DEFAULT) or that is not known.
    """
    errors, warnings = [], []
    for policy, (weak, strong) in _WEAK_AND_STRONG.items():
        offered, requested = getattr(publisher_qos, policy), getattr(subscription_qos, policy)
        if offered != strong and requested != weak:
            certain = offered == weak and requested == strong
            (errors if certain else warnings).append(
                f"{policy} of the publisher is {_words(offered)}, of the subscription {_words(requested)}"
            )
    for policy in ("deadline", "liveliness_lease_duration"):
        offered, requested = getattr(publisher_qos, policy), getattr(subscription_qos, policy)
        if _nanoseconds(offered) > _nanoseconds(requested):
            errors.append(f"{policy} of the publisher is {_time(offered)}, of the subscription {_time(requested)}")
    if errors:
        return QoSCompatibility.ERROR, "".join(f"ERROR: {error};" for error in errors)
    if warnings:
        return QoSCompatibility.WARNING, "".join(f"WARNING: {warning};" for warning in warnings)
    return QoSCompatibility.OK, ""


def _words(policy: IntEnum) -> str:
    return policy.name.lower().replace("_", " ")


def _nanoseconds(duration: Duration) -> int:
    return Infinite.nanoseconds if duration == _UNSPECIFIED else duration.nanoseconds


def _time(duration: Duration) -> str:
    return "not given" if _nanoseconds(duration) == Infinite.nanoseconds else f"{duration.nanoseconds * 1e-9:g} s"
