"""Messages as text, YAML or comma-separated, in the forms that `ros2 topic echo` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from embedded_ros.cli.messages import SEQUENCE

# What `ros2 topic echo` shortens arrays, bytes and texts to.
TRUNCATE_LENGTH = 128


@dataclass(frozen=True)
class TextStyle:
    """What of a message is shown, and how.

    truncate_length: most elements of an array and characters of a text, None for all.
    no_arr, no_str: name the type and length of arrays, the length of texts, in place of their values.
    flow_style: lists on one line.
    """

    truncate_length: int | None = None
    no_arr: bool = False
    no_str: bool = False
    flow_style: bool = False


def to_yaml(message: Any, style: TextStyle = TextStyle()) -> str:
    return yaml.dump(
        _plain(message, style),
        Dumper=_Dumper,
        default_flow_style=style.flow_style,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )


class _Dumper(yaml.SafeDumper):
    """Only lists are ever written on one line, and what is in them."""


_Dumper.add_representer(
    dict, lambda dumper, fields: dumper.represent_mapping("tag:yaml.org,2002:map", fields.items(), flow_style=False)
)


def to_csv(value: Any, style: TextStyle = TextStyle(), type_name: str = "") -> str:
    if hasattr(value, "get_fields_and_field_types"):
        types = value.get_fields_and_field_types()
        return _joined(to_csv(getattr(value, name), style, types[name]) for name in types)
    if isinstance(value, str):
        return _text(value, style)
    if isinstance(value, bytes):
        return str(value)
    if not _is_array(value):
        return str(value)
    if style.no_arr and type_name:
        return _described(type_name, len(value))
    shown = [to_csv(item, style) for item in value[: style.truncate_length]]
    return _joined(shown if len(shown) == len(value) else [*shown, "..."])


def _joined(cells: Iterable[str]) -> str:
    """With a comma between, but none after what is empty so far: as `ros2` joins them."""
    line = ""
    for cell in cells:
        line += f",{cell}" if line else cell
    return line


def _plain(value: Any, style: TextStyle, type_name: str = "") -> Any:
    """A message as dictionaries, lists and scalars."""
    if hasattr(value, "get_fields_and_field_types"):
        types = value.get_fields_and_field_types()
        return {name: _plain(getattr(value, name), style, types[name]) for name in types}
    if isinstance(value, bytes):
        return _shortened("".join(map(chr, value)), style)
    if isinstance(value, str):
        return _text(value, style)
    if not _is_array(value):
        return value
    if style.no_arr and type_name:
        return _described(type_name, len(value))
    shown: Any = value[: style.truncate_length]
    items = shown.tolist() if hasattr(shown, "tolist") else [_plain(item, style) for item in shown]
    return items if len(shown) == len(value) else [*items, "..."]


def _is_array(value: Any) -> bool:
    return isinstance(value, Sequence) or hasattr(value, "tolist")


def _text(text: str, style: TextStyle) -> str:
    return f"<string length: <{len(text)}>>" if style.no_str else _shortened(text, style)


def _shortened(text: str, style: TextStyle) -> str:
    if style.truncate_length is None or len(text) <= style.truncate_length:
        return text
    return f"{text[: style.truncate_length]}..."


def _described(type_name: str, length: int) -> str:
    """ "<sequence type: double, length: 9>" for an array's values."""
    match = SEQUENCE.match(type_name)
    if match is None:
        return type_name
    element = (match["sequence"] or match["array"]).partition("<")[0].replace("/", "/msg/")
    if match["array"]:
        return f"<array type: {element}[{length}]>"
    bound = f"[{match['bound']}]" if match["bound"] else ""
    return f"<sequence type: {element}{bound}, length: {length}>"
