"""Which class stands behind the parameter value `observation_source`."""

from __future__ import annotations

from sdm_policy_node.sources.depth_source import DepthSource
from sdm_policy_node.sources.observation_source import ObservationSource
from sdm_policy_node.sources.points_source import PointsSource

OBSERVATION_SOURCES: dict[str, type[ObservationSource]] = {"depth": DepthSource, "points": PointsSource}
