"""Reads a policy of hand_dapg as its authors pickled it, without unpickling it.

The file's instructions are followed on plain data alone: no class is looked up and no function called. What they would
have called stays a Call, of which the arrays are then picked.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
SHIFTS = ("in_shift", "in_scale", "out_shift", "out_scale")
# A torch storage begins with four pickles (magic number, version, system, what it is) and the keys' list.
_STORAGE_IS, _PICKLES = 3, 5
_STORAGES = {"torch FloatStorage": np.dtype("<f4"), "torch DoubleStorage": np.dtype("<f8")}


def read_pickled(path: Path) -> dict[str, NDArray[np.float64]]:
    """The policy's arrays by the names that HandPolicy gives them. Raises TaskError where the file holds none."""
    try:
        network = plain(io.BytesIO(path.read_bytes())).state["model"].state
        layers = _entries(_entries(network["_modules"])["fc_layers"].state["_modules"])
        parameters = {index: _entries(layer.state["_parameters"]) for index, layer in layers.items()}
        return {
            **{name: _array(network[name]) for name in SHIFTS},
            **{f"W{index}": _array(each["weight"]) for index, each in parameters.items()},
            **{f"b{index}": _array(each["bias"]) for index, each in parameters.items()},
        }
    except (OSError, AttributeError, LookupError, OverflowError, TypeError, ValueError):
        raise TaskError(f"{path}: no policy of hand_dapg; fetch it anew, or remove it to plan") from None


@dataclass
class Call:
    """What unpickling would have called: `module name`, its arguments, the state and entries given to the result."""

    function: Any
    arguments: tuple[Any, ...]
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)


def plain(stream: io.BytesIO) -> Any:
    """The object that the next pickle of a stream describes. Raises ValueError on an instruction that is not known."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}

    def pop(count: int) -> list[Any]:
        values = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return values

    def since_mark() -> list[Any]:
        first = next((index for index in reversed(range(len(stack))) if stack[index] is _MARK), None)
        if first is None:
            raise ValueError("a mark is missing")
        _, *values = pop(len(stack) - first)
        return values

    for instruction, argument, _ in pickletools.genops(stream):
        match instruction.name:
            case "PROTO" | "STOP":
                pass
            case "NONE" | "NEWTRUE" | "NEWFALSE" | "EMPTY_TUPLE" as constant:
                stack.append(_CONSTANTS[constant])
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE" | "BINBYTES" | "SHORT_BINBYTES" | "GLOBAL":
                stack.append(argument)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "MARK":
                stack.append(_MARK)
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as sized:
                stack.append(tuple(pop(int(sized[-1]))))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "REDUCE" | "NEWOBJ":
                stack.append(Call(*pop(2)))
            case "BINPERSID":
                stack.append(Call("persistent", tuple(pop(1))))
            case "BUILD":
                (state,) = pop(1)
                stack[-1].state = state
            case "SETITEM" | "SETITEMS" as setting:
                pairs = pop(2) if setting == "SETITEM" else since_mark()
                _entries(stack[-1]).update(zip(pairs[::2], pairs[1::2], strict=True))
            case "APPEND" | "APPENDS" as appending:
                values = pop(1) if appending == "APPEND" else since_mark()
                stack[-1].extend(values)
            case unknown:
                raise ValueError(f"instruction {unknown} is not known")
    return stack.pop()


def _entries(mapping: Any) -> dict[Any, Any]:
    """Of a dict, or of what would have become an OrderedDict."""
    return mapping.entries if isinstance(mapping, Call) else mapping


def _array(tensor: Call) -> NDArray[np.float64]:
    """A tensor, or a parameter that holds one."""
    if tensor.function == "torch._utils _rebuild_parameter":
        return _array(tensor.arguments[0])
    storage, offset, shape, strides = tensor.arguments[:4]
    values = _storage(storage.arguments[0])
    if list(strides) != [prod(shape[axis + 1 :]) for axis in range(len(shape))]:
        raise ValueError(f"strides {strides}")
    return values[offset : offset + prod(shape)].reshape(shape).astype(np.float64)


def _storage(data: bytes) -> NDArray:
    """The numbers that torch.save wrote for a storage: pickles that describe it, their count and themselves."""
    stream = io.BytesIO(data)
    head = [plain(stream) for _ in range(_PICKLES)]
    kind = _STORAGES[head[_STORAGE_IS].arguments[0][1]]
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(count * kind.itemsize), kind, count)
