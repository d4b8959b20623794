"""An MCAP file of ROS 2 messages that carries their definitions, so that it opens wherever no ROS is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from rclpy.serialization import serialize_message
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sdm_core.errors import DatasetError


class McapFile:
    """A context manager; the file appears whole at its end, and not at all where it ends in an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._room = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
        self._writer = Writer(
            Path(self._room.name) / "bag", version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP
        )
        self._types = get_typestore(Stores.ROS2_JAZZY)
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> McapFile:
        self._writer.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._writer.close()
            if error is None:
                (file,) = Path(self._room.name).glob("bag/*.mcap")
                file.replace(self._path)
        except OSError as failure:
            raise DatasetError(f"{self._path}: {failure.strerror}; nothing is written") from None
        finally:
            self._room.cleanup()

    def write(self, topic: str, message: Any, stamp_ns: int) -> None:
        """A standard message that was received at a time (ns); the topic is in the root's namespace."""
        topic = "/" + topic.removeprefix("/")
        if topic not in self._connections:
            kind = type(message)
            name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
            self._connections[topic] = self._writer.add_connection(topic, name, typestore=self._types)
        self._writer.write(self._connections[topic], stamp_ns, serialize_message(message))
