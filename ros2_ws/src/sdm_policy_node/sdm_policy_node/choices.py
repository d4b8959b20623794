"""Which class stands behind the parameter value `observation_source`."""

from __future__ import annotations

from sdm_policy_node.depth_source import DepthSource
from sdm_policy_node.observation_source import ObservationSource
from sdm_policy_node.points_source import PointsSource

OBSERVATION_SOURCES: dict[str, type[ObservationSource]] = {"depth": DepthSource, "points": PointsSource}
