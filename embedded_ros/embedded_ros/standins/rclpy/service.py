"""Service servers."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import ClosedError, Reader, Writer

from . import _service_wire
from ._dropped_samples import DroppedSamples
from .callback_groups import CallbackGroup
from .qos import QoSProfile

# A request may arrive before the caller's reply reader is discovered; a reply sent then would be lost.
_CALLER_WAIT_S = 1.0


@dataclass(frozen=True)
class Caller:
    """Whom a response goes to: the request's header, the writer that sent it and its `clientid`."""

    header: tuple[int, int]
    writer: int
    client_id: str | None


class Service:
    """Made by `Node.create_service`; the callback takes a request and a response to fill, and returns the response."""

    def __init__(
        self,
        node: Any,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        reader: Reader,
        writer: Writer,
    ) -> None:
        self._node = node
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.callback = callback
        self.callback_group = callback_group
        self.qos_profile = qos_profile
        self._reader = reader
        self._writer = writer
        self._closed = False
        self._dropped = DroppedSamples(node, f"a request to {srv_name}")

    @property
    def service_name(self) -> str:
        return self.srv_name

    def destroy(self) -> None:
        self._node.destroy_service(self)

    def _close(self) -> tuple[bytes, bytes]:
        self._closed = True
        self._reader.close()
        self._writer.close()
        return self._reader.gid, self._writer.gid

    def _may_have_work(self) -> bool:
        return not self._closed

    def _take_work(self) -> Callable[[], Any] | None:
        while not self._closed and (sample := self._reader.take()) is not None:
            try:
                header = _service_wire.read_header(sample.data)
                request = cdr.deserialize(sample.data, self.srv_type.Request, _service_wire.HEADER_SIZE)
            except (cdr.CdrError, struct.error) as error:
                self._dropped.add(error)
                continue
            writer = self._reader.matched_writer(sample.writer)
            caller = Caller(header, sample.writer, writer.user_data.get("clientid") if writer else None)
            return lambda: self._answer(request, caller)
        return None

    def _answer(self, request: Any, caller: Caller) -> Any:
        response = self.callback(request, self.srv_type.Response())
        if isawaitable(response):
            return self._answer_later(response, caller)
        self._send(response, caller)
        return None

    async def _answer_later(self, response: Any, caller: Caller) -> None:
        self._send(await response, caller)

    def _send(self, response: Any, caller: Caller) -> None:
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"the callback of service {self.srv_name} must return a {self.srv_type.__name__}.Response, "
                f"not {type(response).__name__}"
            )
        deadline = time.monotonic() + _CALLER_WAIT_S
        while not self._closed and self._not_yet_reached(caller) and time.monotonic() < deadline:
            time.sleep(0.001)
        with suppress(ClosedError):  # the service is destroyed, and has no answer to give any more
            self._writer.write(cdr.serialize(response, _service_wire.header(*caller.header)))

    def _not_yet_reached(self, caller: Caller) -> bool:
        """Whether the caller is still there, but its reply reader is not yet discovered."""
        if not caller.client_id or self._reader.matched_writer(caller.writer) is None:
            return False
        return all(reader.user_data.get("clientid") != caller.client_id for reader in self._writer.matched())
