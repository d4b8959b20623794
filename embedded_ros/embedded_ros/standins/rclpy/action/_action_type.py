"""The check of an action's class."""

from __future__ import annotations

from typing import Any

from ..exceptions import NoTypeSupportImportedException


def require_action(action_type: Any) -> None:
    if not all(hasattr(action_type, part) for part in ("Goal", "Result", "Feedback", "Impl")):
        raise NoTypeSupportImportedException(
            f"{action_type!r} is not an action class, as `from control_msgs.action import GripperCommand`"
        )
