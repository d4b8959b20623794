"""Finds interface definitions by name.

Order: `share/<package>/msg|srv` in the ament prefixes (AMENT_PREFIX_PATH, then the environment's prefix), then the
few standard services that this package carries, then the standard messages of rosbags' type store for ROS_DISTRO.
"""

from __future__ import annotations

import difflib
import os
from functools import cache
from pathlib import Path
from typing import Any

from ..import_hook import ament_prefixes
from .definition import Definition, Field, FieldType, InterfaceError, parse_message, parse_service, with_placeholder

_CARRIED = Path(__file__).parent / "definitions"

# rosbags drops default values; these are all that the standard messages have (geometry_msgs/Quaternion's unit).
_DEFAULTS = {("geometry_msgs/msg/Quaternion", "w"): 1.0}


@cache
def definition(name: str) -> Definition:
    """Definition of a message ("pkg/msg/Name"), or of a service's half ("pkg/srv/Name_Request")."""
    package, kind, short = name.split("/")
    if kind == "srv":
        service, _, half = short.rpartition("_")
        request, response = service_definition(f"{package}/srv/{service}")
        return request if half == "Request" else response
    for folder in _folders(package, "msg"):
        path = folder / f"{short}.msg"
        if path.is_file():
            return parse_message(path.read_text(encoding="utf-8"), name)
    if name in _typestore().fielddefs:
        return _from_rosbags(name)
    raise InterfaceError(f"message {package}/{short} is not known{_hint(package, 'msg', short)}")


@cache
def service_definition(name: str) -> tuple[Definition, Definition]:
    """Request and response definition of a service ("pkg/srv/Name")."""
    package, _, short = name.split("/")
    for folder in _folders(package, "srv"):
        path = folder / f"{short}.srv"
        if path.is_file():
            return parse_service(path.read_text(encoding="utf-8"), name)
    raise InterfaceError(f"service {package}/{short} is not known{_hint(package, 'srv', short)}")


@cache
def package_names(package: str, kind: str) -> tuple[str, ...]:
    """Short names of all messages (kind "msg") or services ("srv") of a package; empty if there are none."""
    found = {path.stem for folder in _folders(package, kind) for path in folder.glob(f"*.{kind}")}
    if kind == "msg":
        prefix = f"{package}/msg/"
        found |= {name[len(prefix) :] for name in _typestore().fielddefs if name.startswith(prefix)}
    return tuple(sorted(found))


def all_packages() -> list[str]:
    """Names of every package that has a definition."""
    found = {name.split("/", 1)[0] for name in _typestore().fielddefs}
    roots = [*(Path(prefix, "share") for prefix in ament_prefixes()), _CARRIED]
    found |= {path.parent.name for root in roots for kind in ("msg", "srv") for path in root.glob(f"*/{kind}")}
    return sorted(found)


def is_interface_package(package: str) -> bool:
    return bool(package_names(package, "msg") or package_names(package, "srv"))


def _folders(package: str, kind: str) -> list[Path]:
    folders = [Path(prefix, "share", package, kind) for prefix in ament_prefixes()]
    return [folder for folder in (*folders, _CARRIED / package / kind) if folder.is_dir()]


@cache
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    distro = os.environ.get("ROS_DISTRO", "jazzy").lower()
    store = getattr(Stores, f"ROS2_{distro.upper()}", Stores.ROS2_JAZZY)
    return get_typestore(store)


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
