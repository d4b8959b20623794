"""How rerun's viewer arranges what was exported: the scene, the cameras beside it, curves and events below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def rerun_layout(rerun: Any, cameras: Sequence[str], timing: bool) -> Any:
    """A blueprint. `timing`: whether any was recorded."""
    views = rerun.blueprint
    scene = views.Spatial3DView(origin="/world", name="what the policy sees and plans")
    images = [views.Spatial2DView(origin=rerun.new_entity_path(["images", camera]), name=camera) for camera in cameras]
    curves = ["state", "action", *(["timing"] if timing else [])]
    charts = [views.TimeSeriesView(origin=f"/{group}", name=group) for group in curves]
    above = views.Horizontal(scene, views.Vertical(*images), column_shares=[3, 1]) if images else scene
    below = views.Horizontal(*charts, views.TextLogView(origin="/events", name="events"))
    return views.Blueprint(views.Vertical(above, below, row_shares=[2, 1]), collapse_panels=True)
