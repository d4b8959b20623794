"""Whether a node lives, and in which lifecycle state it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.task import Future

GONE = "gone"
# A node that does not answer so soon (s) is gone; together with the silence before, this stays within a second.
_ANSWER_S = 0.35
# A transition keeps its node busy: a network may be loaded so long (s).
_TRANSITION_S = 60.0
_RETRY_S = 0.5
# Others speak where it does, as sdm-teleop beats in a policy's place: it is asked once its own last word is so old (s),
# and what is heard meanwhile lengthens the wait for the answer by no more.
_SURE_S = 0.5


class NodeWatch:
    """Of a lifecycle node. It is asked where it has said nothing by itself for a while, and twice a second whatever was
    heard: somebody else may speak in its place. On the executor's thread, but for `state`.

    `state` is empty as long as nobody knows the node, and `gone` where it answers no more.
    """

    def __init__(self, node: Node, name: str, quiet_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """`quiet_s`: it is asked where it has been silent for so long (s), or earlier."""
        self.name = name
        self.state = ""
        self._quiet_s = quiet_s
        self._now = now
        self._spoke = self._ask_at = self._sure = now()
        self._asked: tuple[float, Future] | None = None
        self._client = node.create_client(GetState, f"{name}/get_state")
        node.create_subscription(TransitionEvent, f"{name}/transition_event", self._on_transition, 10)

    def heard(self) -> None:
        """The node has said something, or somebody in its place."""
        known = self.state not in ("", GONE)
        self._spoke = self._now()
        self._ask_at = min(self._spoke + self._quiet_s, self._sure + _SURE_S) if known else self._spoke

    def poll(self) -> None:
        """To be called some twenty times a second."""
        now = self._now()
        if self._asked:
            self._judge(*self._asked, now)
        elif now >= self._ask_at:
            self._ask(now)

    def _ask(self, now: float) -> None:
        if self._client.service_is_ready():
            self._asked = now, self._client.call_async(GetState.Request())
        elif self.state:
            self.state = GONE

    def _judge(self, asked: float, answer: Future, now: float) -> None:
        patience = _TRANSITION_S if self.state.endswith("ing") else _ANSWER_S
        if answer.done():
            self.state, self._sure = answer.result().current_state.label, now
            self._ask_at = now + min(self._quiet_s, _SURE_S)
        elif now - max(asked, min(self._spoke, asked + _SURE_S)) < patience:
            return
        else:
            self.state, self._ask_at = GONE, now + _RETRY_S
            self._client.remove_pending_request(answer)
        self._asked = None

    def _on_transition(self, message: TransitionEvent) -> None:
        self.state, self._sure = message.goal_state.label, self._now()
        self.heard()
        if self._asked:  # what is answered now may have been true before
            self._client.remove_pending_request(self._asked[1])
            self._asked = None
