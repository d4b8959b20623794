"""What a lifecycle node's transition raises is told, though rclpy's state machine tells nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.graph import Graph, graph
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from sdm_core.errors import ContractError
from sdm_policy_node.told_errors import tells_errors


@tells_errors
class Failing(LifecycleNode):
    """Configures as it is told to."""

    error: Exception | None = None

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        if self.error:
            raise self.error
        return TransitionCallbackReturn.SUCCESS


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("error", "line", "traced"),
    [
        (ValueError("a shape"), "on_configure raised ValueError: a shape", True),
        (ContractError("sink is 'x'; choose another"), "on_configure failed: sink is 'x'; choose another", False),
    ],
)
def test_a_transition_that_raises_is_an_error_and_says_which(world, capfd, error, line, traced):
    node = Failing("failing", context=world.node.context)
    node.error = error
    assert node.trigger_configure() == TransitionCallbackReturn.ERROR
    told = capfd.readouterr().err
    assert line in told
    assert ("Traceback" in told) == traced
    node.error = None
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    node.destroy_node()
