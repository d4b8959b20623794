"""CDR (XCDR1, little endian) of messages, by one encoder and one decoder compiled for each type.

Neighbouring fixed-size fields, across nested messages, become one `struct` call. CDR aligns every number to its own
size, so a run's padding depends on where it starts: each run has eight precompiled structs, one a start modulo 8.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .definition import Field, FieldType
from .message import NUMBER_CODES, Message, message_class

# Encapsulation: representation identifier CDR_LE, no options.
HEADER = b"\x00\x01\x00\x00"
_CODES = {**NUMBER_CODES, "bool": "?", "byte": "c"}
_PADDING = bytes(8)


class CdrError(ValueError):
    """Bytes that are not the CDR form of the type, or a message that has none."""


def serialize(message: Any, prefix: bytes = b"") -> bytearray:
    """Encapsulation header, `prefix` (its length a multiple of 8, so that alignment holds), then the message."""
    out = bytearray(HEADER + prefix)
    try:
        _encoder(message.definition.name)(message, out)
    except (struct.error, TypeError, AttributeError, OverflowError) as error:
        raise CdrError(f"{message.definition.name} cannot be serialized: {error}") from error
    return out


def deserialize(data: bytes | bytearray | memoryview, message_type: Any, skip: int = 0) -> Any:
    """Message of `data`; `skip` bytes (a multiple of 8) after the encapsulation header are left out."""
    if bytes(data[:2]) != HEADER[:2]:
        raise CdrError(f"{message_type.definition.name}: encapsulation {bytes(data[:2]).hex()} is not CDR_LE (0001)")
    try:
        return _decoder(message_type.definition.name)(memoryview(data), 4 + skip)[0]
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise CdrError(f"{message_type.definition.name}: {len(data)} bytes are not its CDR form: {error}") from error


@cache
def _run(codes: str) -> tuple[struct.Struct, ...]:
    """Structs of a run of numbers by `position % 8`, where position counts from the encapsulation header's start."""
    structs = []
    for start in range(8):
        position, layout = (start - 4) % 8, "<"
        for code in codes:
            size = struct.calcsize(f"<{code}")
            padding = -position % size
            layout += "x" * padding + code
            position += padding + size
        structs.append(struct.Struct(layout))
    return tuple(structs)


class _Writer:
    """Collects the source of one function; constants it needs go to `names`."""

    def __init__(self, signature: str) -> None:
        self.lines = [f"def {signature}:"]
        self.indent = 1
        self.names: dict[str, Any] = {}
        self.pending: list[tuple[str, str]] = []
        self._locals = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def name(self, value: Any) -> str:
        """A global name under which the generated code finds `value`."""
        key = f"g{len(self.names)}"
        self.names[key] = value
        return key

    def local(self) -> str:
        self._locals += 1
        return f"v{self._locals}"

    def compile(self, function: str) -> Any:
        exec("\n".join(self.lines), self.names)
        return self.names[function]


@cache
def _encoder(name: str) -> Callable[[Message, bytearray], None]:
    writer = _Writer("encode(m, out)")
    _encode_fields(writer, message_class(name).definition.fields, "m")
    _flush_encode(writer)
    return writer.compile("encode")


def _flush_encode(writer: _Writer) -> None:
    if writer.pending:
        run = writer.name(_run("".join(code for code, _ in writer.pending)))
        values = ", ".join(expression for _, expression in writer.pending)
        writer.line(f"out += {run}[len(out) & 7].pack({values})")
        writer.pending = []


def _encode_fields(writer: _Writer, fields: tuple[Field, ...], owner: str) -> None:
    for field in fields:
        _encode_value(writer, field.type, f"{owner}._{field.name}")


def _encode_value(writer: _Writer, kind: FieldType, value: str) -> None:
    if kind.array:
        _encode_array(writer, kind, value)
    elif kind.is_message:
        _encode_fields(writer, message_class(kind.base).definition.fields, value)
    elif kind.base == "string":
        text = writer.local()
        writer.line(f"{text} = {value}.encode()")
        writer.pending.append(("I", f"len({text}) + 1"))
        _flush_encode(writer)
        writer.line(f"out += {text}")
        writer.line("out.append(0)")
    else:
        writer.pending.append((_CODES[kind.base], value))


