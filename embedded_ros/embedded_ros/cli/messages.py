"""Messages as text: types by name, values to and from YAML, in the forms of `ros2`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from embedded_ros.cli.errors import CommandError

# Beyond this many elements `ros2 topic echo` shortens an array, beyond as many characters a text.
TRUNCATE_LENGTH = 128
_SEQUENCE = re.compile(r"^sequence<(?P<element>[^,>]+)(,\s*\d+)?>$|^(?P<array>[^\[]+)\[\d+\]$")


def interface(name: str, kind: str) -> Any:
    """The class of `package/msg/Name` (the middle part may be left out); `kind` is "msg" or "srv"."""
    parts = name.split("/")
    if len(parts) == 3 and parts[1] == kind:
        del parts[1]
    if len(parts) != 2 or not all(parts):
        raise CommandError(f"'{name}' is no type's name: expected package/{kind}/Name")
    try:
        return getattr(importlib.import_module(f"{parts[0]}.{kind}"), parts[1])
    except (ImportError, AttributeError) as error:
        raise CommandError(f"the type '{name}' is unknown here") from error


def to_plain(value: Any, truncate: int | None = None) -> Any:
    """A message as dictionaries, lists and scalars; long arrays and texts are shortened to `truncate`."""
    if hasattr(value, "get_fields_and_field_types"):
        return {name: to_plain(getattr(value, name), truncate) for name in value.get_fields_and_field_types()}
    if isinstance(value, str):
        return value if truncate is None or len(value) <= truncate else f"{value[:truncate]}..."
    if isinstance(value, (bytes, Sequence)) or hasattr(value, "tolist"):
        shown: Any = value if truncate is None else value[:truncate]
        items = shown.tolist() if hasattr(shown, "tolist") else [to_plain(item, truncate) for item in shown]
        return items if len(shown) == len(value) else [*items, "..."]
    return value


def to_yaml(message: Any, truncate: int | None = None) -> str:
    return yaml.safe_dump(
        to_plain(message, truncate), default_flow_style=False, sort_keys=False, allow_unicode=True, width=float("inf")
    )


def fill(message: Any, values: Mapping[str, Any]) -> None:
    """Set a message's fields from a dictionary; CommandError names a field that does not exist or does not fit."""
    types = message.get_fields_and_field_types()
    for name, value in values.items():
        if name not in types:
            raise CommandError(f"{type(message).__name__} has no field '{name}'; it has: {', '.join(types) or 'none'}")
        try:
            setattr(message, name, _converted(getattr(message, name), types[name], value))
        except (TypeError, ValueError, AssertionError) as error:
            raise CommandError(f"field '{name}' ({types[name]}) cannot take {value!r}: {error}") from error


def _converted(current: Any, type_name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        fill(current, value)
        return current
    if isinstance(value, list):
        match = _SEQUENCE.match(type_name)
        element = "" if match is None else match["element"] or match["array"]
        return [_element(element, item) if isinstance(item, Mapping) else item for item in value]
    # A number for a text, an integer for a float: what YAML reads from plain text.
    if type_name.startswith("string"):
        return str(value)
    return float(value) if isinstance(current, float) else value


def _element(type_name: str, value: Mapping[str, Any]) -> Any:
    message = interface(type_name, "msg")()
    fill(message, value)
    return message


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
