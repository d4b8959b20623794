"""Writes type stubs of the interface packages, for type checkers and editors: the classes exist at run time only.

python -m embedded_ros.interfaces.stubs typings
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from .definition import Definition, FieldType
from .registry import action_definition, all_packages, definition, package_names, service_definition

_PYTHON_TYPES = {"bool": "bool", "byte": "bytes", "string": "str", "float32": "float", "float64": "float"}


def write_stubs(folder: Path) -> int:
    """Write `<package>/msg.pyi`, `srv.pyi` and `action.pyi` for every known package; the number of packages."""
    packages = all_packages()
    for package in packages:
        target = folder / package
        target.mkdir(parents=True, exist_ok=True)
        (target / "__init__.pyi").write_text("")
        messages = [_class(short, definition(f"{package}/msg/{short}")) for short in package_names(package, "msg")]
        services = [_service(f"{package}/srv/{short}") for short in package_names(package, "srv")]
        actions = [_action(f"{package}/action/{short}") for short in package_names(package, "action")]
        for kind, classes in (("msg", messages), ("srv", services), ("action", actions)):
            if classes:
                (target / f"{kind}.pyi").write_text(_module(classes))
    return len(packages)


def _module(classes: list[tuple[str, set[str]]]) -> str:
    imports = sorted(set().union(*(needed for _, needed in classes)))
    head = ["from typing import Any", "", *(f"import {name}" for name in imports)]
    return "\n".join([*head, "", *(text for text, _ in classes), ""])


def _service(name: str) -> tuple[str, set[str]]:
    service = service_definition(name)
    return _container(name, _class("Request", service.request), _class("Response", service.response))


def _action(name: str) -> tuple[str, set[str]]:
    action = action_definition(name)
    messages = (("Goal", action.goal), ("Result", action.result), ("Feedback", action.feedback))
    return _container(name, *(_class(short, of) for short, of in messages), ("Impl: Any", set()))


def _container(name: str, *members: tuple[str, set[str]]) -> tuple[str, set[str]]:
    body = "\n".join("    " + line for text, _ in members for line in text.splitlines())
    return f"class {name.split('/')[-1]}:\n{body}", set().union(*(imports for _, imports in members))


def _class(short: str, of: Definition) -> tuple[str, set[str]]:
    fields = [(field.name, _annotation(field.type)) for field in of.fields]
    keywords = "".join(f", {name}: {kind} = ..." for name, kind in fields)
    lines = [
        f"class {short}:",
        "    definition: Any",
        *(f"    {name}: {type(value).__name__}" for name, value in of.constants),
        *(f"    {name}: {kind}" for name, kind in fields),
        f"    def __init__(self, *{keywords}) -> None: ..." if fields else "    ...",
        "    @classmethod",
        "    def get_fields_and_field_types(cls) -> dict[str, str]: ...",
    ]
    return "\n".join(lines), set(_imports(field.type for field in of.fields))


def _annotation(kind: FieldType) -> str:
    if kind.array:  # setters take more than getters give, which an attribute's annotation cannot say
        return "Any"
    if kind.is_message:
        return kind.base.replace("/", ".")
    return _PYTHON_TYPES.get(kind.base, "int")


def _imports(kinds: Iterable[FieldType]) -> Iterable[str]:
    return (kind.base.rpartition("/")[0].replace("/", ".") for kind in kinds if kind.is_message and not kind.array)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m embedded_ros.interfaces.stubs FOLDER")
    print(f"{write_stubs(Path(sys.argv[1]))} packages in {sys.argv[1]}")
