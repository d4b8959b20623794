"""The `--ros-args` of a process: remappings, parameters, log levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _parameter_yaml
from .exceptions import RCLError


class RCLInvalidROSArgsError(RCLError):
    """An argument after `--ros-args` that cannot be read."""


class UnknownROSArgsError(RCLError):
    """An argument after `--ros-args` that ROS does not have."""


_REMAP = re.compile(r"(?:(?P<node>\w+):(?!//))?(?:(?P<scheme>rostopic|rosservice)://)?(?P<source>[^:]+)")


@dataclass(frozen=True)
class Remap:
    """`[node:][rostopic://|rosservice://]from:=to`; without a part the rule holds for all nodes, for both kinds."""

    node: str
    scheme: str
    source: str
    target: str

    def concerns(self, node: str, scheme: str = "") -> bool:
        return self.node in ("", node) and self.scheme in ("", scheme)


@dataclass
class RosArguments:
    remaps: list[Remap] = field(default_factory=list)
    # Pattern of full node names → parameters. Later patterns win; one that comes again keeps its place, as in rcl.
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    log_levels: dict[str, str] = field(default_factory=dict)  # logger name, "" for the default level
    enclave: str = "/"
    rosout: bool = True
    console: bool = True

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> RosArguments:
        parsed = cls()
        tokens = _only_ros(arguments)
        for flag in tokens:
            if flag in ("-r", "--remap"):
                parsed._add_remap(_operand(flag, tokens))
            elif flag in ("-p", "--param"):
                parsed._add_parameter(_operand(flag, tokens))
            elif flag == "--params-file":
                parsed._add_file(_operand(flag, tokens))
            elif flag == "--log-level":
                logger, _, level = _operand(flag, tokens).rpartition(":=")
                parsed.log_levels[logger] = level
            elif flag in ("-e", "--enclave"):
                parsed.enclave = _operand(flag, tokens)
            elif flag in ("--enable-rosout-logs", "--disable-rosout-logs"):
                parsed.rosout = flag.startswith("--enable")
            elif flag in ("--enable-stdout-logs", "--disable-stdout-logs"):
                parsed.console = flag.startswith("--enable")
            elif flag == "--log-config-file":
                _operand(flag, tokens)
            elif flag not in _IGNORED:
                raise UnknownROSArgsError(f"Found unknown ROS arguments: [{flag}]")
        return parsed

    def _add_remap(self, rule: str) -> None:
        source, _, target = rule.partition(":=")
        parts = _REMAP.fullmatch(source)
        if parts is None or not target:
            raise RCLInvalidROSArgsError(f"Couldn't parse remap rule: '-r {rule}'; write it as '[node:]from:=to'")
        self.remaps.append(Remap(parts["node"] or "", parts["scheme"] or "", parts["source"], target))

    def _add_parameter(self, rule: str) -> None:
        name, separator, value = rule.partition(":=")
        if not separator or not name:
            raise RCLInvalidROSArgsError(f"Couldn't parse parameter override rule: '-p {rule}'; write 'name:=value'")
        node, _, name = name.rpartition(":")
        try:
            self._set_parameter(node or "/**", name, _parameter_yaml.read_value(value))
        except _parameter_yaml.ParameterYamlError as error:
            raise RCLInvalidROSArgsError(f"Couldn't parse parameter override rule: '-p {rule}': {error}") from error

    def _add_file(self, path: str) -> None:
        try:
            for pattern, name, value in _parameter_yaml.read_file(Path(path)):
                self._set_parameter(pattern, name, value)
        except (OSError, _parameter_yaml.ParameterYamlError) as error:
            raise RCLInvalidROSArgsError(f"Error opening YAML file {path}: {error}") from error

    def _set_parameter(self, pattern: str, name: str, value: Any) -> None:
        self.parameters.setdefault(pattern, {})[name] = value


_IGNORED = ("--enable-external-lib-logs", "--disable-external-lib-logs")  # there are no log files


def _only_ros(arguments: Sequence[str]) -> Iterator[str]:
    """What stands between `--ros-args` and `--` (or the end)."""
    inside = False
    for argument in arguments:
        if argument == "--ros-args":
            inside = True
        elif inside and argument == "--":
            inside = False
        elif inside:
            yield argument


def _operand(flag: str, tokens: Iterator[str]) -> str:
    value = next(tokens, None)
    if value is None:
        raise RCLInvalidROSArgsError(f"Couldn't parse trailing {flag} flag: it needs a value")
    return value


def without_ros_arguments(arguments: Sequence[str]) -> list[str]:
    rest, inside = [], False
    for argument in arguments:
        if argument == "--ros-args":
            inside = True
        elif inside and argument == "--":
            inside = False
        elif not inside:
            rest.append(argument)
    return rest


def applies(pattern: str, node: str) -> bool:
    """Whether a parameter file's node pattern is the node's full name: `/**` stands for any tokens, `/*` for one."""
    return _match_tokens(pattern.lstrip("/").split("/"), node.split("/")[1:])


def _match_tokens(wanted: list[str], given: list[str]) -> bool:
    if not wanted:
        return not given
    if wanted[0] == "**":
        return any(_match_tokens(wanted[1:], given[i:]) for i in range(len(given) + 1))
    return bool(given) and wanted[0] in ("*", given[0]) and _match_tokens(wanted[1:], given[1:])
