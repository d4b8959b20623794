"""How sensor data is subscribed to."""

from __future__ import annotations

import pytest
from rclpy.qos import ReliabilityPolicy
from sdm_policy_node.sources.observation_source import sensor_qos


@pytest.mark.parametrize(
    ("reliable", "policy"), [(True, ReliabilityPolicy.RELIABLE), (False, ReliabilityPolicy.BEST_EFFORT)]
)
def test_as_many_messages_may_wait_as_are_asked_for(reliable: bool, policy: ReliabilityPolicy) -> None:
    profile = sensor_qos(reliable, 200)
    assert (profile.depth, profile.reliability) == (200, policy)
