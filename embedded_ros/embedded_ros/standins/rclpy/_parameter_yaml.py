"""Parameter files and the values of `-p`, read as rcl reads them (its number and boolean rules are not PyYAML's)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

_TRUE = ("Y", "y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("N", "n", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_KEY = "ros__parameters"
_NO_VALUE = "there is no value; write one, or '' for an empty text"


class ParameterYamlError(ValueError):
    """YAML that holds no ROS parameters."""


def read_value(text: str) -> Any:
    node = _compose(text)
    if node is None:
        raise ParameterYamlError(_NO_VALUE)
    return _value(node)


def read_file(path: Path) -> list[tuple[str, str, Any]]:
    """(node pattern, parameter name, value) of a parameter file, in its order."""
    root = _compose(path.read_text(encoding="utf-8"))
    found: list[tuple[str, str, Any]] = []
    if root is not None:
        _walk_nodes(root, "", found)
    return found


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ParameterYamlError(" ".join(str(error).split())) from error


def _walk_nodes(node: yaml.Node, path: str, found: list[tuple[str, str, Any]]) -> None:
    if not isinstance(node, yaml.MappingNode):
        raise ParameterYamlError(f"'{path}' has a value where node names and '{_KEY}' are expected")
    for key_node, value in node.value:
        key = key_node.value
        if key == _KEY:
            if not path:
                raise ParameterYamlError(f"'{_KEY}' stands at the top; put it under a node's name or '/**'")
            _walk_parameters(value, "", path, found)
        else:
            _walk_nodes(value, f"{path.rstrip('/')}/{key.lstrip('/')}" if path else key, found)


def _walk_parameters(node: yaml.Node, prefix: str, path: str, found: list[tuple[str, str, Any]]) -> None:
    if not isinstance(node, yaml.MappingNode):
        if prefix:
            try:
                found.append((path, prefix, _value(node)))
            except ParameterYamlError as error:
                raise ParameterYamlError(f"parameter '{prefix}', {error}") from error
        return
    for key_node, value in node.value:
        name = f"{prefix}.{key_node.value}" if prefix else key_node.value
        _walk_parameters(value, name, path, found)


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        items = [_value(item) for item in node.value]
        kinds = {type(item) for item in items}
        if kinds - {bool, int, float, str} or len(kinds) > 1:
            raise ParameterYamlError(f"line {node.start_mark.line + 1}: a list must hold values of one type: {items}")
        return items
    raise ParameterYamlError(f"line {node.start_mark.line + 1}: a value cannot be a mapping")


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style in ("'", '"') or (node.tag == "tag:yaml.org,2002:str" and node.style is not None):
        return text
    if not text:
        raise ParameterYamlError(f"line {node.start_mark.line + 1}: {_NO_VALUE}")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text.lower().lstrip("+-") in (".nan", ".inf"):
        return float(text.lower().replace(".", "")) if "nan" not in text.lower() else math.nan
    for convert in (lambda t: int(t, 0), int, float):
        if "_" not in text:
            try:
                return convert(text)
            except ValueError:
                pass
    return text
