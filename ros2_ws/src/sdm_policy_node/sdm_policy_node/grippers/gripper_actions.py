"""The gripper by actions: one goal at a time, sent when it is to change and never streamed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.task import Future
from sdm_core.contract import ActionSpec
from sdm_core.errors import ContractError

from sdm_policy_node.grippers.gripper_hands import HANDS, Grip, Hand
from sdm_policy_node.grippers.gripper_switch import GripperSwitch
from sdm_policy_node.parameters import CommandParameters

# A goal takes about a second; one that has no result by then has none (s).
_PATIENCE_S = 10.0


def gripper_actions(node: Node, settings: CommandParameters, action: ActionSpec) -> GripperActions | None:
    """The gripper that the parameters describe; None where it is left to its topic, or in a dry run.

    Raises ContractError, in a dry run, too, where the action has no gripper, or the gripper's messages are missing.
    """
    p = settings
    if p.gripper == "topic":
        return None
    index = action.gripper_index
    if index is None:
        raise ContractError(f"gripper '{p.gripper}': the action has no entry named gripper; leave it to 'topic'")
    entry = action.entries[index]
    hand = HANDS[p.gripper]
    hand.actions()
    if p.dry_run:
        return None
    opened, closed = (entry.low, entry.high) if p.gripper_closes_high else (entry.high, entry.low)
    return GripperActions(
        node,
        hand(
            node,
            p.gripper_action,
            Grip(p.gripper_open_width, p.gripper_closed_width, p.gripper_tolerance, p.gripper_speed, p.gripper_force),
        ),
        GripperSwitch(opened, closed, p.gripper_close_above, p.gripper_open_below, p.gripper_dwell_s),
        index,
    )


class GripperActions:
    """Follows the gripper's entry of a policy's commands. A failure is reported, and tried again only once the policy
    has wanted the opposite, or `forget` allows it; the arm goes on either way."""

    def __init__(self, node: Node, hand: Hand, switch: GripperSwitch, index: int) -> None:
        """`index` of the gripper's entry in a command."""
        self._index = index
        self._logger = node.get_logger()
        self._hand = hand
        self._switch = switch
        self._asked: bool | None = None
        self._closing = False
        self._in_flight: Future | None = None
        self._sent = 0.0
        self.goals = 0
        self.failures = 0
        self.failure = ""
        """What went wrong with the last goal; empty where nothing did."""

    def close(self) -> None:
        """Gives the actions up; a goal in flight goes on."""
        self._in_flight = None
        self._hand.close()

    def forget(self) -> None:
        """Call where a motion begins anew: meanwhile somebody else may have moved the hand. What the policy clearly
        wants it is told again, but for a hand that was told to close: it may hold something, and a Franka hand fails
        at a second grasp of it."""
        if not self._asked:
            self._asked = None
            self._switch.forget()

    def follow(self, command: NDArray[np.float64], now: float) -> None:
        """Call with every command [A] of a policy, and none of a stop; `now` in seconds of a steady clock."""
        wanted = self._switch.update(float(command[self._index]), now)
        if self._in_flight is not None and now - self._sent > _PATIENCE_S:
            self._end(f"no result within {_PATIENCE_S:g} s")
        if self._in_flight is None and wanted is not None and wanted != self._asked:
            self._ask(wanted, now)

    def _ask(self, close: bool, now: float) -> None:
        client, goal = self._hand.goal(close)
        self._closing = close
        if not client.server_is_ready():
            self._fail("its action server is not there; start the gripper's driver")
            return
        self._asked, self._sent = close, now
        self.goals += 1
        self._in_flight = flight = client.send_goal_async(goal)
        flight.add_done_callback(lambda future: self._on_answer(flight, future))

    def _on_answer(self, flight: Future, future: Future) -> None:
        handle: Any = future.result()
        if flight is not self._in_flight:
            return
        if not handle.accepted:
            self._end("the goal was rejected")
            return
        handle.get_result_async().add_done_callback(lambda future: self._on_result(flight, future))

    def _on_result(self, flight: Future, future: Future) -> None:
        answer: Any = future.result()
        if flight is not self._in_flight:
            return
        self._end(self._hand.failure(answer, self._closing))

    def _end(self, failure: str) -> None:
        self._in_flight = None
        if failure:
            self._fail(failure)
        else:
            self.failure = ""

    def _fail(self, failure: str) -> None:
        line = f"the gripper did not {'close' if self._closing else 'open'}: {failure}"
        if line != self.failure:
            self._logger.error(line)
            self.failures += 1
        self.failure = line
