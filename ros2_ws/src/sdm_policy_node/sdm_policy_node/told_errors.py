"""Says what a lifecycle node's callbacks raise: rclpy makes an ERROR of it, and keeps it to itself."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from sdm_core.errors import SdmError

_CALLBACKS = ("on_configure", "on_activate", "on_deactivate", "on_cleanup", "on_shutdown", "on_error")

Transition = Callable[[LifecycleNode, State], TransitionCallbackReturn]
Kind = TypeVar("Kind", bound=type[LifecycleNode])


def tells_errors(kind: Kind) -> Kind:
    """A lifecycle node of this class logs what its transitions raise, with the traceback where no user can mend it."""
    for name in _CALLBACKS:
        setattr(kind, name, _told(name, getattr(kind, name)))
    return kind


def _told(name: str, transition: Transition) -> Transition:
    @wraps(transition)
    def told(node: LifecycleNode, state: State) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except SdmError as error:
            node.get_logger().error(f"{name} failed: {error}")
        except Exception as error:
            node.get_logger().error(f"{name} raised {type(error).__name__}: {error}\n{traceback.format_exc()}")
        return TransitionCallbackReturn.ERROR

    return told
