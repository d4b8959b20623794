"""What a `.msg`, `.srv` or `.action` file says, as data, and the parser of its text.

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
        base = re.sub("/(msg|srv|action)/", "/", self.base)
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

    @property
    def members(self) -> tuple[Field, ...]:
        """The fields that a user sees: a message without any has one on the wire alone."""
        return tuple(field for field in self.fields if field.name != PLACEHOLDER)


@dataclass(frozen=True)
class ServiceDefinition:
    """One service ("pkg/srv/Name"): its two messages, "pkg/srv/Name_Request" and "pkg/srv/Name_Response"."""

    name: str
    request: Definition
    response: Definition

    @property
    def messages(self) -> tuple[Definition, ...]:
        return self.request, self.response

    @property
    def structures(self) -> tuple[Definition, ...]:
        """All that has a type hash: the messages, the event that introspection would send, and the service."""
        calls = (_field("request", self.request, most=1), _field("response", self.response, most=1))
        event = Definition(f"{self.name}_Event", (_EVENT_INFO, *calls))
        parts = (
            _field("request_message", self.request),
            _field("response_message", self.response),
            _field("event_message", event),
        )
        return *self.messages, event, Definition(self.name, parts)


@dataclass(frozen=True)
class ActionDefinition:
    """One action ("pkg/action/Name"): the three messages of its file, and what rosidl derives from them for the wire.

    A goal is named by an id, which stands beside the user's message in all that is sent.
    """

    name: str
    goal: Definition
    result: Definition
    feedback: Definition

    @property
    def send_goal(self) -> ServiceDefinition:
        return self._service("SendGoal", (_GOAL_ID, _field("goal", self.goal)), (_ACCEPTED, _STAMP))

    @property
    def get_result(self) -> ServiceDefinition:
        return self._service("GetResult", (_GOAL_ID,), (_STATUS, _field("result", self.result)))

    @property
    def feedback_message(self) -> Definition:
        return Definition(f"{self.name}_FeedbackMessage", (_GOAL_ID, _field("feedback", self.feedback)))

    @property
    def messages(self) -> tuple[Definition, ...]:
        services = (*self.send_goal.messages, *self.get_result.messages)
        return self.goal, self.result, self.feedback, *services, self.feedback_message

    @property
    def structures(self) -> tuple[Definition, ...]:
        """All that has a type hash on the wire: the messages, and the services with their events."""
        return *self.messages, *self.send_goal.structures, *self.get_result.structures

    def _service(self, kind: str, request: tuple[Field, ...], response: tuple[Field, ...]) -> ServiceDefinition:
        name = f"{self.name}_{kind}"
        return ServiceDefinition(name, Definition(f"{name}_Request", request), Definition(f"{name}_Response", response))


def _field(name: str, message: Definition, most: int = 0) -> Field:
    return Field(name, FieldType(message.name, "bounded" if most else "", most))


_GOAL_ID = Field("goal_id", FieldType("unique_identifier_msgs/msg/UUID"))
_ACCEPTED = Field("accepted", FieldType("bool"))
_STAMP = Field("stamp", FieldType("builtin_interfaces/msg/Time"))
_STATUS = Field("status", FieldType("int8"))
_EVENT_INFO = Field("info", FieldType("service_msgs/msg/ServiceEventInfo"))


def with_placeholder(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return fields or (Field(PLACEHOLDER, FieldType("uint8")),)


def parse_message(text: str, name: str) -> Definition:
    """Read the text of a `.msg` file (or one part of another); `name` is the full name of the message."""
    package = name.split("/", 1)[0]
    fields: list[Field] = []
    constants: list[tuple[str, Any]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = without_comment(raw)
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


def parse_service(text: str, name: str) -> ServiceDefinition:
    """Read the text of a `.srv` file."""
    return ServiceDefinition(name, *_parse_parts(text, name, "a service", ("Request", "Response")))


def parse_action(text: str, name: str) -> ActionDefinition:
    """Read the text of an `.action` file."""
    return ActionDefinition(name, *_parse_parts(text, name, "an action", ("Goal", "Result", "Feedback")))


def _parse_parts(text: str, name: str, what: str, parts: tuple[str, ...]) -> list[Definition]:
    texts = re.split(r"^---\s*$", text, flags=re.MULTILINE)
    if len(texts) != len(parts):
        lines = "one line" if len(parts) == 2 else f"{len(parts) - 1} lines"
        raise InterfaceError(f"{name}: {what} has {lines} of '---', found {len(texts) - 1}")
    return [parse_message(part_text, f"{name}_{part}") for part_text, part in zip(texts, parts, strict=True)]


def without_comment(line: str) -> str:
    """A line of a definition without its comment and the space around."""
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
