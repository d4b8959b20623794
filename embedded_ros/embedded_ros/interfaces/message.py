"""Message classes: keyword constructor, defaults, and a setter per field that refuses a wrong type.

They behave as the classes that rosidl generates: numeric sequences are `array.array`, fixed numeric arrays numpy
arrays, a refused value raises AssertionError, and `float64` fields take floats only (not ints).
"""

from __future__ import annotations

import array
import sys
from collections.abc import Callable, Sequence, Set
from functools import cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from .definition import Definition, Field, FieldType, InterfaceError
from .registry import action_definition, definition, package_names, service_definition

# The struct and array code of each number type, and its numpy name.
NUMBER_CODES = {
    "int8": "b", "uint8": "B", "char": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
}  # fmt: skip
_FLOAT32_MAX = 3.402823466e38


class Message:
    """Base of all message classes; one slot `_name` and one checked property `name` a field."""

    __slots__ = ()
    definition: ClassVar[Definition]
    _defaults: ClassVar[tuple[tuple[str, Callable[[], Any]], ...]]
    _field_names: ClassVar[frozenset[str]]

    def __init__(self, **kwargs: Any) -> None:
        if unknown := kwargs.keys() - self._field_names:
            raise AssertionError(
                f"Invalid arguments passed to constructor: {', '.join(sorted(unknown))} "
                f"({self.definition.name} has {', '.join(f.name for f in self.definition.members) or 'no field'})"
            )
        for name, default in self._defaults:
            if name in kwargs:
                setattr(self, name, kwargs[name])
            else:
                setattr(self, "_" + name, default())

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        return {field.name: str(field.type) for field in cls.definition.members}

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in self.definition.fields)

    __hash__ = None  # type: ignore[assignment]  # messages are mutable

    def __repr__(self) -> str:
        fields = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in self.definition.members)
        return f"{type(self).__module__}.{type(self).__name__}({fields})"


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b))
    return a == b


@cache
def message_class(name: str) -> type[Any]:
    """The class of a message ("pkg/msg/Name"), or of a service's or action's part; one class a name."""
    of = definition(name)
    package, kind, short = name.split("/")
    body: dict[str, Any] = {
        "__slots__": tuple(f"_{field.name}" for field in of.fields),
        "__module__": f"{package}.{kind}",
        "__doc__": f"Message {name}.",
        "definition": of,
        "_defaults": tuple((field.name, _default_factory(field)) for field in of.fields),
        "_field_names": frozenset(field.name for field in of.members),
        **dict(of.constants),
    }
    for field in of.fields:
        body[field.name] = _field_property(field)
    return type(short, (Message,), body)


@cache
def service_class(name: str) -> type:
    """The class of a service ("pkg/srv/Name"), with its `Request` and `Response` message classes."""
    service = service_definition(name)
    return _container(
        name,
        "Service",
        service_name=name,
        Request=message_class(service.request.name),
        Response=message_class(service.response.name),
    )


@cache
def action_class(name: str) -> type:
    """The class of an action ("pkg/action/Name"): its three messages, and in `Impl` all that goes over the wire."""
    action = action_definition(name)
    return _container(
        name,
        "Action",
        Goal=message_class(action.goal.name),
        Result=message_class(action.result.name),
        Feedback=message_class(action.feedback.name),
        Impl=_container(
            f"{name}_Impl",
            "What goes over the wire of action",
            SendGoalService=service_class(f"{name}_SendGoal"),
            GetResultService=service_class(f"{name}_GetResult"),
            FeedbackMessage=message_class(action.feedback_message.name),
            CancelGoalService=service_class("action_msgs/srv/CancelGoal"),
            GoalStatusMessage=message_class("action_msgs/msg/GoalStatusArray"),
        ),
    )


def _container(name: str, what: str, **members: Any) -> type:
    """A class that only holds the classes of its messages."""
    package, kind, short = name.split("/")
    return type(short, (), {"__module__": f"{package}.{kind}", "__doc__": f"{what} {name}.", **members})


def interface_module(package: str, kind: str, module: ModuleType) -> None:
    """Give a module `package.kind` ("msg", "srv" or "action") its classes, made when first asked for."""
    names = package_names(package, kind)
    make = {"msg": message_class, "srv": service_class, "action": action_class}[kind]

    def __getattr__(short: str) -> Any:
        if short in names:
            made = make(f"{package}/{kind}/{short}")
        elif short.split("_", 1)[0] in names:  # a part, such as Trigger_Request
            made = _part_class(f"{package}/{kind}/{short}")
        else:
            raise AttributeError(f"module {package}.{kind} has no {short}; it has {', '.join(names)}")
        setattr(sys.modules[f"{package}.{kind}"], short, made)
        return made

    module.__dict__.update(__getattr__=__getattr__, __dir__=lambda: list(names), __all__=list(names))


def _part_class(name: str) -> type:
    try:
        return message_class(name)
    except InterfaceError as error:
        raise AttributeError(str(error)) from error


def _default_factory(field: Field) -> Callable[[], Any]:
    kind, given = field.type, field.default
    if kind.array:
        if kind.base in NUMBER_CODES and kind.array == "fixed":
            dtype = _numpy_type(kind.base)
            values = given if given is not None else [0] * kind.capacity
            return lambda: np.array(values, dtype)
        if kind.base in NUMBER_CODES:
            code = NUMBER_CODES[kind.base]
            return lambda: array.array(code, given or ())
        if given is not None:
            return lambda: list(given)
        if kind.array == "fixed":
            element = _default_factory(Field(field.name, FieldType(kind.base)))
            return lambda: [element() for _ in range(kind.capacity)]
        return list
    if kind.is_message:
        return message_class(kind.base)
    value = given if given is not None else _zero(kind.base)
    return lambda: value


