"""Service clients."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import ClosedError, Reader, Writer

from . import _service_wire
from ._dropped_samples import DroppedSamples
from ._polling import wait_until
from .callback_groups import CallbackGroup
from .exceptions import InvalidHandle
from .qos import QoSProfile
from .task import Future


class Client:
    """Made by `Node.create_client`."""

    def __init__(
        self,
        node: Any,
        srv_type: Any,
        srv_name: str,
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        reader: Reader,
        writer: Writer,
    ) -> None:
        self._node = node
        self.context = node.context
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.callback_group = callback_group
        self.qos_profile = qos_profile
        self._reader = reader
        self._writer = writer
        self._closed = False
        self._lock = threading.Lock()
        self._sequence = 0
        self._calls: dict[int, Future] = {}
        self._dropped = DroppedSamples(node, f"a reply of {srv_name}")

    @property
    def service_name(self) -> str:
        return self.srv_name

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Call and wait for the response, which another thread's executor must receive; None when the time is over.

        Called from a callback of a single-threaded executor this waits for ever, as in rclpy.
        """
        done = threading.Event()
        future = self.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_sec):
            self.remove_pending_request(future)
        return future.result()

    def call_async(self, request: Any) -> Future:
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f"Expected {self.srv_type.Request}, got {type(request)}")
        future = Future(executor=self._node.executor)
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
            self._calls[sequence] = future
        future.add_done_callback(self.remove_pending_request)
        try:
            self._writer.write(cdr.serialize(request, _service_wire.header(self._writer.handle, sequence)))
        except ClosedError:
            self.remove_pending_request(future)
            raise InvalidHandle(f"cannot call {self.srv_name}: the client is destroyed") from None
        return future

    def remove_pending_request(self, future: Future) -> None:
        with self._lock:
            for sequence, waiting in list(self._calls.items()):
                if waiting is future:
                    del self._calls[sequence]

    def service_is_ready(self) -> bool:
        """Whether a server is there whose request reader and reply writer both know this client."""
        if self._closed:
            return False
        servers = {reader.user_data.get("serviceid") for reader in self._writer.matched()} - {None}
        return any(writer.user_data.get("serviceid") in servers for writer in self._reader.matched())

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is ready; False when the time-out or the context's end comes first."""
        return wait_until(self.service_is_ready, self.context, timeout_sec)

    def destroy(self) -> None:
        self._node.destroy_client(self)

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
                client, sequence = _service_wire.read_header(sample.data)
                if client != self._writer.handle:
                    continue  # another client's reply: all share one topic
                response = cdr.deserialize(sample.data, self.srv_type.Response, _service_wire.HEADER_SIZE)
            except (cdr.CdrError, struct.error) as error:
                self._dropped.add(error)
                continue
            with self._lock:
                future = self._calls.pop(sequence, None)
            if future is not None:
                return lambda: future.set_result(response)
        return None
