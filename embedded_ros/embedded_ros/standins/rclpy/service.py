"""Service servers."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import Reader, Writer

from . import _service_wire
from ._dropped_samples import DroppedSamples
from .callback_groups import CallbackGroup
from .qos import QoSProfile

# A request may arrive before the caller's reply reader is discovered; a reply sent then would be lost.
_CALLER_WAIT_S = 1.0


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
            caller = self._reader.matched_writer(sample.writer)
            caller_id = caller.user_data.get("clientid") if caller else None
            return lambda: self._answer(request, header, caller_id)
        return None

    def _answer(self, request: Any, header: tuple[int, int], caller_id: str | None) -> Any:
        response = self.callback(request, self.srv_type.Response())
        if isawaitable(response):
            return self._answer_later(response, header, caller_id)
        self._send(response, header, caller_id)
        return None

    async def _answer_later(self, response: Any, header: tuple[int, int], caller_id: str | None) -> None:
        self._send(await response, header, caller_id)

    def _send(self, response: Any, header: tuple[int, int], caller_id: str | None) -> None:
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"the callback of service {self.srv_name} must return a {self.srv_type.__name__}.Response, "
                f"not {type(response).__name__}"
            )
        deadline = time.monotonic() + _CALLER_WAIT_S
        while caller_id and not self._reaches(caller_id) and time.monotonic() < deadline:
            time.sleep(0.001)
        if not self._closed:
            self._writer.write(cdr.serialize(response, _service_wire.header(*header)))

    def _reaches(self, caller_id: str) -> bool:
        return any(reader.user_data.get("clientid") == caller_id for reader in self._writer.matched())
