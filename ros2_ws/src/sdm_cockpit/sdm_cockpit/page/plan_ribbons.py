"""Chunks as ribbons: time is colour, what is executed is solid, what lies ahead is thin and beaded."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray

from sdm_cockpit.page.lines import coloured_line
from sdm_cockpit.page.palette import PLANS, Rgb, ramp
from sdm_cockpit.snapshot import Plan

_EXECUTED_M, _AHEAD_M, _BEAD_M = 0.009, 0.0025, 0.011


class PlanRibbons:
    """The plans of a snapshot over each other, in the palette's colours and in their order."""

    def __init__(self, scene: viser.SceneApi) -> None:
        self._ribbons = [_Ribbon(scene, f"/plans/{index}", *colours) for index, colours in enumerate(PLANS)]

    def show(self, plans: tuple[Plan, ...]) -> tuple[str, ...]:
        """Draws the first plans that there are colours for; a line for each thing that cannot be drawn."""
        problems = [f"plan: {len(plans)} plans; the first {len(PLANS)} are drawn"] if len(plans) > len(PLANS) else []
        for index, ribbon in enumerate(self._ribbons):
            plan = plans[index] if index < len(plans) else None
            path = None if plan is None else plan.path
            if plan is not None and path is not None and not _is_path(path):
                problems.append(f"plan: {plan.label} is no path of finite places, {list(path.shape)}; it is not drawn")
                path = None
            ribbon.show(path, 0 if plan is None else plan.executed)
        return tuple(problems)


class _Ribbon:
    def __init__(self, scene: viser.SceneApi, name: str, first: Rgb, last: Rgb) -> None:
        self._colours = first, last
        self._executed = coloured_line(scene, f"{name}/executed", _EXECUTED_M)
        self._ahead = coloured_line(scene, f"{name}/ahead", _AHEAD_M)
        self._beads = scene.add_point_cloud(
            f"{name}/targets",
            np.zeros((1, 3), np.float32),
            first,
            point_size=_BEAD_M,
            point_shape="circle",
            precision="float32",
            visible=False,
        )
        self._shown: tuple[NDArray[np.float64] | None, int] = None, 0

    def show(self, path: NDArray[np.float64] | None, executed: int) -> None:
        """Of `path` float64[H,3] the first `executed` points lie behind; None: nothing."""
        if path is self._shown[0] and executed == self._shown[1]:
            return
        self._shown = path, executed
        points = np.zeros((0, 3), np.float32) if path is None else path.astype(np.float32)
        colours = ramp(*self._colours, np.linspace(0.0, 1.0, len(points)))
        lines, line_colours = np.stack([points[:-1], points[1:]], 1), np.stack([colours[:-1], colours[1:]], 1)
        split = max(executed - 1, 0)
        _draw(self._executed, lines[:split], line_colours[:split])
        _draw(self._ahead, lines[split:], line_colours[split:])
        _draw(self._beads, points[executed:], colours[executed:])


def _is_path(path: NDArray[np.float64]) -> bool:
    return path.ndim == 2 and path.shape[1] == 3 and bool(np.isfinite(path).all())


def _draw(
    handle: viser.LineSegmentsHandle | viser.PointCloudHandle, points: NDArray[np.float32], colours: NDArray[np.uint8]
) -> None:
    handle.visible = len(points) > 0
    if len(points):
        handle.points, handle.colors = points, colours
