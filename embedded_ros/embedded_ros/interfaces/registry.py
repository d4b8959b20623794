"""Finds interface definitions by name.

Order: `share/<package>/msg|srv|action` in the ament prefixes (AMENT_PREFIX_PATH, then the environment's prefix), then
the definitions that this package carries (Jazzy's in `definitions/`, under `distributions/` what others have
otherwise), then the standard messages of rosbags' type store for ROS_DISTRO. Unset, ROS_DISTRO means Jazzy.
"""

from __future__ import annotations

import difflib
import os
from functools import cache
from pathlib import Path
from typing import Any

from ..import_hook import INTERFACE_KINDS, ament_prefixes
from .definition import (
    ActionDefinition,
    Definition,
    Field,
    FieldType,
    InterfaceError,
    ServiceDefinition,
    parse_action,
    parse_message,
    parse_service,
    with_placeholder,
)

_HERE = Path(__file__).parent

# Where the definitions lie that a distribution has otherwise than Jazzy.
_CHANGES = {"humble": "humble", "kilted": "since_kilted", "lyrical": "since_kilted"}

# rosbags drops default values; these are all that the standard messages have.
_DEFAULTS = {("geometry_msgs/msg/Quaternion", "w"): 1.0, ("sensor_msgs/msg/NavSatStatus", "status"): -2}


@cache
def definition(name: str) -> Definition:
    """Definition of a message ("pkg/msg/Name"), or of a part of a service or action ("pkg/srv/Name_Request")."""
    package, kind, short = name.split("/")
    if kind != "msg":
        return _part(name)
    if (text := _text(package, "msg", short)) is not None:
        return parse_message(text, name)
    if name in _typestore().fielddefs:
        return _from_rosbags(name)
    raise InterfaceError(f"message {package}/{short} is not known{_hint(package, 'msg', short)}")


@cache
def service_definition(name: str) -> ServiceDefinition:
    """Definition of a service ("pkg/srv/Name"), or of one of an action's ("pkg/action/Name_SendGoal")."""
    package, kind, short = name.split("/")
    if kind == "action":
        action, _, service = name.rpartition("_")
        of = action_definition(action)
        return {"SendGoal": of.send_goal, "GetResult": of.get_result}[service]
    if (text := _text(package, "srv", short)) is None:
        raise InterfaceError(f"service {package}/{short} is not known{_hint(package, 'srv', short)}")
    return parse_service(text, name)


@cache
def action_definition(name: str) -> ActionDefinition:
    """Definition of an action ("pkg/action/Name")."""
    package, _, short = name.split("/")
    if (text := _text(package, "action", short)) is None:
        raise InterfaceError(f"action {package}/{short} is not known{_hint(package, 'action', short)}")
    return parse_action(text, name)


@cache
def structure(name: str) -> Definition:
    """What the type hash of a name covers: besides messages, services and their events have one."""
    return definition(name) if name.split("/")[1] == "msg" else _named(name, _owner(name).structures)


def _part(name: str) -> Definition:
    return _named(name, _owner(name).messages)


def _owner(name: str) -> ServiceDefinition | ActionDefinition:
    """The service or action whose name a part's name begins with; it has no underscore of its own."""
    package, kind, short = name.split("/")
    owner = f"{package}/{kind}/{short.split('_', 1)[0]}"
    return service_definition(owner) if kind == "srv" else action_definition(owner)


def _named(name: str, of: tuple[Definition, ...]) -> Definition:
    for found in of:
        if found.name == name:
            return found
    raise InterfaceError(f"{name} is no message; there are {', '.join(message.name for message in of)}")


def _text(package: str, kind: str, short: str) -> str | None:
    """The text of a definition file; None where there is none."""
    for folder in _folders(package, kind):
        path = folder / f"{short}.{kind}"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def message_text(name: str) -> str:
    """The text that defines a message ("pkg/msg/Name"), service or action, without those of what it is made of."""
    package, kind, short = name.split("/")
    if (text := _text(package, kind, short)) is not None:
        return text
    if name in _typestore().fielddefs:
        text, _ = _typestore().generate_msgdef(name, ros_version=2)
        return text.partition("=" * 80)[0]
    what = {"msg": "message", "srv": "service"}.get(kind, kind)
    raise InterfaceError(f"{what} {package}/{short} is not known{_hint(package, kind, short)}")


@cache
def package_names(package: str, kind: str) -> tuple[str, ...]:
    """Short names of all messages (kind "msg"), services ("srv") or actions of a package; empty if there are none."""
    found = {path.stem for folder in _folders(package, kind) for path in folder.glob(f"*.{kind}")}
    if kind == "msg":
        prefix = f"{package}/msg/"
        found |= {name[len(prefix) :] for name in _typestore().fielddefs if name.startswith(prefix)}
    return tuple(sorted(found))


def all_packages() -> list[str]:
    """Names of every package that has a definition."""
    found = {name.split("/", 1)[0] for name in _typestore().fielddefs}
    found |= {path.parent.name for root in _roots() for kind in INTERFACE_KINDS for path in root.glob(f"*/{kind}")}
    return sorted(found)


def is_interface_package(package: str) -> bool:
    return any(package_names(package, kind) for kind in INTERFACE_KINDS)


def _folders(package: str, kind: str) -> list[Path]:
    folders = (root / package / kind for root in _roots())
    return [folder for folder in folders if folder.is_dir()]


def _roots() -> list[Path]:
    """Where packages lie; the first that has a definition wins."""
    roots = [Path(prefix, "share") for prefix in ament_prefixes()]
    if (changes := _CHANGES.get(distribution())) is not None:
        roots.append(_HERE / "distributions" / changes)
    return [*roots, _HERE / "definitions"]


def distribution() -> str:
    """The ROS 2 whose messages are meant, by its lower-case name."""
    return os.environ.get("ROS_DISTRO", "jazzy").lower()


@cache
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(getattr(Stores, f"ROS2_{distribution().upper()}", Stores.ROS2_JAZZY))


def _from_rosbags(name: str) -> Definition:
    constants, fields = _typestore().fielddefs[name]
    return Definition(
        name,
        with_placeholder(
            tuple(Field(field, _rosbags_type(described), _DEFAULTS.get((name, field))) for field, described in fields)
        ),
        tuple((constant, bytes([value]) if base == "byte" else value) for constant, base, value in constants),
    )


def _rosbags_type(described: Any) -> FieldType:
    node, content = described
    if node.name == "NAME":
        return FieldType(content)
    if node.name == "BASE":
        base, capacity = content
        return FieldType(base, string_capacity=capacity)
    inner, size = content
    element = _rosbags_type(inner)
    array = "fixed" if node.name == "ARRAY" else "bounded" if size else "unbounded"
    return FieldType(element.base, array, size, element.string_capacity)


def _hint(package: str, kind: str, short: str) -> str:
    names = package_names(package, kind)
    if not names:
        searched = ", ".join(ament_prefixes())
        return f": no share/{package}/{kind} under {searched}; install the package or set AMENT_PREFIX_PATH"
    near = difflib.get_close_matches(short, names, 3, 0.0)
    return f"; {package} has {', '.join(near)}{', …' if len(names) > len(near) else ''}"
