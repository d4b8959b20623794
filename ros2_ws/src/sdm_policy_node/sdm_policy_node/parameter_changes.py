"""Parameters that are set while their node runs: each change is judged before any of it takes effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from sdm_core.errors import SdmError

from sdm_policy_node.parameters import changeable, field_value

Parameters = TypeVar("Parameters")


def allow_changes(node: Node, settings: Callable[[], Parameters], take: Callable[[Parameters], None]) -> None:
    """Lets the changeable ones among the declared parameters `settings` of a node be set from now on.

    `take` is called on the executor's thread with all of them as they would be. It makes them the settings, or raises
    SdmError and changes nothing: its line is then the answer to whoever set them.
    """
    names = changeable(type(settings()))

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        asked = {entry.name: field_value(entry.value) for entry in parameters if entry.name in names}
        try:
            if asked:
                take(replace(settings(), **asked))  # type: ignore[type-var]
        except SdmError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)
