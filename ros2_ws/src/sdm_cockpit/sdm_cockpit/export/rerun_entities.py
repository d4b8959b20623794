"""A recorded episode as rerun's entities.

| entity | archetype | what |
|---|---|---|
| `world/cloud` | Points3D | the cloud as the network gets it, coloured by height where it has no colour |
| `world/crop`, `world/workspace` | Boxes3D | the crop box, and where targets are bounded |
| `world/tool` | Transform3D | where the tool stands |
| `world/trail` | LineStrips3D | where it has been |
| `world/plan/<label>` | LineStrips3D | each plan's places, step by step; what was executed is thicker |
| `images/<camera>` | Image | the colour images |
| `state/<name>`, `action/<name>` | Scalars | what was measured and commanded, by the contract's names |
| `timing/<part>` | Scalars | the loop's parts in ms, of bags |
| `events` | TextLog | episodes that begin, what the gate changed, why nothing was commanded |

Timelines: `time` in s, on which episodes follow one another, and `step`, which counts through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sdm_core.contract import XYZ

from sdm_cockpit.page import palette
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.page.point_cloud import drawable, point_colours
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.snapshot import Box, Plan, Snapshot

# Radii in m; a plan's executed part is thicker than what is still to come.
_POINT, _EXECUTED, _PLAN, _TRAIL, _EDGE = 0.0035, 0.0045, 0.002, 0.001, 0.0005
_AXES_M = 0.06


class RerunEntities:
    """Logs recordings to one stream, each behind the one before."""

    def __init__(self, rerun: Any, stream: Any) -> None:
        """`rerun`: the SDK's module; `stream`: its RecordingStream."""
        self._rerun, self._stream = rerun, stream
        self._steps = 0
        self._plans: set[str] = set()

    def add(self, recording: Recording, plans: Sequence[tuple[Plan, ...]], start_s: float) -> None:
        """A recording from `start_s` on; `plans` are further ones of each step."""
        names = [entry.name for entry in recording.contract.action.entries]
        for step, further in enumerate(plans):
            self._stream.set_time("time", duration=start_s + float(recording.times_s[step]))
            self._stream.set_time("step", sequence=self._steps)
            if step == 0:
                self._stream.log("events", self._rerun.TextLog(recording.title, level="INFO"))
            self._values("state", recording.state_by_name(step))
            self._values("action", dict(zip(names, recording.action[step].tolist(), strict=True)))
            self._draw(recording.snapshot(step, further))
            self._steps += 1

    def _draw(self, snapshot: Snapshot) -> None:
        for path, box, colour in (
            ("world/crop", snapshot.crop, palette.CROP),
            ("world/workspace", snapshot.workspace, palette.WORKSPACE),
        ):
            if box is not None:
                self._stream.log(path, self._box(box, colour))
        if snapshot.cloud is not None:
            points, _ = drawable(snapshot.cloud)
            colours = point_colours(points) if len(points) else None
            self._stream.log("world/cloud", self._rerun.Points3D(points[:, :XYZ], colors=colours, radii=_POINT))
        if snapshot.tool is not None:
            pose = self._rerun.Transform3D(translation=snapshot.tool.position, quaternion=snapshot.tool.quaternion)
            self._stream.log("world/tool", pose, self._rerun.TransformAxes3D(_AXES_M))
        if snapshot.trail is not None:
            trail = self._rerun.LineStrips3D([snapshot.trail[1]], colors=[palette.TRAIL], radii=_TRAIL)
            self._stream.log("world/trail", trail)
        self._draw_plans(snapshot.plans)
        for camera, image in snapshot.images.items():
            self._stream.log(self._path("images", camera), self._rerun.Image(image))
        if snapshot.timing is not None:
            self._values("timing", asdict(snapshot.timing))
        for text in _events(snapshot):
            self._stream.log("events", self._rerun.TextLog(text, level="WARN"))

    def _draw_plans(self, plans: Sequence[Plan]) -> None:
        """Each plan that names places; one of before that there is no more is wiped away."""
        drawn = set()
        for index, plan in enumerate(plans):
            if plan.path is not None and len(plan.path) > 1:
                path = self._path("world", "plan", plan.label)
                self._stream.log(path, self._plan(plan, *palette.PLANS[index % len(palette.PLANS)]))
                drawn.add(path)
        for path in self._plans - drawn:
            self._stream.log(path, self._rerun.Clear(recursive=False))
        self._plans = drawn

    def _plan(self, plan: Plan, first: Rgb, last: Rgb) -> Any:
        assert plan.path is not None
        strips = np.stack([plan.path[:-1], plan.path[1:]], axis=1)
        colours = palette.ramp(first, last, np.linspace(0.0, 1.0, len(strips)))
        radii = np.where(np.arange(1, len(plan.path)) < plan.executed, _EXECUTED, _PLAN)
        return self._rerun.LineStrips3D(strips, colors=colours, radii=radii)

    def _box(self, box: Box, colour: Rgb) -> Any:
        edges = self._rerun.components.FillMode.MajorWireframe  # a face would veil the cloud
        sizes = [box.high - box.low]
        return self._rerun.Boxes3D(mins=[box.low], sizes=sizes, colors=[colour], radii=_EDGE, fill_mode=edges)

    def _values(self, group: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._stream.log(self._path(group, name), self._rerun.Scalars(value))

    def _path(self, *parts: str) -> str:
        return self._rerun.new_entity_path(list(parts))


def _events(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.clamps:
        yield f"gate: {', '.join(snapshot.clamps)}"
    if snapshot.status.refusal:
        yield f"nothing commanded: {snapshot.status.refusal}"
