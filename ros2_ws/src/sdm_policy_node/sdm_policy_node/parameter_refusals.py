"""What is wrong with the value of a parameter that a node was given."""

from __future__ import annotations

from array import array
from typing import Any


def wrong_value(given: Any, default: Any, low: float | None, high: float | None) -> str:
    """Why rclpy has refused a value, and what to write in its place: the type is the default's, the range inclusive."""
    value = given.tolist() if isinstance(given, array) else given
    if isinstance(default, bool):
        return f"{value!r} is neither true nor false"
    if isinstance(default, str):
        return f"{value!r} is no text; write '{value}', in quotes"
    if isinstance(default, list):
        floats = isinstance(value, list) and value and all(type(each) is int for each in value)
        fix = f"; write {[float(each) for each in value]}" if floats else ""
        return f"{value!r} is no list of floating-point numbers{fix}"
    if type(value) is type(default):
        return f"{value} is out of range; give one from {low} to {high}"
    if isinstance(default, float):
        return f"{value!r} is no floating-point number" + (f"; write {float(value)}" if type(value) is int else "")
    return f"{value!r} is no integer"
