"""The states of a managed node and the transitions between them, the same for every lifecycle node of ROS 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lifecycle_msgs.msg import State as S
from lifecycle_msgs.msg import Transition as T


class Transition(NamedTuple):
    """A step from one state to another. What a callback returns is a step, too: out of the state in which it runs."""

    id: int
    label: str
    start: int
    goal: int


LABELS = {
    S.PRIMARY_STATE_UNKNOWN: "unknown",
    S.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    S.PRIMARY_STATE_INACTIVE: "inactive",
    S.PRIMARY_STATE_ACTIVE: "active",
    S.PRIMARY_STATE_FINALIZED: "finalized",
    S.TRANSITION_STATE_CONFIGURING: "configuring",
    S.TRANSITION_STATE_CLEANINGUP: "cleaningup",
    S.TRANSITION_STATE_SHUTTINGDOWN: "shuttingdown",
    S.TRANSITION_STATE_ACTIVATING: "activating",
    S.TRANSITION_STATE_DEACTIVATING: "deactivating",
    S.TRANSITION_STATE_ERRORPROCESSING: "errorprocessing",
}

# The callback that runs in each of the states between.
CALLBACKS = {
    S.TRANSITION_STATE_CONFIGURING: "on_configure",
    S.TRANSITION_STATE_CLEANINGUP: "on_cleanup",
    S.TRANSITION_STATE_ACTIVATING: "on_activate",
    S.TRANSITION_STATE_DEACTIVATING: "on_deactivate",
    S.TRANSITION_STATE_SHUTTINGDOWN: "on_shutdown",
    S.TRANSITION_STATE_ERRORPROCESSING: "on_error",
}


def _outcomes(callback: str, state: int, success: int, failure: int, error: int) -> Iterator[Transition]:
    for outcome, goal in (("success", success), ("failure", failure), ("error", error)):
        number = getattr(T, f"TRANSITION_{callback}_{outcome}".upper())
        yield Transition(number, f"transition_{outcome}", state, goal)


def _transitions() -> Iterator[Transition]:
    unconfigured, inactive, active = S.PRIMARY_STATE_UNCONFIGURED, S.PRIMARY_STATE_INACTIVE, S.PRIMARY_STATE_ACTIVE
    finalized, error = S.PRIMARY_STATE_FINALIZED, S.TRANSITION_STATE_ERRORPROCESSING
    for label, number, start, running, success in (
        ("configure", T.TRANSITION_CONFIGURE, unconfigured, S.TRANSITION_STATE_CONFIGURING, inactive),
        ("cleanup", T.TRANSITION_CLEANUP, inactive, S.TRANSITION_STATE_CLEANINGUP, unconfigured),
        ("activate", T.TRANSITION_ACTIVATE, inactive, S.TRANSITION_STATE_ACTIVATING, active),
        ("deactivate", T.TRANSITION_DEACTIVATE, active, S.TRANSITION_STATE_DEACTIVATING, inactive),
    ):
        yield Transition(number, label, start, running)
        yield from _outcomes(CALLBACKS[running], running, success, start, error)
    ending = S.TRANSITION_STATE_SHUTTINGDOWN
    yield Transition(T.TRANSITION_UNCONFIGURED_SHUTDOWN, "shutdown", unconfigured, ending)
    yield Transition(T.TRANSITION_INACTIVE_SHUTDOWN, "shutdown", inactive, ending)
    yield Transition(T.TRANSITION_ACTIVE_SHUTDOWN, "shutdown", active, ending)
    yield from _outcomes(CALLBACKS[ending], ending, finalized, finalized, error)
    # A node that handles its error starts over; one that cannot is finished.
    yield from _outcomes(CALLBACKS[error], error, unconfigured, finalized, finalized)


TRANSITIONS = tuple(_transitions())


def transitions_from(state: int) -> list[Transition]:
    return [transition for transition in TRANSITIONS if transition.start == state]
