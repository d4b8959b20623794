"""Messages from a command line: types by name, fields from YAML, in the forms of `ros2`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import yaml

from embedded_ros.cli.errors import CommandError

# An array type's name, as `get_fields_and_field_types` writes it.
SEQUENCE = re.compile(r"^sequence<(?P<sequence>.+?)(, (?P<bound>\d+))?>$|^(?P<array>.+)\[\d+\]$")


def interface(name: str, kind: str) -> Any:
    """The class of `package/msg/Name` (the middle part may be left out); `kind` is "msg", "srv" or "action"."""
    parts = name.split("/")
    if len(parts) == 3 and parts[1] == kind:
        del parts[1]
    if len(parts) != 2 or not all(parts):
        raise CommandError(f"'{name}' is no type's name: expected package/{kind}/Name")
    try:
        return getattr(importlib.import_module(f"{parts[0]}.{kind}"), parts[1])
    except (ImportError, AttributeError) as error:
        raise CommandError(f"the type '{name}' is unknown here") from error


def fill(message: Any, values: Mapping[str, Any]) -> list[Callable[[Any], None]]:
    """Set a message's fields from a dictionary; CommandError names a field that does not exist or does not fit.

    Headers given as "auto" and times given as "now" stay as they are: what is returned sets these to a stamp.
    """
    types = message.get_fields_and_field_types()
    stamps: list[Callable[[Any], None]] = []
    for name, value in values.items():
        if name not in types:
            raise CommandError(f"{type(message).__name__} has no field '{name}'; it has: {', '.join(types) or 'none'}")
        if value == "now" and types[name] == "builtin_interfaces/Time":
            stamps.append(partial(setattr, message, name))
        elif value == "auto" and types[name] == "std_msgs/Header":
            stamps.append(partial(setattr, getattr(message, name), "stamp"))
        else:
            try:
                setattr(message, name, _converted(getattr(message, name), types[name], value, stamps))
            except (TypeError, ValueError, AssertionError) as error:
                raise CommandError(f"field '{name}' ({types[name]}) cannot take {value!r}: {error}") from error
    return stamps


def _converted(current: Any, type_name: str, value: Any, stamps: list[Callable[[Any], None]]) -> Any:
    if isinstance(value, Mapping):
        stamps += fill(current, value)
        return current
    if isinstance(value, list):
        match = SEQUENCE.match(type_name)
        element = "" if match is None else match["sequence"] or match["array"]
        return [_element(element, item, stamps) for item in value]
    return _scalar(type_name, value)


def _element(type_name: str, value: Any, stamps: list[Callable[[Any], None]]) -> Any:
    if not isinstance(value, Mapping):
        return _scalar(type_name, value)
    message = interface(type_name, "msg")()
    stamps += fill(message, value)
    return message


def _scalar(type_name: str, value: Any) -> Any:
    """A number for a text, an integer for a float: what YAML reads from plain text."""
    if type_name.startswith("string"):
        return str(value)
    if type_name in ("float", "double") and isinstance(value, (int, str)) and not isinstance(value, bool):
        return float(value)
    if type_name == "octet" and isinstance(value, int):
        return bytes([value])
    return value


def parse_yaml_fields(text: str) -> Mapping[str, Any]:
    """The dictionary that a command line's `{field: value}` means."""
    try:
        values = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise CommandError(f"'{text}' is no YAML: {str(error).splitlines()[0]}") from error
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise CommandError(f"'{text}' is no YAML dictionary such as \"{{field: value}}\"")
    return values
