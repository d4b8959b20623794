"""Events of publishers and subscriptions: peers that match or do not, deadlines, liveliness, lost messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from embedded_ros.transport.events import (
    EventKind,
    EventSource,
    IncompatibleQos,
    LivelinessChange,
    MatchChange,
    Occurrences,
    UnsupportedEventError,
)
from embedded_ros.transport.interface import Reader, Writer

from .callback_groups import CallbackGroup
from .impl.rcutils_logger import RcutilsLogger
from .qos import QoSPolicyKind, qos_policy_name_from_kind


class QoSPublisherEventType(IntEnum):
    RCL_PUBLISHER_OFFERED_DEADLINE_MISSED = 0
    RCL_PUBLISHER_LIVELINESS_LOST = 1
    RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS = 2
    RCL_PUBLISHER_INCOMPATIBLE_TYPE = 3
    RCL_PUBLISHER_MATCHED = 4


class QoSSubscriptionEventType(IntEnum):
    RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED = 0
    RCL_SUBSCRIPTION_LIVELINESS_CHANGED = 1
    RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS = 2
    RCL_SUBSCRIPTION_MESSAGE_LOST = 3
    RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE = 4
    RCL_SUBSCRIPTION_MATCHED = 5


@dataclass(frozen=True)
class QoSRequestedIncompatibleQoSInfo:
    total_count: int
    total_count_change: int
    last_policy_kind: QoSPolicyKind


QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo
QoSRequestedDeadlineMissedInfo = QoSOfferedDeadlineMissedInfo = Occurrences
QoSLivelinessLostInfo = QoSMessageLostInfo = Occurrences
QoSLivelinessChangedInfo = LivelinessChange
QoSSubscriptionMatchedInfo = QoSPublisherMatchedInfo = MatchChange


class UnsupportedEventTypeError(RuntimeError):
    """Raised when a callback is given for an event that the middleware cannot tell of."""


# INCOMPATIBLE_TYPE is in neither: to DDS, topics of one name and two types are two topics.
_PUBLISHER_KINDS = {
    QoSPublisherEventType.RCL_PUBLISHER_OFFERED_DEADLINE_MISSED: EventKind.DEADLINE_MISSED,
    QoSPublisherEventType.RCL_PUBLISHER_LIVELINESS_LOST: EventKind.LIVELINESS,
    QoSPublisherEventType.RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS: EventKind.INCOMPATIBLE_QOS,
    QoSPublisherEventType.RCL_PUBLISHER_MATCHED: EventKind.MATCHED,
}
_SUBSCRIPTION_KINDS = {
    QoSSubscriptionEventType.RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED: EventKind.DEADLINE_MISSED,
    QoSSubscriptionEventType.RCL_SUBSCRIPTION_LIVELINESS_CHANGED: EventKind.LIVELINESS,
    QoSSubscriptionEventType.RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS: EventKind.INCOMPATIBLE_QOS,
    QoSSubscriptionEventType.RCL_SUBSCRIPTION_MESSAGE_LOST: EventKind.MESSAGE_LOST,
    QoSSubscriptionEventType.RCL_SUBSCRIPTION_MATCHED: EventKind.MATCHED,
}


class EventHandler:
    """One kind of event of one publisher or subscription, and the callback that it runs in the node's executor."""

    def __init__(
        self,
        *,
        callback_group: CallbackGroup,
        callback: Callable[[Any], Any],
        event_type: QoSPublisherEventType | QoSSubscriptionEventType,
        endpoint: Writer | Reader,
    ) -> None:
        self.callback_group = callback_group
        self.callback = callback
        self.event_type = event_type
        self._reader = _event_source(endpoint, event_type)  # what an executor waits on, as on a subscription's
        self._closed = False
        callback_group.add_entity(self)

    def destroy(self) -> None:
        self._closed = True

    def _may_have_work(self) -> bool:
        return not self._closed

    def _take_work(self) -> Callable[[], Any] | None:
        event = None if self._closed else self._reader.take()
        if event is None:
            return None
        if isinstance(event, IncompatibleQos):
            policy = QoSPolicyKind[event.last_policy]
            info: Any = QoSRequestedIncompatibleQoSInfo(event.total_count, event.total_count_change, policy)
        else:
            info = event
        return lambda: self.callback(info)


