"""Messages with random values in all their fields."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from embedded_ros.interfaces.message import message_class
from embedded_ros.interfaces.registry import definition


def random_value(base: str, rng: random.Random) -> Any:
    """A value of a basic type, the limits of its range and text beyond ASCII among them."""
    if base == "string":
        return "".join(rng.choice("aZ0_/ é漢😀") for _ in range(rng.randrange(9)))
    if base == "bool":
        return rng.random() < 0.5
    if base == "byte":
        return rng.randbytes(1)
    if base.startswith("float"):
        value = rng.choice([0.0, -0.0, float("inf"), rng.gauss(0, 1e3), rng.gauss(0, 1e-30)])
        return value if base == "float64" else float(np.float32(value))
    info = np.iinfo("uint8" if base == "char" else base)
    return rng.choice([int(info.min), int(info.max), rng.randint(int(info.min), int(info.max))])


def random_message(name: str, rng: random.Random) -> Any:
    """A message ("pkg/msg/Name") whose sequences have up to four elements."""
    values = {}
    for field in definition(name).fields:
        kind = field.type
        count = kind.capacity if kind.array == "fixed" else rng.randrange(min(kind.capacity or 4, 4) + 1)
        make = random_message if kind.is_message else random_value
        made = [make(kind.base, rng) for _ in range(count if kind.array else 1)]
        values[field.name] = made if kind.array else made[0]
    return message_class(name)(**values)
