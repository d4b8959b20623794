"""The frames of an episode's video: what was seen and planned, the camera's images, strip charts, and a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sdm_cockpit.page import palette
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.snapshot import Plan, Snapshot
from sdm_cockpit.video.scene_view import SceneView
from sdm_cockpit.video.strips import StripCharts, strips_of

WIDTH, HEIGHT = 960, 528
_CAPTION, _SIDE = 48, 320
_FONT_SIZE, _MARGIN, _TALLEST = 15, 12, 240


class EpisodeFrames:
    """Draws rgb8 frames uint8[528,960,3] of one recording."""

    def __init__(self, recording: Recording, plans: Sequence[tuple[Plan, ...]], azimuth: float | None = None) -> None:
        """`plans`: further ones of each step; `azimuth` (rad): of the viewpoint, None: the best one."""
        self._recording, self._plans = recording, plans
        self._scene = SceneView(recording, WIDTH - _SIDE, HEIGHT - _CAPTION, azimuth)
        self._image_height = _height_of([images.shape[1:3] for images in recording.images.values()])
        self._charts = StripCharts(strips_of(recording), _SIDE, HEIGHT - _CAPTION - self._image_height)
        self._font, self._small = ImageFont.load_default(size=_FONT_SIZE), ImageFont.load_default(size=_FONT_SIZE - 3)

    def draw(self, step: int) -> NDArray[np.uint8]:
        """The frame of a step."""
        snapshot = self._recording.snapshot(step, self._plans[step])
        frame = Image.new("RGB", (WIDTH, HEIGHT), palette.BLACK)
        frame.paste(self._scene.draw(snapshot, step), (0, _CAPTION))
        if snapshot.images:
            self._paste_images(frame, list(snapshot.images.values()))
        frame.paste(self._charts.draw(step), (WIDTH - _SIDE, _CAPTION + self._image_height))
        draw = ImageDraw.Draw(frame)
        self._caption(draw, snapshot)
        self._legend(draw, snapshot.plans)
        return np.asarray(frame)

    def _caption(self, draw: ImageDraw.ImageDraw, snapshot: Snapshot) -> None:
        middle = _CAPTION // 2
        draw.text((_MARGIN, middle), self._recording.title, font=self._font, fill=palette.WHITE, anchor="lm")
        warning = snapshot.status.refusal or ("gate: " + ", ".join(snapshot.clamps) if snapshot.clamps else "")
        draw.text((WIDTH // 2, middle), warning, font=self._font, fill=palette.WARNING, anchor="lm")
        time = f"{snapshot.time_s:.2f} s"
        draw.text((WIDTH - _MARGIN, middle), time, font=self._font, fill=palette.WHITE, anchor="rm")

    def _legend(self, draw: ImageDraw.ImageDraw, plans: Sequence[Plan]) -> None:
        """Which plan has which colour; those that name no place are not drawn, and not named."""
        lines: list[tuple[str, Rgb]] = [("trail", palette.TRAIL)]
        for index, plan in enumerate(plans):
            if plan.path is not None:
                lines.append((plan.label, palette.PLANS[index % len(palette.PLANS)][0]))
        for line, (name, colour) in enumerate(lines):
            y = HEIGHT - _MARGIN - line * (_FONT_SIZE + 4)
            draw.line([(_MARGIN, y - 6), (_MARGIN + 18, y - 6)], fill=colour, width=4)
            draw.text((_MARGIN + 26, y - 6), name, font=self._small, fill=palette.WHITE, anchor="lm")

    def _paste_images(self, frame: Image.Image, images: list[NDArray[np.uint8]]) -> None:
        """The cameras' images beside each other."""
        width = _SIDE // len(images)
        for index, pixels in enumerate(images):
            image = Image.fromarray(pixels)
            scale = min(width / image.width, self._image_height / image.height)
            image = image.resize((round(image.width * scale), round(image.height * scale)))
            left = WIDTH - _SIDE + index * width + (width - image.width) // 2
            frame.paste(image, (left, _CAPTION + (self._image_height - image.height) // 2))


def _height_of(sizes: list[tuple[int, int]]) -> int:
    """Rows of pixels that images of these sizes (height, width) need beside each other, and get at most."""
    width = _SIDE // max(len(sizes), 1)
    return min(max((round(height * width / columns) for height, columns in sizes), default=0), _TALLEST)
