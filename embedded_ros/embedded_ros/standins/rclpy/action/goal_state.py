"""The states of a goal, and what leads from one to the next."""

from __future__ import annotations

from enum import Enum

from action_msgs.msg import GoalStatus

from ..exceptions import RCLError


class GoalEvent(Enum):
    EXECUTE = 0
    CANCEL_GOAL = 1
    SUCCEED = 2
    ABORT = 3
    CANCELED = 4


ACTIVE = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)

_NEXT = {
    (GoalStatus.STATUS_ACCEPTED, GoalEvent.EXECUTE): GoalStatus.STATUS_EXECUTING,
    (GoalStatus.STATUS_ACCEPTED, GoalEvent.CANCEL_GOAL): GoalStatus.STATUS_CANCELING,
    (GoalStatus.STATUS_EXECUTING, GoalEvent.CANCEL_GOAL): GoalStatus.STATUS_CANCELING,
    (GoalStatus.STATUS_EXECUTING, GoalEvent.SUCCEED): GoalStatus.STATUS_SUCCEEDED,
    (GoalStatus.STATUS_EXECUTING, GoalEvent.ABORT): GoalStatus.STATUS_ABORTED,
    (GoalStatus.STATUS_CANCELING, GoalEvent.SUCCEED): GoalStatus.STATUS_SUCCEEDED,
    (GoalStatus.STATUS_CANCELING, GoalEvent.ABORT): GoalStatus.STATUS_ABORTED,
    (GoalStatus.STATUS_CANCELING, GoalEvent.CANCELED): GoalStatus.STATUS_CANCELED,
}
_NAMES = {
    value: name.removeprefix("STATUS_") for name, value in GoalStatus.definition.constants if name.startswith("STATUS_")
}


def next_status(status: int, event: GoalEvent) -> int:
    """The status after an event; RCLError where a goal in this status cannot take it."""
    if (status, event) not in _NEXT:
        raise RCLError(f"goal attempted invalid transition from state {_NAMES[status]} with event {event.name}")
    return _NEXT[status, event]


def is_cancelable(status: int) -> bool:
    return (status, GoalEvent.CANCEL_GOAL) in _NEXT
