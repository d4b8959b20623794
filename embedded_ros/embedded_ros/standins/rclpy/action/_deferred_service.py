"""Services that answer when they will."""

from __future__ import annotations

from typing import Any

from ..service import Caller, Service


class DeferredService(Service):
    """A service whose callback takes the request and the function that sends the response, now or later."""

    def _answer(self, request: Any, caller: Caller) -> Any:
        return self.callback(request, lambda response: self._send(response, caller))
