"""What is in a bag, as `ros2 bag info` prints it."""

from __future__ import annotations

import time
from pathlib import Path

from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import Reader

from .reading import storage_files

_INDENT = " " * 19
_SERVICE_INDENT = " " * 21
_SERVICE_EVENTS = "/_service_event"


def topic_names(reader: Reader) -> list[str]:
    return [connection.topic for connection in reader.connections if not _is_service_event(connection)]


def summary(path: Path, reader: Reader) -> str:
    files = storage_files(path)
    topics = [connection for connection in reader.connections if not _is_service_event(connection)]
    services = [connection for connection in reader.connections if _is_service_event(connection)]
    # The library's end is one nanosecond after the last message.
    duration = max(0, reader.duration - 1)
    size = _size_text(sum(file.stat().st_size for file in files))
    lines = [
        "",
        f"Files:             {_column([file.name for file in files], _INDENT)}",
        f"Bag size:          {size}",
        f"Storage id:        {_storage_of(files)}",
        f"ROS Distro:        {reader.ros_distro or 'unknown'}",
        f"Duration:          {_seconds_text(duration)}s",
        f"Start:             {_time_text(reader.start_time)}",
        f"End:               {_time_text(reader.start_time + duration)}",
        f"Messages:          {sum(topic.msgcount for topic in topics)}",
        f"Topic information: {_column([_topic_text(topic) for topic in topics], _INDENT)}",
        f"Service:           {len(services)}",
        f"Service information: {_column([_service_text(service) for service in services], _SERVICE_INDENT)}",
    ]
    # `ros2` ends its list of services with an empty line.
    return "\n".join(lines) + ("\n" if services else "")


def _is_service_event(connection: Connection) -> bool:
    return connection.topic.endswith(_SERVICE_EVENTS) and connection.msgtype.endswith("_Event")


def _storage_of(files: list[Path]) -> str:
    return "sqlite3" if any(".db3" in file.suffixes for file in files) else "mcap"


def _topic_text(topic: Connection) -> str:
    return (
        f"Topic: {topic.topic} | Type: {topic.msgtype} | Count: {topic.msgcount} | "
        f"Serialization Format: {_serialization(topic)}"
    )


def _service_text(service: Connection) -> str:
    return (
        f"Service: {service.topic.removesuffix(_SERVICE_EVENTS)} | Type: {service.msgtype.removesuffix('_Event')} | "
        f"Event Count: {service.msgcount} | Serialization Format: {_serialization(service)}"
    )


def _serialization(connection: Connection) -> str:
    assert isinstance(connection.ext, ConnectionExtRosbag2)
    return connection.ext.serialization_format


def _column(lines: list[str], indent: str) -> str:
    return f"\n{indent}".join(lines)


def _size_text(size: float) -> str:
    unit, *larger = ("B", "KiB", "MiB", "GiB", "TiB")
    digits = 0
    while size >= 1024 and larger:
        size, unit, digits = size / 1024, larger.pop(0), 1
    return f"{size:.{digits}f} {unit}"


def _seconds_text(nanoseconds: int) -> str:
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"


def _time_text(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    local = time.localtime(seconds)
    return (
        f"{time.strftime('%b', local)} {local.tm_mday:2d} {time.strftime('%Y %H:%M:%S', local)}.{fraction:09d} "
        f"({_seconds_text(nanoseconds)})"
    )
