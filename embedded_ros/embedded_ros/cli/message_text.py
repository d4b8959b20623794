"""Messages as text, YAML or comma-separated, in the forms that `ros2 topic echo` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    flow_style: YAML on one line.
    """

    truncate_length: int | None = None
    no_arr: bool = False
    no_str: bool = False
    flow_style: bool = False


def to_yaml(message: Any, style: TextStyle = TextStyle()) -> str:
    return yaml.safe_dump(
        _plain(message, style),
        default_flow_style=style.flow_style,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )


def to_csv(message: Any, style: TextStyle = TextStyle()) -> str:
    return ",".join(_cells(_plain(message, style)))


def _plain(value: Any, style: TextStyle, type_name: str = "") -> Any:
    """A message as dictionaries, lists and scalars."""
    if hasattr(value, "get_fields_and_field_types"):
        types = value.get_fields_and_field_types()
        return {name: _plain(getattr(value, name), style, types[name]) for name in types}
    if isinstance(value, bytes):
        return _shortened("".join(map(chr, value)), style)
    if isinstance(value, str):
        return f"<string length: <{len(value)}>>" if style.no_str else _shortened(value, style)
    if isinstance(value, Sequence) or hasattr(value, "tolist"):
        if style.no_arr and type_name:
            return _described(type_name, len(value))
        shown: Any = value[: style.truncate_length]
        items = shown.tolist() if hasattr(shown, "tolist") else [_plain(item, style) for item in shown]
        return items if len(shown) == len(value) else [*items, "..."]
    return value


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


def _cells(plain: Any) -> Iterator[str]:
    if isinstance(plain, dict):
        for value in plain.values():
            yield from _cells(value)
    elif isinstance(plain, list) and plain:
        for value in plain:
            yield from _cells(value)
    else:
        yield "" if plain == [] else str(plain)
