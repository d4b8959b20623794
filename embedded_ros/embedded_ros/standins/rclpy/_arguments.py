"""The `--ros-args` of a process: remappings, parameters, log levels."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Remap:
    """`[node:]from:=to`; `node` is empty where the rule holds for all nodes of the process."""

    node: str
    source: str
    target: str


@dataclass
class RosArguments:
    remaps: list[Remap] = field(default_factory=list)
    # (pattern of full node names, parameter name, value), in the order given: later ones win
    parameters: list[tuple[str, str, Any]] = field(default_factory=list)
    log_levels: dict[str, str] = field(default_factory=dict)  # logger name, "" for the default level
    enclave: str = "/"
    rosout: bool = True

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
            elif flag == "--log-config-file":
                _operand(flag, tokens)
            elif flag not in _IGNORED:
                raise UnknownROSArgsError(f"Found unknown ROS arguments: [{flag}]")
        return parsed

    def _add_remap(self, rule: str) -> None:
        source, separator, target = rule.partition(":=")
        if not separator or not source or not target:
            raise RCLInvalidROSArgsError(f"Couldn't parse remap rule: '-r {rule}'; write it as 'from:=to'")
        node, _, source = source.rpartition(":")
        if ":" in node or source in ("rostopic", "rosservice"):
            raise RCLInvalidROSArgsError(f"Couldn't parse remap rule: '-r {rule}'; write it as '[node:]from:=to'")
        self.remaps.append(Remap(node, source, target))

    def _add_parameter(self, rule: str) -> None:
        name, separator, value = rule.partition(":=")
        if not separator or not name:
            raise RCLInvalidROSArgsError(f"Couldn't parse parameter override rule: '-p {rule}'; write 'name:=value'")
        node, _, name = name.rpartition(":")
        try:
            self.parameters.append((node or "/**", name, _parameter_yaml.read_value(value)))
        except _parameter_yaml.ParameterYamlError as error:
            raise RCLInvalidROSArgsError(f"Couldn't parse parameter override rule: '-p {rule}': {error}") from error

    def _add_file(self, path: str) -> None:
        try:
            self.parameters += _parameter_yaml.read_file(Path(path))
        except (OSError, _parameter_yaml.ParameterYamlError) as error:
            raise RCLInvalidROSArgsError(f"Error opening YAML file {path}: {error}") from error


_IGNORED = (
    "--enable-stdout-logs",
    "--disable-stdout-logs",
    "--enable-external-lib-logs",
    "--disable-external-lib-logs",
)


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
    """Whether a parameter file's node pattern names the node: `/**` any depth, `/*` one token, a bare name anywhere."""
    wanted = ("/" + pattern.lstrip("/")).split("/")[1:]
    given = node.split("/")[1:]
    if not pattern.startswith("/") and len(wanted) == 1 and wanted[0] not in ("*", "**"):
        return given[-1] == wanted[0]
    return _match_tokens(wanted, given)


def _match_tokens(wanted: list[str], given: list[str]) -> bool:
    if not wanted:
        return not given
    if wanted[0] == "**":
        return any(_match_tokens(wanted[1:], given[i:]) for i in range(len(given) + 1))
    return bool(given) and wanted[0] in ("*", given[0]) and _match_tokens(wanted[1:], given[1:])
