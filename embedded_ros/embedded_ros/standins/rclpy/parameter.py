"""Parameters: a name, a type and a value."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import Enum
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue

PARAMETER_SEPARATOR_STRING = "."


class Parameter:
    """`Parameter("rate", Parameter.Type.DOUBLE, 80.0)`; the type follows from the value where it is left out."""

    class Type(Enum):
        NOT_SET = ParameterType.PARAMETER_NOT_SET
        BOOL = ParameterType.PARAMETER_BOOL
        INTEGER = ParameterType.PARAMETER_INTEGER
        DOUBLE = ParameterType.PARAMETER_DOUBLE
        STRING = ParameterType.PARAMETER_STRING
        BYTE_ARRAY = ParameterType.PARAMETER_BYTE_ARRAY
        BOOL_ARRAY = ParameterType.PARAMETER_BOOL_ARRAY
        INTEGER_ARRAY = ParameterType.PARAMETER_INTEGER_ARRAY
        DOUBLE_ARRAY = ParameterType.PARAMETER_DOUBLE_ARRAY
        STRING_ARRAY = ParameterType.PARAMETER_STRING_ARRAY

        @classmethod
        def from_parameter_value(cls, parameter_value: Any) -> Parameter.Type:
            if parameter_value is None:
                return cls.NOT_SET
            if isinstance(parameter_value, bool):
                return cls.BOOL
            if isinstance(parameter_value, int):
                return cls.INTEGER
            if isinstance(parameter_value, float):
                return cls.DOUBLE
            if isinstance(parameter_value, str):
                return cls.STRING
            if isinstance(parameter_value, (list, tuple, array)):
                if all(isinstance(item, bytes) for item in parameter_value):
                    return cls.BYTE_ARRAY
                if all(isinstance(item, bool) for item in parameter_value):
                    return cls.BOOL_ARRAY
                if all(isinstance(item, int) for item in parameter_value):
                    return cls.INTEGER_ARRAY
                if all(isinstance(item, float) for item in parameter_value):
                    return cls.DOUBLE_ARRAY
                if all(isinstance(item, str) for item in parameter_value):
                    return cls.STRING_ARRAY
                raise TypeError(f"The given value {parameter_value!r} is not a list of one of the allowed types.")
            raise TypeError(f"The given value is not one of the allowed types '{parameter_value!r}'.")

        def check(self, parameter_value: Any) -> bool:
            if self is Parameter.Type.NOT_SET:
                return parameter_value is None
            single = {"BOOL": bool, "INTEGER": int, "DOUBLE": float, "STRING": str, "BYTE": bytes}
            kind = single[self.name.removesuffix("_ARRAY")]
            if not self.name.endswith("_ARRAY"):
                return isinstance(parameter_value, kind)
            return isinstance(parameter_value, (list, tuple, array)) and all(
                isinstance(item, kind) for item in parameter_value
            )

    @classmethod
    def from_parameter_msg(cls, param_msg: ParameterMessage) -> Parameter:
        """As in rclpy lists of numbers keep the message's form, `array.array`."""
        type_ = cls.Type(param_msg.value.type)
        unset = type_ is cls.Type.NOT_SET
        return cls(param_msg.name, type_, None if unset else getattr(param_msg.value, _value_field(type_)))

    def __init__(self, name: str, type_: Parameter.Type | None = None, value: Any = None) -> None:
        if type_ is None:
            type_ = self.Type.from_parameter_value(value)
        if not isinstance(type_, self.Type):
            raise TypeError("type must be an instance of `rclpy.Parameter.Type`")
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        self._name, self._type, self._value = name, type_, value

    @property
    def name(self) -> str:
        return self._name

    @property
    def type_(self) -> Parameter.Type:
        return self._type

    @property
    def value(self) -> Any:
        return self._value

    def get_parameter_value(self) -> ParameterValue:
        message = ParameterValue(type=self._type.value)
        if self._type is not self.Type.NOT_SET:
            setattr(message, _value_field(self._type), self._value)
        return message

    def to_parameter_msg(self) -> ParameterMessage:
        return ParameterMessage(name=self._name, value=self.get_parameter_value())

    def __repr__(self) -> str:
        return f"Parameter(name={self._name!r}, type_={self._type}, value={self._value!r})"


def _value_field(type_: Parameter.Type) -> str:
    return f"{type_.name.lower()}_value"


def get_parameter_value(string_value: str) -> ParameterValue:
    """The value that a text means to PyYAML (`y` and `1e3` are texts, unlike in parameter files), else the text."""
    try:
        value = yaml.safe_load(string_value)
        type_ = Parameter.Type.from_parameter_value(value)
    except (yaml.YAMLError, TypeError):
        type_ = Parameter.Type.NOT_SET
    if type_ is Parameter.Type.NOT_SET:
        value, type_ = string_value, Parameter.Type.STRING
    return Parameter("value", type_, value).get_parameter_value()


def parameter_value_to_python(parameter_value: ParameterValue) -> Any:
    type_ = Parameter.Type(parameter_value.type)
    if type_ is Parameter.Type.NOT_SET:
        return None
    value = getattr(parameter_value, _value_field(type_))
    return list(value) if isinstance(value, (array, Sequence)) and not isinstance(value, str) else value


def parameter_dict_from_yaml_file(
    parameter_file: str, use_wildcard: bool = False, target_nodes: list[str] | None = None, namespace: str = ""
) -> dict[str, ParameterMessage]:
    """Parameters of a file by name, of the nodes asked for (all where none are)."""
    from pathlib import Path

    from ._arguments import applies
    from ._parameter_yaml import read_file

    found = {}
    for pattern, name, value in read_file(Path(parameter_file)):
        wanted = not target_nodes or any(applies(pattern, node) for node in target_nodes)
        if wanted and (use_wildcard or "*" not in pattern):
            full = f"{namespace}{PARAMETER_SEPARATOR_STRING}{name}" if namespace else name
            found[full] = Parameter(full, value=value).to_parameter_msg()
    if not found:
        raise RuntimeError(f"Param file {parameter_file} has no parameters for {target_nodes or 'any node'}")
    return found