class PublisherEventCallbacks:
    """What a publisher calls at which event; each callback takes the event's `QoS…Info`.

    Without an `incompatible_qos` callback a subscription that asks for too much is logged as a warning, unless
    `use_default_callbacks` is False.
    """

    def __init__(
        self,
        *,
        deadline: Callable[[QoSOfferedDeadlineMissedInfo], Any] | None = None,
        liveliness: Callable[[QoSLivelinessLostInfo], Any] | None = None,
        incompatible_qos: Callable[[QoSOfferedIncompatibleQoSInfo], Any] | None = None,
        incompatible_type: Callable[[Any], Any] | None = None,
        matched: Callable[[QoSPublisherMatchedInfo], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.liveliness = liveliness
        self.incompatible_qos = incompatible_qos
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(
        self, callback_group: CallbackGroup, writer: Writer, topic_name: str, logger: RcutilsLogger
    ) -> list[EventHandler]:
        of = QoSPublisherEventType
        warning = (
            f"New subscription discovered on topic '{topic_name}', requesting incompatible QoS. "
            "No messages will be sent to it. Last incompatible policy: "
        )
        callbacks = {
            of.RCL_PUBLISHER_OFFERED_DEADLINE_MISSED: self.deadline,
            of.RCL_PUBLISHER_LIVELINESS_LOST: self.liveliness,
            of.RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS: self.incompatible_qos
            or (_warn_of_policy(logger, warning) if self.use_default_callbacks else None),
            of.RCL_PUBLISHER_INCOMPATIBLE_TYPE: self.incompatible_type,
            of.RCL_PUBLISHER_MATCHED: self.matched,
        }
        return _handlers(callbacks, callback_group, writer)


class SubscriptionEventCallbacks:
    """What a subscription calls at which event; each callback takes the event's `QoS…Info`.

    Without an `incompatible_qos` callback a publisher that offers too little is logged as a warning, unless
    `use_default_callbacks` is False.
    """

    def __init__(
        self,
        *,
        deadline: Callable[[QoSRequestedDeadlineMissedInfo], Any] | None = None,
        incompatible_qos: Callable[[QoSRequestedIncompatibleQoSInfo], Any] | None = None,
        liveliness: Callable[[QoSLivelinessChangedInfo], Any] | None = None,
        message_lost: Callable[[QoSMessageLostInfo], Any] | None = None,
        incompatible_type: Callable[[Any], Any] | None = None,
        matched: Callable[[QoSSubscriptionMatchedInfo], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.incompatible_qos = incompatible_qos
        self.liveliness = liveliness
        self.message_lost = message_lost
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(
        self, callback_group: CallbackGroup, reader: Reader, topic_name: str, logger: RcutilsLogger
    ) -> list[EventHandler]:
        of = QoSSubscriptionEventType
        warning = (
            f"New publisher discovered on topic '{topic_name}', offering incompatible QoS. "
            "No messages will be received from it. Last incompatible policy: "
        )
        callbacks = {
            of.RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED: self.deadline,
            of.RCL_SUBSCRIPTION_LIVELINESS_CHANGED: self.liveliness,
            of.RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS: self.incompatible_qos
            or (_warn_of_policy(logger, warning) if self.use_default_callbacks else None),
            of.RCL_SUBSCRIPTION_MESSAGE_LOST: self.message_lost,
            of.RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE: self.incompatible_type,
            of.RCL_SUBSCRIPTION_MATCHED: self.matched,
        }
        return _handlers(callbacks, callback_group, reader)


def _handlers(
    callbacks: Mapping[Any, Callable[[Any], Any] | None], callback_group: CallbackGroup, endpoint: Writer | Reader
) -> list[EventHandler]:
    return [
        EventHandler(callback_group=callback_group, callback=callback, event_type=event_type, endpoint=endpoint)
        for event_type, callback in callbacks.items()
        if callback is not None
    ]


def _warn_of_policy(logger: RcutilsLogger, warning: str) -> Callable[[QoSRequestedIncompatibleQoSInfo], None]:
    def warn(event: QoSRequestedIncompatibleQoSInfo) -> None:
        logger.warning(warning + qos_policy_name_from_kind(event.last_policy_kind))

    return warn


def _event_source(
    endpoint: Writer | Reader, event_type: QoSPublisherEventType | QoSSubscriptionEventType
) -> EventSource:
    if isinstance(event_type, QoSPublisherEventType):
        kind = _PUBLISHER_KINDS.get(event_type)
    else:
        kind = _SUBSCRIPTION_KINDS.get(event_type)
    try:
        if kind is not None:
            return endpoint.events(kind)
    except UnsupportedEventError:
        pass
    raise UnsupportedEventTypeError(f"{event_type.name} is not supported: the middleware does not tell of it")
