"""What the bridge asks other nodes for between episodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from helpers.domain import own_domain
from rclpy.node import Node
from sdm_interfaces.srv import StartEpisode
from sdm_sim.bridge.bridge_node import spinning
from sdm_sim.bridge.errors import BridgeError
from sdm_sim.bridge.peers import Peers

SERVICE = "policy_node/start_episode"


@pytest.fixture
def context() -> Iterator[rclpy.Context]:
    made = rclpy.Context()
    rclpy.init(args=[], context=made, domain_id=own_domain())
    yield made
    rclpy.shutdown(context=made)


def starter(node: Node, asked: list[int]) -> None:
    """Lets a node take episodes' seeds."""

    def begin(request: Any, response: Any) -> Any:
        asked.append(request.seed)
        response.success = True
        return response

    node.create_service(StartEpisode, SERVICE, begin)


def test_a_policy_that_died_while_it_was_asked_is_asked_again_when_it_is_back(context: rclpy.Context) -> None:
    bridge, dead, back = (Node(name, context=context) for name in ("bridge", "dead", "back"))
    asked: list[int] = []
    starter(dead, [])  # it is there, and never answers: nobody serves it
    comes_back = iter([lambda: starter(back, asked)])
    peers = Peers(bridge, ("policy_node",), False, 0.3, 60.0, lambda: next(comes_back, lambda: None)())
    with spinning(bridge), spinning(back):
        assert peers.start_episode(7, lambda: [], lambda: False)
    assert 7 in asked


def test_a_policy_that_never_answers_ends_the_run_with_its_name(context: rclpy.Context) -> None:
    bridge, dead = (Node(name, context=context) for name in ("bridge", "dead"))
    starter(dead, [])
    peers = Peers(bridge, ("policy_node",), False, 0.3, 0.5, lambda: None)
    with spinning(bridge), pytest.raises(BridgeError, match="policy_node gave no answer on"):
        peers.start_episode(7, lambda: [], lambda: False)
