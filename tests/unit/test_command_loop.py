"""What command_node's loop does between a decision and the wire."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sdm_core.commands.command_gate import GateDecision
from sdm_policy_node.commands.command_loop import CommandLoop


class Sink:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def publish_gripper(self, command: np.ndarray, held: bool) -> None:
        self.sent.append("gripper")

    def publish(self, command: np.ndarray, stamp: Time) -> None:
        self.sent.append("arm")


@pytest.mark.parametrize(("late", "sent"), [(False, ["gripper", "arm"]), (True, ["gripper"])])
def test_a_process_that_is_stopped_while_it_tells_the_gripper_gives_the_arm_nothing_late(late, sent):
    sink = Sink()
    loop: Any = SimpleNamespace(
        _sink=sink,
        _node=SimpleNamespace(get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time))),
        stream=SimpleNamespace(going_home=False, withdraw_late=lambda now: late),
        gripper=None,
        _trace=SimpleNamespace(decision=lambda *_, **__: None),
    )
    CommandLoop._send(loop, GateDecision(np.zeros(8), (), False), 0)
    assert sink.sent == sent
