"""RIHS01 type hashes (REP 2011): SHA-256 over the JSON of a type's description and of all that it refers to."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from .definition import Definition, FieldType
from .registry import structure

_TYPE_IDS = {
    "int8": 2, "uint8": 3, "int16": 4, "uint16": 5, "int32": 6, "uint32": 7, "int64": 8, "uint64": 9,
    "float32": 10, "float64": 11, "bool": 15, "byte": 16, "string": 17,
    "char": 3,  # a `char` of a .msg file is an IDL uint8
}  # fmt: skip
_NESTED, _BOUNDED_STRING = 1, 21
_ARRAY_OFFSET = {"": 0, "fixed": 48, "bounded": 96, "unbounded": 144}


@cache
def type_hash(name: str) -> str:
    """ "RIHS01_…" of a message ("pkg/msg/Name"), a service, or a part of a service or action."""
    own = structure(name)
    referenced: dict[str, Definition] = {}
    _collect(own, referenced)
    description = {
        "type_description": _describe(own),
        "referenced_type_descriptions": [_describe(referenced[key]) for key in sorted(referenced)],
    }
    return "RIHS01_" + hashlib.sha256(json.dumps(description).encode()).hexdigest()


def _collect(of: Definition, found: dict[str, Definition]) -> None:
    for field in of.fields:
        if field.type.is_message and field.type.base not in found:
            found[field.type.base] = structure(field.type.base)
            _collect(found[field.type.base], found)


def _describe(of: Definition) -> dict[str, Any]:
    return {
        "type_name": of.name,
        "fields": [{"name": field.name, "type": _describe_type(field.type)} for field in of.fields],
    }


def _describe_type(of: FieldType) -> dict[str, Any]:
    type_id = _NESTED if of.is_message else _BOUNDED_STRING if of.string_capacity else _TYPE_IDS[of.base]
    return {
        "type_id": type_id + _ARRAY_OFFSET[of.array],
        "capacity": of.capacity,
        "string_capacity": of.string_capacity,
        "nested_type_name": of.base if of.is_message else "",
    }