def _zero(base: str) -> Any:
    if base == "string":
        return ""
    if base == "bool":
        return False
    if base == "byte":
        return b"\x00"
    return 0.0 if base.startswith("float") else 0


def _numpy_type(base: str) -> np.dtype:
    return np.dtype("uint8" if base == "char" else base)


def _field_property(field: Field) -> property:
    slot = f"_{field.name}"
    convert = _converter(field)

    def get(self: Message) -> Any:
        return getattr(self, slot)

    def set_(self: Message, value: Any) -> None:
        setattr(self, slot, convert(value))

    return property(get, set_)


def _converter(field: Field) -> Callable[[Any], Any]:
    """A function from an assigned value to the stored one; AssertionError where the value does not fit."""
    if not field.type.array:
        return _single_check(field.name, field.type)
    if field.type.base in NUMBER_CODES:
        return _fixed_numbers(field) if field.type.array == "fixed" else _number_sequence(field)
    return _object_sequence(field)


def _refuse(name: str, wanted: str, value: Any) -> AssertionError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return AssertionError(f"The '{name}' field must be {wanted}, not {type(value).__name__} {shown}")


def _single_check(name: str, kind: FieldType) -> Callable[[Any], Any]:
    if kind.is_message:
        wanted_class = message_class(kind.base)
        text = f"a sub message of type '{kind.base.split('/')[-1]}'"

        def message(value: Any) -> Any:
            if not isinstance(value, wanted_class):
                raise _refuse(name, text, value)
            return value

        return message

    if kind.base in ("int8", "uint8", "char", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        info = np.iinfo(_numpy_type(kind.base))
        low, high = int(info.min), int(info.max)

        def integer(value: Any) -> Any:
            if not isinstance(value, int):
                raise _refuse(name, "of type 'int'", value)
            if not low <= value <= high:
                raise _refuse(name, f"an integer in [{low}, {high}]", value)
            return value

        return integer

    if kind.base in ("float32", "float64"):
        single = kind.base == "float32"

        def number(value: Any) -> Any:
            if not isinstance(value, float):
                raise _refuse(name, "of type 'float'", value)
            if single and _FLOAT32_MAX < abs(value) < float("inf"):
                raise _refuse(name, "a float within float32's range", value)
            return value

        return number

    wanted = {"string": str, "bool": bool, "byte": (bytes, memoryview)}[kind.base]
    text = {"string": "of type 'str'", "bool": "of type 'bool'", "byte": "one byte of type 'bytes'"}[kind.base]

    def value_of(value: Any) -> Any:
        if not isinstance(value, wanted) or (kind.base == "byte" and len(value) != 1):
            raise _refuse(name, text, value)
        if kind.string_capacity and len(value) > kind.string_capacity:
            raise _refuse(name, f"at most {kind.string_capacity} characters", value)
        return value

    return value_of


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (Sequence, Set, array.array)) and not isinstance(value, str)


def _fixed_numbers(field: Field) -> Callable[[Any], Any]:
    dtype, size = _numpy_type(field.type.base), field.type.capacity
    check = _single_check(field.name, FieldType(field.type.base))
    wanted = f"{size} values of {dtype.name}"

    def convert(value: Any) -> np.ndarray:
        if isinstance(value, np.ndarray):
            if value.dtype != dtype or value.size != size:
                raise AssertionError(
                    f"The '{field.name}' field must be {wanted}, not {value.size} of {value.dtype.name}"
                )
            return value
        if not _is_sequence(value) or len(value) != size:
            raise _refuse(field.name, wanted, value)
        return np.array([check(item) for item in value], dtype)

    return convert


def _number_sequence(field: Field) -> Callable[[Any], Any]:
    code, capacity = NUMBER_CODES[field.type.base], field.type.capacity
    check = _single_check(field.name, FieldType(field.type.base))
    wanted = f"a sequence of {field.type.base}" + (f", at most {capacity}" if capacity else "")

    def convert(value: Any) -> array.array:
        if isinstance(value, np.ndarray):
            raise AssertionError(
                f"The '{field.name}' field must be {wanted}, not a numpy array: "
                f"assign array.array('{code}', value.tobytes()) or value.tolist()"
            )
        if not _is_sequence(value) or (capacity and len(value) > capacity):
            raise _refuse(field.name, wanted, value)
        if isinstance(value, array.array):
            if value.typecode != code:
                raise AssertionError(
                    f"The '{field.name}' array.array must have typecode '{code}', not '{value.typecode}'"
                )
            return value
        if code == "B" and isinstance(value, (bytes, bytearray)):
            return array.array("B", value)
        return array.array(code, [check(item) for item in value])

    return convert


def _object_sequence(field: Field) -> Callable[[Any], Any]:
    kind = field.type
    check = _single_check(field.name, FieldType(kind.base, string_capacity=kind.string_capacity))
    bound = {"": "", "unbounded": "", "bounded": f", at most {kind.capacity}", "fixed": f" of {kind.capacity}"}
    wanted = f"a sequence of {kind.base.split('/')[-1]}{bound[kind.array]}"

    def convert(value: Any) -> Any:
        fits = _is_sequence(value) and (
            len(value) == kind.capacity if kind.array == "fixed" else not kind.capacity or len(value) <= kind.capacity
        )
        if not fits:
            raise _refuse(field.name, wanted, value)
        for item in value:
            check(item)
        return value

    return convert