def _encode_array(writer: _Writer, kind: FieldType, value: str) -> None:
    items = writer.local()
    writer.line(f"{items} = {value}")
    if kind.array != "fixed":
        writer.pending.append(("I", f"len({items})"))
    _flush_encode(writer)
    if kind.base in NUMBER_CODES:
        size = struct.calcsize(NUMBER_CODES[kind.base])
        writer.line(f"if len({items}):")
        if size > 1:
            writer.line(f"    out += {writer.name(_PADDING)}[:(4 - len(out)) % {size}]")
        # numpy arrays may be strided or of several dimensions; array.array is a flat buffer.
        writer.line(f"    out += {items}.tobytes()" if kind.array == "fixed" else f"    out += memoryview({items})")
    elif kind.base == "bool":
        writer.line(f"out += bytes({items})")
    elif kind.base == "byte":
        writer.line(f"out += b''.join({items})")
    else:
        element = writer.local()
        writer.line(f"for {element} in {items}:")
        writer.indent += 1
        if kind.is_message:
            writer.line(f"{writer.name(_encoder(kind.base))}({element}, out)")
        else:
            _encode_value(writer, FieldType(kind.base), element)
        writer.indent -= 1


@cache
def _decoder(name: str) -> Callable[[memoryview, int], tuple[Any, int]]:
    writer = _Writer("decode(b, p)")
    writer.names.update(new=object.__new__, array=array.array, frombuffer=np.frombuffer, too_long=_too_long)
    writer.line("end = len(b)")
    writer.line(f"m = new({writer.name(message_class(name))})")
    _decode_fields(writer, message_class(name).definition.fields, "m")
    _flush_decode(writer)
    writer.line("return m, p")
    return writer.compile("decode")


def _too_long(count: int) -> None:
    raise ValueError(f"a length of {count} exceeds the data")


def _flush_decode(writer: _Writer) -> None:
    if writer.pending:
        run = writer.name(_run("".join(code for code, _ in writer.pending)))
        targets = ", ".join(target for _, target in writer.pending)
        writer.line(f"s = {run}[p & 7]")
        writer.line(f"{targets}, = s.unpack_from(b, p)")
        writer.line("p += s.size")
        writer.pending = []


def _decode_fields(writer: _Writer, fields: tuple[Field, ...], owner: str) -> None:
    for field in fields:
        _decode_value(writer, field.type, f"{owner}._{field.name}")


def _decode_value(writer: _Writer, kind: FieldType, target: str) -> None:
    if kind.array:
        _decode_array(writer, kind, target)
    elif kind.is_message:
        nested = writer.local()
        cls = message_class(kind.base)
        writer.line(f"{target} = {nested} = new({writer.name(cls)})")
        _decode_fields(writer, cls.definition.fields, nested)
    elif kind.base == "string":
        length = _decode_length(writer)
        writer.line(f"if {length} > end - p: too_long({length})")
        writer.line(f"{target} = str(b[p:p + {length} - 1], 'utf-8') if {length} else ''")
        writer.line(f"p += {length}")
    else:
        writer.pending.append((_CODES[kind.base], target))


def _decode_length(writer: _Writer) -> str:
    length = writer.local()
    writer.pending.append(("I", length))
    _flush_decode(writer)
    return length


def _decode_array(writer: _Writer, kind: FieldType, target: str) -> None:
    if kind.array == "fixed":
        _flush_decode(writer)
        count = str(kind.capacity)
    else:
        count = _decode_length(writer)
    if kind.base in _CODES:
        _decode_numbers(writer, kind, target, count)
        return
    items, element = writer.local(), writer.local()
    # Every element takes at least one byte, so a count beyond the data is known before the loop.
    writer.line(f"if {count} > end - p: too_long({count})")
    writer.line(f"{target} = {items} = []")
    writer.line(f"for _ in range({count}):")
    writer.indent += 1
    if kind.is_message:
        writer.line(f"{element}, p = {writer.name(_decoder(kind.base))}(b, p)")
    else:
        _decode_value(writer, FieldType(kind.base), element)
    writer.line(f"{items}.append({element})")
    writer.indent -= 1


def _decode_numbers(writer: _Writer, kind: FieldType, target: str, count: str) -> None:
    code = _CODES[kind.base]
    size = struct.calcsize(code)
    if size > 1:
        writer.line(f"if {count}: p += (4 - p) % {size}")
    stop = writer.local()
    writer.line(f"{stop} = p + {count} * {size}")
    writer.line(f"if {stop} > end: too_long({count})")
    if kind.base == "bool":
        writer.line(f"{target} = [x != 0 for x in b[p:{stop}]]")
    elif kind.base == "byte":
        writer.line(f"{target} = [bytes((x,)) for x in b[p:{stop}]]")
    elif kind.array == "fixed":
        writer.line(f"{target} = frombuffer(b, {code!r}, {count}, p).copy()")
    else:
        values = writer.local()
        writer.line(f"{target} = {values} = array({code!r})")
        writer.line(f"{values}.frombytes(b[p:{stop}])")
    writer.line(f"p = {stop}")
