"""A visitor of the cockpit's page without a browser: hears what viser sends, and says what viser's page would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import viser
import zstandard
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

_CAMERA = {
    "type": "ViewerCameraMessage",
    "wxyz": (1.0, 0.0, 0.0, 0.0),
    "position": (1.0, 1.0, 1.0),
    "fov": 0.8,
    "near": 0.01,
    "far": 100.0,
    "image_height": 600,
    "image_width": 800,
    "look_at": (0.0, 0.0, 0.0),
    "up_direction": (0.0, 0.0, 1.0),
}


class PageClient:
    """Connected until `close`; `heard` grows by whatever comes, and begins with all that was shown before.

    Raises InvalidStatus where the page is not opened.
    """

    def __init__(self, address: str, **headers: str) -> None:
        self._socket = connect(
            address.replace("http://", "ws://"),
            subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
            additional_headers=headers,
            compression=None,
            max_size=None,
        )
        self.heard: list[dict[str, Any]] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self.say(_CAMERA)
        self.wait_for(lambda message: message["type"] == "ReplayDoneMessage")

    def close(self) -> None:
        """Goes away, as a closed tab does."""
        self._socket.close()
        self._listening.join()

    def say(self, message: dict[str, Any]) -> None:
        """Sends one of viser's messages."""
        self._socket.send(msgspec.msgpack.encode(message))

    def click(self, label: str) -> None:
        """Presses and lifts a button."""
        self.set(label, True)

    def set(self, label: str, value: Any) -> None:
        """Changes an input."""
        self.say({"type": "GuiUpdateMessage", "uuid": self.uuid(label), "updates": {"value": value}})

    def hold(self, label: str, seconds: float) -> None:
        """Presses a button for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.say({"type": "GuiButtonHoldMessage", "uuid": self.uuid(label), "frequency": 20.0})
            time.sleep(0.05)

    def uuid(self, label: str) -> str:
        """Of the control that is called so."""
        (made,) = [m for m in self.heard if m.get("props", {}).get("label") == label and "uuid" in m]
        return made["uuid"]

    def wait_for(self, seen: Callable[[dict[str, Any]], Any], seconds: float = 20.0) -> dict[str, Any]:
        """The newest message that `seen` is true of. Raises AssertionError where none comes in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [message for message in list(self.heard) if seen(message)]
            if found:
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"not among {len(self.heard)} messages within {seconds} s")

    def _listen(self) -> None:
        try:
            for data in self._socket:
                assert isinstance(data, bytes)
                size, packed = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")
                inner = zstandard.ZstdDecompressor().decompress(data[16 : 16 + packed], max_output_size=size)
                self.heard += msgspec.msgpack.decode(inner)["messages"]
        except ConnectionClosed:
            pass
