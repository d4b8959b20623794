"""What a `.msg` or `.srv` file says, as data, and the parser of its text.

Knows names and shapes only: classes are made in `message.py`, bytes in `cdr.py`, hashes in `type_hash.py`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

PRIMITIVES = {
    "bool", "byte", "char", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float32", "float64", "string",
}  # fmt: skip

# rosidl gives an empty message one octet, because an IDL struct must have a member.
PLACEHOLDER = "structure_needs_at_least_one_member"

_TYPE = re.compile(r"^(?P<base>[A-Za-z0-9_/]+?)(?:<=(?P<string_bound>\d+))?(?P<array>\[(?:<=)?\d*\])?$")
_CONSTANT = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>.+)$")


class InterfaceError(Exception):
    """An interface that is unknown, or a definition that cannot be read."""


@dataclass(frozen=True)
class FieldType:
    """Type of one field.

    base: a primitive's name, or the full name of a message ("std_msgs/msg/Header").
    array: "" (single value), "fixed", "bounded" or "unbounded".
    capacity: length of a fixed array, or most elements of a bounded sequence.
    string_capacity: most characters of a bounded string, 0 for none.
    """

    base: str
    array: str = ""
    capacity: int = 0
    string_capacity: int = 0

    @property
    def is_message(self) -> bool:
        return self.base not in PRIMITIVES

    def __str__(self) -> str:
        """As rclpy's `get_fields_and_field_types` writes it."""
        base = self.base.replace("/msg/", "/").replace("/srv/", "/")
        base = {"bool": "boolean", "byte": "octet", "char": "uint8", "float32": "float", "float64": "double"}.get(
            base, base
        )
        if self.string_capacity:
            base += f"<{self.string_capacity}>"
        if self.array == "fixed":
            return f"{base}[{self.capacity}]"
        if self.array == "bounded":
            return f"sequence<{base}, {self.capacity}>"
        return f"sequence<{base}>" if self.array else base


@dataclass(frozen=True)
class Field:
    name: str
    type: FieldType
    default: Any = None


@dataclass(frozen=True)
class Definition:
    """One message: full name ("pkg/msg/Name"), its fields in order, its constants."""

    name: str
    fields: tuple[Field, ...]
    constants: tuple[tuple[str, Any], ...] = ()


def with_placeholder(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return fields or (Field(PLACEHOLDER, FieldType("uint8")),)


def parse_message(text: str, name: str) -> Definition:
    """Read the text of a `.msg` file (or one half of a `.srv`); `name` is the full name of the message."""
    package = name.split("/", 1)[0]
    fields: list[Field] = []
    constants: list[tuple[str, Any]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw)
        if not line:
            continue
        type_text, *rest_of_line = line.split(None, 1)
        if not rest_of_line:
            raise InterfaceError(f"{name}: line {number}: {raw.strip()!r} has a type but no field name")
        rest = rest_of_line[0]
        field_type = _parse_type(type_text, package, f"{name}: line {number}")
        if constant := _CONSTANT.match(rest):
            constants.append((constant["name"], _value(constant["value"].strip(), field_type)))
            continue
        field_name, _, default = rest.partition(" ")
        default = default.strip()
        fields.append(Field(field_name, field_type, _value(default, field_type) if default else None))
    return Definition(name, with_placeholder(tuple(fields)), tuple(constants))


def parse_service(text: str, name: str) -> tuple[Definition, Definition]:
    """Read the text of a `.srv` file into its request and response."""
    halves = re.split(r"^---\s*$", text, flags=re.MULTILINE)
    if len(halves) != 2:
        raise InterfaceError(f"{name}: a service has one line of '---', found {len(halves) - 1}")
    return parse_message(halves[0], f"{name}_Request"), parse_message(halves[1], f"{name}_Response")


def _without_comment(line: str) -> str:
    quote = ""
    for i, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:i].strip()
    return line.strip()


def _parse_type(text: str, package: str, where: str) -> FieldType:
    match = _TYPE.match(text)
    if not match:
        raise InterfaceError(f"{where}: {text!r} is not a field type")
    base = match["base"]
    if base in ("wstring", "wchar"):
        raise InterfaceError(f"{where}: {base} is not supported; use string")
    if base not in PRIMITIVES:
        parts = base.split("/")
        if len(parts) == 1:
            # The one type that ROS allows without its package everywhere.
            parts = ["std_msgs", "Header"] if base == "Header" else [package, base]
        base = f"{parts[0]}/msg/{parts[-1]}"
    array, capacity = "", 0
    if brackets := match["array"]:
        digits = brackets.strip("[]<=")
        capacity = int(digits or 0)
        array = "bounded" if "<=" in brackets else "fixed" if digits else "unbounded"
    return FieldType(base, array, capacity, int(match["string_bound"] or 0))


def _value(text: str, field_type: FieldType) -> Any:
    if field_type.array:
        items = text.strip()[1:-1]
        single = FieldType(field_type.base)
        return [_value(item.strip(), single) for item in items.split(",") if item.strip()]
    if field_type.base == "string":
        return ast.literal_eval(text) if text[:1] in "\"'" else text
    if field_type.base == "bool":
        return text.lower() in ("true", "1")
    if field_type.base in ("float32", "float64"):
        return float(text)
    number = int(text, 0)
    return bytes([number]) if field_type.base == "byte" else number
