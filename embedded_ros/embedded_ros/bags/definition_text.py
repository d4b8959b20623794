"""Message definitions as bags carry them: the text of a type, then those of all types that it is made of."""

from __future__ import annotations

from embedded_ros.interfaces.registry import definition, message_text

_SEPARATOR = "=" * 80


def definition_text(name: str) -> str:
    """The definition of "pkg/msg/Name" in the format `ros2msg`; InterfaceError where the type is unknown."""
    parts = [message_text(name)]
    for used in _used_by(name):
        package, _, short = used.split("/")
        parts.append(f"{_SEPARATOR}\nMSG: {package}/{short}\n{message_text(used)}")
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _used_by(name: str) -> list[str]:
    """All types that a type is made of, each once, in the order of their first use."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        fields = definition(waiting.pop(0)).fields
        new = [field.type.base for field in fields if field.type.is_message and field.type.base not in found]
        found.update(dict.fromkeys(new))
        waiting += dict.fromkeys(new)
    return list(found)
