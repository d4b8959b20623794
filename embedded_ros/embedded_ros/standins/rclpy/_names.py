"""Names of nodes, topics and services: the rules they obey, how they are expanded, and their form on the wire."""

from __future__ import annotations

import re

from .exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
    NameValidationException,
)

_ALLOWED = re.compile(r"[A-Za-z0-9_/~{}]")
_SUBSTITUTION = re.compile(r"\{([^{}]*)\}")


def validate_node_name(name: str) -> None:
    if not name:
        raise InvalidNodeNameException(name, "node name must not be empty", 0)
    if bad := re.search(r"[^A-Za-z0-9_]", name):
        message = "node name must not contain characters other than alphanumerics or '_'"
        raise InvalidNodeNameException(name, message, bad.start())
    if name[0].isdigit():
        raise InvalidNodeNameException(name, "node name must not start with a number", 0)


def validate_namespace(namespace: str) -> None:
    if not namespace.startswith("/"):
        raise InvalidNamespaceException(namespace, "namespace must be absolute, it must lead with a '/'", 0)
    if namespace != "/":
        _check_tokens(namespace, "namespace", InvalidNamespaceException)


def _check_tokens(name: str, what: str, error: type[NameValidationException]) -> None:
    if bad := re.search(r"[^A-Za-z0-9_/]", name):
        message = f"{what} must not contain characters other than alphanumerics, '_', or '/'"
        raise error(name, message, bad.start())  # type: ignore[call-arg]
    if name.endswith("/"):
        raise error(name, f"{what} must not end with a '/'", len(name) - 1)  # type: ignore[call-arg]
    if (double := name.find("//")) >= 0:
        raise error(name, f"{what} must not contain repeated '/'", double)  # type: ignore[call-arg]
    if digit := re.search(r"/[0-9]", name):
        raise error(name, f"{what} token must not start with a number", digit.start() + 1)  # type: ignore[call-arg]


def expand_name(name: str, node_name: str, namespace: str, is_service: bool = False) -> str:
    """Absolute name of a topic or service as a node writes it: relative, absolute, or private (`~/…`)."""
    what, error = (
        ("service name", InvalidServiceNameException) if is_service else ("topic name", InvalidTopicNameException)
    )
    if not name:
        raise error(name, f"{what} must not be empty string", 0)
    for i, char in enumerate(name):
        if not _ALLOWED.match(char):
            raise error(
                name, f"{what} must not contain characters other than alphanumerics, '_', '~', '{{', or '}}'", i
            )
    if name[0].isdigit():
        raise error(name, f"{what} token must not start with a number", 0)
    if "~" in name[1:] or (name.startswith("~") and name[1:2] not in ("", "/")):
        raise error(name, "'~' must come first and be followed by '/'", max(name.find("~", 1), 0))
    base = namespace.rstrip("/")
    expanded = _SUBSTITUTION.sub(
        lambda match: {"node": node_name, "ns": base, "namespace": base}.get(match[1], match[0]), name
    )
    if expanded.startswith("~"):
        expanded = f"{base}/{node_name}{expanded[1:]}"
    elif not expanded.startswith("/"):
        expanded = f"{base}/{expanded}"
    _check_tokens(expanded, what, error)
    return expanded


def full_node_name(node_name: str, namespace: str) -> str:
    return f"{namespace.rstrip('/')}/{node_name}"


def wire_type(name: str) -> str:
    """ "std_msgs/msg/String" → "std_msgs::msg::dds_::String_"."""
    package, kind, short = name.split("/")
    return f"{package}::{kind}::dds_::{short}_"


def ros_type(wire: str) -> str:
    """The reverse of `wire_type`; a type that is not ROS's comes back as it is."""
    parts = wire.split("::")
    if len(parts) == 4 and parts[2] == "dds_" and parts[3].endswith("_"):
        return f"{parts[0]}/{parts[1]}/{parts[3][:-1]}"
    return wire
