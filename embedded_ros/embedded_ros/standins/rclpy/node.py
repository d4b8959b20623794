"""Nodes: the point of creation of all that communicates."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from embedded_ros.interfaces.message import Message
from embedded_ros.interfaces.type_hash import type_hash
from rcl_interfaces.msg import Log, ParameterEvent

from . import _graph, _names, _service_wire
from ._arguments import RosArguments, applies
from ._graph import REPLY, REQUEST, TOPIC
from ._node_graph import NodeGraph
from ._node_parameters import NodeParameters
from ._parameter_service import ParameterService
from ._time_source import TimeSource
from .callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from .client import Client
from .clock import Clock, ROSClock
from .context import Context
from .event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from .exceptions import InvalidHandle, NodeNameNonExistentError, NotInitializedException
from .guard_condition import GuardCondition
from .impl.rcutils_logger import RcutilsLogger, get_logger, rosout_publishers
from .parameter import Parameter
from .publisher import Publisher
from .qos import (
    QoSProfile,
    _profile_or_depth,
    qos_profile_parameter_events,
    qos_profile_rosout_default,
    qos_profile_services_default,
)
from .service import Service
from .subscription import Subscription
from .timer import Rate, Timer
from .utilities import get_default_context

__all__ = ["Node", "NodeNameNonExistentError"]


class Node(NodeParameters, NodeGraph):
    """A named participant in the graph, with publishers, subscriptions, services, clients, timers and parameters."""

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        self._context = context or get_default_context()
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        # A node's own arguments come first: of remap rules the first that fits holds.
        own = RosArguments.parse(
            ["--ros-args", *cli_args] if cli_args and "--ros-args" not in cli_args else cli_args or []
        )
        self._arguments = [own, *([self._context.arguments] if use_global_arguments else [])]
        self._name, self._namespace = self._remapped_identity(node_name, namespace or "")
        self._full_name = _names.full_node_name(self._name, self._namespace)
        self._logger = get_logger(self._full_name[1:].replace("/", "."))
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._services: list[Service] = []
        self._clients: list[Client] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._executor: Callable[[], Any] = lambda: None
        self._default_callback_group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._rate_group = ReentrantCallbackGroup()
        self._destroyed = False
        self._clock = ROSClock()
        self._transport = self._context._transport
        self._graph = self._context._graph
        with self._graph.batch():
            self._entry = self._graph.add_node(self._name, self._namespace)
            self._context.track_node(self)
            if enable_rosout and all(arguments.rosout for arguments in self._arguments):
                self._start_rosout()
            self._parameter_events = self.create_publisher(
                ParameterEvent, "/parameter_events", qos_profile_parameter_events
            )
            overrides = self._overrides_from_arguments()
            overrides.update({parameter.name: parameter for parameter in parameter_overrides or []})
            super().__init__(overrides, allow_undeclared_parameters, automatically_declare_parameters_from_overrides)
            self._time_source = TimeSource(self, self._clock)
            if start_parameter_services:
                self._parameter_service = ParameterService(self)
            if enable_logger_service:
                from ._logging_service import start_logging_service  # Humble has no messages for it

                start_logging_service(self)

    def _remapped_identity(self, name: str, namespace: str) -> tuple[str, str]:
        _names.validate_node_name(name)
        name = self._remapped(("__node", "__name"), name, name)
        namespace = self._remapped(("__ns",), name, namespace)
        if not namespace.startswith("/"):
            namespace = f"/{namespace}"
        _names.validate_node_name(name)
        _names.validate_namespace(namespace)
        return name, namespace

    def _remapped(self, keys: tuple[str, ...], node: str, given: str) -> str:
        """What the first rule for one of the keys and this node says instead of what is given."""
        rules = (rule for arguments in self._arguments for rule in arguments.remaps)
        return next((rule.target for rule in rules if rule.source in keys and rule.concerns(node)), given)

    def _overrides_from_arguments(self) -> dict[str, Parameter]:
        found = {}
        for arguments in reversed(self._arguments):
            for pattern, parameters in arguments.parameters.items():
                if applies(pattern, self._full_name):
                    found.update({name: Parameter(name, value=value) for name, value in parameters.items()})
        return found

    def _start_rosout(self) -> None:
        silent = PublisherEventCallbacks(use_default_callbacks=False)
        publisher = self.create_publisher(Log, "/rosout", qos_profile_rosout_default, event_callbacks=silent)

        def publish(severity: int, name: str, message: str, file: str, function: str, line: int) -> None:
            log = Log(
                stamp=self._clock.now().to_msg(),
                level=int(severity),
                name=name,
                msg=message,
                file=file,
                function=function,
                line=line,
            )
            with suppress(InvalidHandle):  # the node is destroyed, perhaps by another thread just now
                publisher.publish(log)

        rosout_publishers[self._logger.name] = publish

    # --- identity

    @property
    def publishers(self) -> Iterator[Publisher]:
        yield from self._publishers

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        yield from self._subscriptions

    @property
    def services(self) -> Iterator[Service]:
        yield from self._services

    @property
    def clients(self) -> Iterator[Client]:
        yield from self._clients

    @property
    def timers(self) -> Iterator[Timer]:
        yield from self._timers

    @property
    def guards(self) -> Iterator[GuardCondition]:
        yield from self._guards

    @property
    def context(self) -> Context:
        return self._context

    @property
    def executor(self) -> Any:
        return self._executor()

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self._executor()
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        if new_executor is None:
            self._executor = lambda: None
            return
        self._executor = weakref.ref(new_executor)
        new_executor.add_node(self)

    @property
    def default_callback_group(self) -> CallbackGroup:
        return self._default_callback_group

    def get_name(self) -> str:
        return self._name

    def get_namespace(self) -> str:
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        return self._full_name

    def get_clock(self) -> Clock:
        return self._clock

    def get_logger(self) -> RcutilsLogger:
        return self._logger

    # --- entities

    def create_publisher(
        self,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Any:
        _require_message(msg_type)
        qos = _profile_or_depth(qos_profile)
        name = self.resolve_topic_name(topic)
        writer = self._writer(TOPIC, name, msg_type, qos, "")
        group = callback_group or self._default_callback_group
        callbacks = event_callbacks or PublisherEventCallbacks()
        with _closed_on_error(writer):
            event_handlers = callbacks.create_event_handlers(group, writer, topic, self._logger)
            publisher = publisher_class(self, msg_type, name, qos, writer, event_handlers)
        self._publishers.append(publisher)
        self._register(writers=[writer.gid])
        return publisher

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        raw: bool = False,
    ) -> Subscription:
        _require_message(msg_type)
        qos = _profile_or_depth(qos_profile)
        name = self.resolve_topic_name(topic)
        reader = self._reader(TOPIC, name, msg_type, qos, "")
        group = callback_group or self._default_callback_group
        callbacks = event_callbacks or SubscriptionEventCallbacks()
        with _closed_on_error(reader):
            event_handlers = callbacks.create_event_handlers(group, reader, topic, self._logger)
            subscription = Subscription(self, msg_type, name, callback, group, qos, raw, reader, event_handlers)
        group.add_entity(subscription)
        self._subscriptions.append(subscription)
        self._register(readers=[reader.gid])
        return subscription

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
        service_class: type[Service] = Service,
    ) -> Service:
        _require_service(srv_type)
        name = self.resolve_service_name(srv_name)
        identity = _service_wire.identity("serviceid", srv_type)
        # The writer first: a client that sees the request reader then soon sees where replies come from.
        writer = self._writer(REPLY, name, srv_type.Response, qos_profile, identity)
        reader = self._reader(REQUEST, name, srv_type.Request, qos_profile, identity)
        group = callback_group or self._default_callback_group
        service = service_class(self, srv_type, name, callback, group, qos_profile, reader, writer)
        group.add_entity(service)
        self._services.append(service)
        self._register([reader.gid], [writer.gid])
        return service

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        _require_service(srv_type)
        name = self.resolve_service_name(srv_name)
        identity = _service_wire.identity("clientid", srv_type)
        reader = self._reader(REPLY, name, srv_type.Response, qos_profile, identity)
        writer = self._writer(REQUEST, name, srv_type.Request, qos_profile, identity)
        group = callback_group or self._default_callback_group
        client = Client(self, srv_type, name, group, qos_profile, reader, writer)
        group.add_entity(client)
        self._clients.append(client)
        self._register([reader.gid], [writer.gid])
        return client

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        group = callback_group or self._default_callback_group
        timer = Timer(
            callback, group, int(float(timer_period_sec) * 1e9), clock or self._clock,
            context=self._context, autostart=autostart, wake=self._wake_executor,
        )  # fmt: skip
        group.add_entity(timer)
        self._timers.append(timer)
        self._wake_executor()
        return timer

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        if frequency <= 0:
            raise ValueError("frequency must be > 0")
        return Rate(self.create_timer(1.0 / frequency, None, self._rate_group, clock), context=self._context)

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        group = callback_group or self._default_callback_group
        guard = GuardCondition(callback, group, self._wake_executor)
        group.add_entity(guard)
        self._guards.append(guard)
        return guard

    def destroy_publisher(self, publisher: Publisher) -> bool:
        if publisher not in self._publishers:
            return False
        self._publishers.remove(publisher)
        self._unregister(publisher._close())
        self._tell_executor_of_change()
        return True

    def destroy_subscription(self, subscription: Subscription) -> bool:
        return self._destroy_received(self._subscriptions, subscription)

    def destroy_service(self, service: Service) -> bool:
        return self._destroy_received(self._services, service)

    def destroy_client(self, client: Client) -> bool:
        return self._destroy_received(self._clients, client)

    def destroy_timer(self, timer: Timer) -> bool:
        if timer not in self._timers:
            return False
        self._timers.remove(timer)
        timer.destroy()
        return True

    def destroy_rate(self, rate: Rate) -> bool:
        rate.destroy()
        return self.destroy_timer(rate._timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        if guard not in self._guards:
            return False
        self._guards.remove(guard)
        guard.destroy()
        return True

    def destroy_node(self) -> None:
        """Destroy all entities and leave the graph."""
        if self._destroyed:
            return
        self._destroyed = True
        if (executor := self.executor) is not None:
            executor.remove_node(self)
        rosout_publishers.pop(self._logger.name, None)
        with self._graph.batch():
            for timer in list(self._timers):
                self.destroy_timer(timer)
            for guard in list(self._guards):
                self.destroy_guard_condition(guard)
            for entities in (self._subscriptions, self._services, self._clients):
                for entity in list(entities):
                    self._destroy_received(entities, entity)
            for publisher in list(self._publishers):
                self.destroy_publisher(publisher)
            self._graph.remove_node(self._entry)
        self._context.untrack_node(self)

    def _destroy_received(self, entities: list[Any], entity: Any) -> bool:
        if entity not in entities:
            return False
        entities.remove(entity)
        closed = entity._close()
        self._unregister(*([closed] if isinstance(closed, bytes) else closed))
        self._tell_executor_of_change()
        return True

    def _received_entities(self) -> list[Any]:
        """Whatever an executor waits for on the middleware."""
        events = (
            handler for endpoint in (*self._publishers, *self._subscriptions) for handler in endpoint.event_handlers
        )
        return [*self._subscriptions, *self._services, *self._clients, *events]

    def _tell_executor_of_change(self) -> None:
        if (executor := self.executor) is not None:
            executor._entities_changed()

    def _wake_executor(self) -> None:
        if (executor := self.executor) is not None:
            executor.wake()

    def _writer(self, kind: tuple[str, str], name: str, message: Any, qos: QoSProfile, identity: str) -> Any:
        full = message.definition.name
        data = f"{identity}typehash={type_hash(full)};"
        topic = name if qos.avoid_ros_namespace_conventions else _graph.mangle(kind, name)
        return self._transport.create_writer(topic, _names.wire_type(full), qos._to_wire(), data)

    def _reader(self, kind: tuple[str, str], name: str, message: Any, qos: QoSProfile, identity: str) -> Any:
        full = message.definition.name
        data = f"{identity}typehash={type_hash(full)};"
        topic = name if qos.avoid_ros_namespace_conventions else _graph.mangle(kind, name)
        return self._transport.create_reader(topic, _names.wire_type(full), qos._to_wire(), data)

    def _register(self, readers: list[bytes] | None = None, writers: list[bytes] | None = None) -> None:
        self._graph.add_endpoints(self._entry, readers or [], writers or [])
        self._tell_executor_of_change()

    def _unregister(self, *gids: bytes) -> None:
        self._graph.remove_endpoints(self._entry, gids)

    # --- names

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        return self._resolve(topic, False, only_expand)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        return self._resolve(service, True, only_expand)

    def _resolve(self, name: str, is_service: bool, only_expand: bool) -> str:
        expanded = _names.expand_name(name, self._name, self._namespace, is_service)
        if only_expand:
            return expanded
        scheme = "rosservice" if is_service else "rostopic"
        for arguments in self._arguments:
            for rule in arguments.remaps:
                if rule.source.startswith("__") or not rule.concerns(self._name, scheme):
                    continue
                if _names.expand_name(rule.source, self._name, self._namespace, is_service) == expanded:
                    return _names.expand_name(rule.target, self._name, self._namespace, is_service)
        return expanded


@contextmanager
def _closed_on_error(endpoint: Any) -> Iterator[None]:
    try:
        yield
    except Exception:
        endpoint.close()
        raise


def _require_message(msg_type: Any) -> None:
    if not (isinstance(msg_type, type) and issubclass(msg_type, Message)):
        raise AttributeError(f"{msg_type!r} is not a message class, as `from std_msgs.msg import String`")


def _require_service(srv_type: Any) -> None:
    if not all(hasattr(srv_type, half) for half in ("Request", "Response")):
        raise AttributeError(f"{srv_type!r} is not a service class, as `from std_srvs.srv import Trigger`")
