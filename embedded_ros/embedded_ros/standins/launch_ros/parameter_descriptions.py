from __future__ import annotations

import os
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, get_args, get_origin

import yaml
from launch.launch_context import LaunchContext
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

# Gone when the launch is: the parameter files of its nodes.
_folder: TemporaryDirectory | None = None
_SCALARS = (bool, int, float, str)


class ParameterValue:
    """A parameter's value with its type: `value_type=str` keeps a text such as "1.0" from being read as a number.

    Arrays have a type such as `List[float]`.
    """

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        self.value = value
        self.value_type = value_type

    def evaluate(self, context: LaunchContext) -> Any:
        if self.value_type is str and not isinstance(self.value, (bool, int, float)):
            return perform_substitutions(context, normalize_to_list_of_substitutions(self.value))
        return _of_type(_evaluate(context, self.value), self.value_type)


def _of_type(value: Any, wanted: Any = None) -> Any:
    """The value if it is of the wanted type, an integer also as a float, and an array by its items."""
    if wanted is None or type(value) is wanted:
        return value
    if wanted is float and type(value) is int:
        return float(value)
    if get_origin(wanted) is list and isinstance(value, list):
        return [_of_type(item, *get_args(wanted)) for item in value]
    name = wanted.__name__ if isinstance(wanted, type) else wanted
    raise ValueError(f"parameter value {value!r} is a {type(value).__name__}, no {name}")


def parameter_of_text(text: str) -> Any:
    """The value that YAML sees in a text: `"3"` is an integer, `"[1, 2]"` a list, an empty text an empty string."""
    value = yaml.safe_load(text)
    if value is None:
        return ""
    if not isinstance(value, (*_SCALARS, list)):
        raise TypeError(
            f"parameter value '{text}' is a {type(value).__name__}; if it is meant to be a string, wrap it in "
            "launch_ros.parameter_descriptions.ParameterValue(value, value_type=str)"
        )
    return value


def evaluate_parameters(context: LaunchContext, parameters: dict[Any, Any]) -> dict[str, Any]:
    """A dictionary of parameters, nested or not, with its names and values known; nested names are joined by dots."""
    evaluated: dict[str, Any] = {}
    for key, value in parameters.items():
        name = perform_substitutions(context, normalize_to_list_of_substitutions(key))
        if isinstance(value, dict):
            nested = evaluate_parameters(context, value)
            evaluated.update({f"{name}.{inner}": inner_value for inner, inner_value in nested.items()})
        else:
            evaluated[name] = _evaluate(context, value)
    return evaluated


def _evaluate(context: LaunchContext, value: Any) -> Any:
    if isinstance(value, ParameterValue):
        return value.evaluate(context)
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, _SCALARS) for item in value):
        # A list of plain values is an array; only with a substitution among them is it a text in parts.
        numbers = all(type(item) in (int, float) for item in value)
        return [float(item) for item in value] if numbers and float in map(type, value) else list(value)
    return parameter_of_text(perform_substitutions(context, normalize_to_list_of_substitutions(value)))


def write_parameter_file(node: str, parameters: dict[str, Any]) -> str:
    """A parameter file for the nodes that match `node`, in a temporary folder; returns its path."""
    global _folder
    if _folder is None:
        _folder = TemporaryDirectory(prefix="launch_params_")
    with NamedTemporaryFile("w", dir=_folder.name, suffix=".yaml", delete=False) as file:
        yaml.safe_dump({node: {"ros__parameters": parameters}}, file, default_flow_style=False)
    return os.fspath(file.name)
