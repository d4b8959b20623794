"""Pieces of text that are known only when the launch runs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution


class SubstitutionFailure(Exception):
    """A substitution has no value."""


def _normalised(value: SomeSubstitutionsType) -> list[Substitution]:
    from launch.utilities import normalize_to_list_of_substitutions

    return normalize_to_list_of_substitutions(value)


def _described(parts: Iterable[Substitution]) -> str:
    return " + ".join(part.describe() for part in parts)


class TextSubstitution(Substitution):
    """Plain text."""

    def __init__(self, *, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"TextSubstitution expected 'text' to be a str, got '{type(text).__name__}'")
        self.text = text

    def perform(self, context: LaunchContext) -> str:
        return self.text

    def describe(self) -> str:
        return f"'{self.text}'"


class LaunchConfiguration(Substitution):
    """The value of a launch argument or configuration."""

    def __init__(self, variable_name: SomeSubstitutionsType, *, default: Any = None) -> None:
        self._variable_name = _normalised(variable_name)
        if default is not None and not isinstance(default, (str, Substitution, list, tuple)):
            default = str(default)
        self._default = None if default is None else _normalised(default)

    def perform(self, context: LaunchContext) -> str:
        name = "".join(context.perform_substitution(part) for part in self._variable_name)
        if name in context.launch_configurations:
            return context.launch_configurations[name]
        if self._default is None:
            raise SubstitutionFailure(f"launch configuration '{name}' does not exist")
        return "".join(context.perform_substitution(part) for part in self._default)

    def describe(self) -> str:
        return f"LaunchConfig({_described(self._variable_name)})"


class PathJoinSubstitution(Substitution):
    """Paths joined with the system's separator."""

    def __init__(self, substitutions: Iterable[str | Substitution]) -> None:
        self._components = _normalised(substitutions)

    def perform(self, context: LaunchContext) -> str:
        return os.path.join(*(context.perform_substitution(part) for part in self._components))

    def describe(self) -> str:
        return f"PathJoin('{_described(self._components)}')"


class PythonExpression(Substitution):
    """The value of a Python expression, with the named modules' contents in reach."""

    def __init__(self, expression: SomeSubstitutionsType, python_modules: Sequence[str] = ("math",)) -> None:
        self._expression = _normalised(expression)
        self._python_modules = python_modules

    def perform(self, context: LaunchContext) -> str:
        expression = "".join(context.perform_substitution(part) for part in self._expression)
        names: dict[str, Any] = {}
        for name in self._python_modules:
            module = importlib.import_module(name)
            names[name] = module
            # The default module's contents need no prefix, as in older releases of launch.
            if name == "math":
                names.update(vars(module))
        try:
            return str(eval(expression, {}, names))
        except Exception as error:
            raise SubstitutionFailure(f"python expression '{expression}': {error}") from error

    def describe(self) -> str:
        return f"PythonExpr({_described(self._expression)})"
