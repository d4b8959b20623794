"""A scene from above and from both sides, with the crop box."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sdm_core.atomic import atomic_write
from sdm_core.errors import SdmError

from sdm_policy_node.crop.box import Box

# More points than this make no clearer picture.
_MOST_POINTS = 40_000
# So much (m) of what lies around the boxes is shown.
_AROUND = 0.3
_VIEWS = (("from above", 0, 1), ("from the side", 0, 2), ("from the front", 1, 2))
_OUTSIDE, _INSIDE, _SUGGESTED = "#9aa0a6", "#1a73e8", "#e8710a"


def draw(
    path: Path, points: NDArray[np.float32], cloud: NDArray[np.float32], box: Box, suggested: Box | None, title: str
) -> None:
    """Writes a PNG of the scene's points [M,3] and of the `cloud` [N,3] that the network gets of them."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError:
        raise SdmError("matplotlib is not installed; run `pip install 'sdm_policy_node[calibration]'`") from None
    if len(points) > _MOST_POINTS:
        points = points[np.random.default_rng(0).choice(len(points), _MOST_POINTS, replace=False)]
    boxes = ((box, _INSIDE, "-", "crop box"), (suggested, _SUGGESTED, "--", "suggested"))
    shown_boxes = [shown for shown, *_ in boxes if shown is not None]
    low = np.min([shown.low for shown in shown_boxes], axis=0) - _AROUND
    high = np.max([shown.high for shown in shown_boxes], axis=0) + _AROUND
    figure = Figure(figsize=(15, 5.4), layout="constrained")
    figure.suptitle(title)
    for index, (name, across, up) in enumerate(_VIEWS):
        axes = figure.add_subplot(1, 3, index + 1)
        axes.scatter(points[:, across], points[:, up], s=0.5, c=_OUTSIDE, linewidths=0, label="seen")
        axes.scatter(cloud[:, across], cloud[:, up], s=5, c=_INSIDE, linewidths=0, label="cloud")
        for shown, colour, style, label in boxes:
            if shown is not None:
                corner = np.array(shown.low)[[across, up]]
                size = np.array(shown.high)[[across, up]] - corner
                frame = Rectangle(
                    tuple(corner), *size, fill=False, edgecolor=colour, linestyle=style, linewidth=1.5, label=label
                )
                axes.add_patch(frame)
        axes.set(title=name, xlabel=f"{'xyz'[across]} (m)", ylabel=f"{'xyz'[up]} (m)", aspect="equal")
        axes.set(xlim=(low[across], high[across]), ylim=(low[up], high[up]))
    figure.axes[0].legend(loc="upper right", markerscale=4, fontsize="small")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    atomic_write(path, buffer.getvalue())
