"""The parameter part of `Node`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import (
    ListParametersResult,
    ParameterDescriptor,
    ParameterEvent,
    ParameterType,
    SetParametersResult,
)

from ._parameter_service import within_prefix
from .exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from .parameter import PARAMETER_SEPARATOR_STRING, Parameter

OnSet = Callable[[list[Parameter]], SetParametersResult]
_TOLERANCE = 1e-6  # relative, of a float's range and step


class NodeParameters:
    """Declared parameters with their descriptors, and the callbacks that judge changes.

    `Node` gives it `_parameter_events` (a publisher), `_clock`, and its full name.
    """

    PARAM_REL_TOL = _TOLERANCE

    _parameter_events: Any
    _clock: Any
    _full_name: str

    def __init__(self, overrides: dict[str, Parameter], allow_undeclared: bool, declare_from_overrides: bool) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, ParameterDescriptor] = {}
        self._parameter_overrides = overrides
        self._allow_undeclared_parameters = allow_undeclared
        self._pre_set_callbacks: list[Callable[[list[Parameter]], list[Parameter]]] = []
        self._on_set_callbacks: list[OnSet] = []
        self._post_set_callbacks: list[Callable[[list[Parameter]], None]] = []
        if declare_from_overrides:
            for name, parameter in overrides.items():
                self.declare_parameter(name, parameter.value, ignore_override=True)

    # --- declaring

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: ParameterDescriptor | None = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare with a default (or only a `Parameter.Type`); an override of the command line or a file wins."""
        arguments = (
            (name,) if value is None and descriptor is None else (name, value, descriptor or ParameterDescriptor())
        )
        return self.declare_parameters("", [arguments], ignore_override)[0]

    def declare_parameters(
        self, namespace: str, parameters: Iterable[tuple], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare `(name[, value[, descriptor]])` tuples; names get `namespace.` in front."""
        declared = []
        for entry in parameters:
            if not 1 <= len(entry) <= 3:
                raise TypeError(f"Invalid parameter tuple {entry}; expecting length between 1 and 3")
            name = entry[0]
            if not isinstance(name, str):
                raise TypeError(f"First element {name} of parameter tuple {entry} is not a str")
            if not name:
                raise InvalidParameterException(name)
            full = f"{namespace}{PARAMETER_SEPARATOR_STRING}{name}" if namespace else name
            descriptor = entry[2] if len(entry) > 2 else ParameterDescriptor()
            if not isinstance(descriptor, ParameterDescriptor):
                raise TypeError(f"Third element {descriptor} of parameter tuple {entry} is not a ParameterDescriptor")
            if len(entry) == 1:
                warnings.warn(
                    f"declaring parameter '{full}' by its name only is deprecated: "
                    "give a default value, a type, or a descriptor with dynamic_typing=True",
                    stacklevel=3,
                )
                descriptor.dynamic_typing = True
            declared.append(self._declare(full, entry[1] if len(entry) > 1 else None, descriptor, ignore_override))
        return declared

    def _declare(self, name: str, value: Any, descriptor: ParameterDescriptor, ignore_override: bool) -> Parameter:
        if name in self._descriptors:
            raise ParameterAlreadyDeclaredException(name)
        override = None if ignore_override else self._parameter_overrides.get(name)
        if isinstance(value, Parameter.Type):
            if value is Parameter.Type.NOT_SET or descriptor.dynamic_typing:
                raise ValueError(f"Cannot declare parameter '{name}' as statically typed of type {value.name}")
            descriptor.type = value.value
            parameter = Parameter(name)
        else:
            if value is None and not descriptor.dynamic_typing:
                raise ValueError(
                    f"Cannot declare parameter '{name}' without a value: give a default, a Parameter.Type, "
                    "or a descriptor with dynamic_typing=True"
                )
            parameter = Parameter(name, value=value)
            descriptor.type = parameter.type_.value
        if override is not None:
            parameter = _as_declared(override, descriptor)
        descriptor.name = name
        if descriptor.dynamic_typing:
            descriptor.type = parameter.type_.value
        elif parameter.type_.value not in (descriptor.type, ParameterType.PARAMETER_NOT_SET):
            raise InvalidParameterTypeException(parameter, Parameter.Type(descriptor.type).name)
        if reason := _out_of_range(parameter, descriptor):
            raise InvalidParameterValueException(name, parameter.value, reason)
        result = self._judge([parameter])
        if not result.successful:
            raise InvalidParameterValueException(name, parameter.value, result.reason)
        self._descriptors[name] = descriptor
        self._parameters[name] = parameter
        self._publish_event(new=[parameter])
        for after in self._post_set_callbacks:
            after([parameter])
        return parameter

    def undeclare_parameter(self, name: str) -> None:
        if name not in self._descriptors:
            raise ParameterNotDeclaredException(name)
        if self._descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del self._descriptors[name], self._parameters[name]

    def has_parameter(self, name: str) -> bool:
        return name in self._parameters

    # --- reading

    def get_parameter(self, name: str) -> Parameter:
        parameter = self._parameters.get(name)
        if parameter is None:
            if self._allow_undeclared_parameters:
                return Parameter(name)
            raise ParameterNotDeclaredException(name)
        descriptor = self._descriptors[name]
        if parameter.type_ is Parameter.Type.NOT_SET and not descriptor.dynamic_typing:
            raise ParameterUninitializedException(name)
        return parameter

    def get_parameters(self, names: list[str]) -> list[Parameter]:
        if not all(isinstance(name, str) for name in names):
            raise TypeError("All names must be instances of type str")
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        parameter = self._parameters.get(name)
        if parameter is None or parameter.type_ is Parameter.Type.NOT_SET:
            return alternative_value if alternative_value is not None else Parameter(name)
        return parameter

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        if not prefix:
            return dict(self._parameters)
        start = prefix + PARAMETER_SEPARATOR_STRING
        return {name[len(start) :]: p for name, p in self._parameters.items() if name.startswith(start)}

    def get_parameter_type(self, name: str) -> Parameter.Type:
        if name in self._parameters:
            return self._parameters[name].type_
        if self._allow_undeclared_parameters:
            return Parameter.Type.NOT_SET
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: list[str]) -> list[Parameter.Type]:
        return [self.get_parameter_type(name) for name in names]

    def list_parameters(self, prefixes: list[str], depth: int) -> ListParametersResult:
        names = [name for name in self._parameters if within_prefix(name, prefixes, depth)]
        parents = {name.rpartition(PARAMETER_SEPARATOR_STRING)[0] for name in names} - {""}
        return ListParametersResult(names=names, prefixes=sorted(parents))

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        if name in self._descriptors:
            return self._descriptors[name]
        if self._allow_undeclared_parameters:
            return ParameterDescriptor()
        raise ParameterNotDeclaredException(name)

    def describe_parameters(self, names: list[str]) -> list[ParameterDescriptor]:
        return [self.describe_parameter(name) for name in names]

    # --- setting

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[SetParametersResult]:
        """Set one by one; a refused one does not hold the others back, an undeclared one raises where it comes."""
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: Sequence[Parameter]) -> SetParametersResult:
        """Set all or none."""
        parameters = list(parameter_list)
        if self._pre_set_callbacks:
            # Each is shown the caller's list; what they return is set together.
            parameters = [parameter for before in self._pre_set_callbacks for parameter in before(parameters)]
            if not parameters:
                return SetParametersResult(
                    successful=False, reason="parameter list cannot be empty, this might be due to a pre_set callback"
                )
        self._require_declared(parameters)
        for parameter in parameters:
            if reason := self._refusal(parameter):
                return SetParametersResult(successful=False, reason=reason)
        result = self._judge(parameters)
        if not result.successful:
            return result
        new, changed, deleted = [], [], []
        for parameter in parameters:
            if parameter.type_ is Parameter.Type.NOT_SET:
                self._parameters.pop(parameter.name, None)
                self._descriptors.pop(parameter.name, None)
                deleted.append(parameter)
                continue
            known = self._parameters.get(parameter.name)
            (new if known is None or known.type_ is Parameter.Type.NOT_SET else changed).append(parameter)
            self._parameters[parameter.name] = parameter
            descriptor = self._descriptors.setdefault(
                parameter.name, ParameterDescriptor(name=parameter.name, dynamic_typing=True)
            )
            descriptor.type = parameter.type_.value
        self._publish_event(new, changed, deleted)
        for after in self._post_set_callbacks:
            after(parameters)
        return result

    def add_pre_set_parameters_callback(self, callback: Callable[[list[Parameter]], list[Parameter]]) -> None:
        self._pre_set_callbacks.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: OnSet) -> None:
        self._on_set_callbacks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Callable[[list[Parameter]], None]) -> None:
        self._post_set_callbacks.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Callable[[list[Parameter]], list[Parameter]]) -> None:
        self._pre_set_callbacks.remove(callback)

    def remove_on_set_parameters_callback(self, callback: OnSet) -> None:
        self._on_set_callbacks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Callable[[list[Parameter]], None]) -> None:
        self._post_set_callbacks.remove(callback)

    def _require_declared(self, parameters: Sequence[Parameter]) -> None:
        if not all(isinstance(parameter, Parameter) for parameter in parameters):
            raise TypeError("parameter must be instance of type 'rclpy.parameter.Parameter'")
        undeclared = [parameter.name for parameter in parameters if parameter.name not in self._descriptors]
        if undeclared and not self._allow_undeclared_parameters:
            raise ParameterNotDeclaredException(undeclared)

    def _refusal(self, parameter: Parameter) -> str:
        """Why its descriptor refuses a value; empty where it does not."""
        descriptor = self._descriptors.get(parameter.name)
        if descriptor is None:
            return ""
        if descriptor.read_only:
            return f"Trying to set a read-only parameter: {parameter.name}."
        if not descriptor.dynamic_typing and parameter.type_.value != descriptor.type:
            if parameter.type_ is Parameter.Type.NOT_SET:
                return f"Static parameter '{parameter.name}' cannot be undeclared"
            expected = Parameter.Type(descriptor.type)
            return f"Wrong parameter type, expected '{expected}' got '{parameter.type_}'"
        return _out_of_range(parameter, descriptor)

    def _judge(self, parameters: list[Parameter]) -> SetParametersResult:
        for callback in self._on_set_callbacks:
            result = callback(parameters)
            if not result.successful:
                return result
        return SetParametersResult(successful=True)

    def _publish_event(
        self,
        new: Sequence[Parameter] = (),
        changed: Sequence[Parameter] = (),
        deleted: Sequence[Parameter] = (),
    ) -> None:
        self._parameter_events.publish(
            ParameterEvent(
                stamp=self._clock.now().to_msg(),
                node=self._full_name,
                new_parameters=[parameter.to_parameter_msg() for parameter in new],
                changed_parameters=[parameter.to_parameter_msg() for parameter in changed],
                deleted_parameters=[parameter.to_parameter_msg() for parameter in deleted],
            )
        )


_EMPTY_LIST_TYPES = {
    ParameterType.PARAMETER_BYTE_ARRAY,
    ParameterType.PARAMETER_BOOL_ARRAY,
    ParameterType.PARAMETER_INTEGER_ARRAY,
    ParameterType.PARAMETER_DOUBLE_ARRAY,
    ParameterType.PARAMETER_STRING_ARRAY,
}


def _as_declared(override: Parameter, descriptor: ParameterDescriptor) -> Parameter:
    """An empty list of a file has no element type of its own: it takes the declared one."""
    if override.value == [] and descriptor.type in _EMPTY_LIST_TYPES:
        return Parameter(override.name, Parameter.Type(descriptor.type), [])
    return override


def _out_of_range(parameter: Parameter, descriptor: ParameterDescriptor) -> str:
    value = parameter.value
    if parameter.type_ is Parameter.Type.INTEGER and descriptor.integer_range:
        limits = descriptor.integer_range[0]
        if value == limits.to_value:  # the ends are always right, whatever the step
            return ""
        if not limits.from_value <= value <= limits.to_value:
            return _range_text(parameter, limits)
        if limits.step and (value - limits.from_value) % limits.step:
            return (
                f"The parameter value for {parameter.name} is not a valid step. {_limits_text(limits)}, value: {value}"
            )
    if parameter.type_ is Parameter.Type.DOUBLE and descriptor.floating_point_range:
        limits = descriptor.floating_point_range[0]
        if any(math.isclose(value, end, rel_tol=_TOLERANCE) for end in (limits.from_value, limits.to_value)):
            return ""
        if not limits.from_value <= value <= limits.to_value:
            return _range_text(parameter, limits)
        if limits.step:
            steps = (value - limits.from_value) / limits.step
            if not math.isclose(steps, round(steps), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
                return (
                    f"The parameter value for {parameter.name} is not close enough to a valid step. "
                    f"{_limits_text(limits)}, value: {value}"
                )
    return ""


def _range_text(parameter: Parameter, limits: Any) -> str:
    return f"Parameter {parameter.name} out of range. {_limits_text(limits)}, value: {parameter.value}"


def _limits_text(limits: Any) -> str:
    step = f", Step: {limits.step}" if limits.step else ""
    return f"Min: {limits.from_value}, Max: {limits.to_value}{step}"
