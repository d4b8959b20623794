"""A video of episodes, made afterwards by stepping the task through the same actions: filming costs a run no time."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sdm_core.atomic import atomic_file

from sdm_sim.bridge.control_parts import step_part
from sdm_sim.bridge.episode import Outcome
from sdm_sim.task import Task

SIZE, FPS = 480, 20
_STRIP = 52  # pixels of the caption


class Film:
    """480×480 at 20 frames a second of simulated time, with a caption. The file appears whole, on `close`; without
    frames there is none."""

    def __init__(self, path: str | Path) -> None:
        self._font = ImageFont.load_default(size=15)
        self._ending = ExitStack()
        partial = self._ending.enter_context(atomic_file(Path(path), ".mp4"))
        self._writer = imageio.get_writer(
            partial, fps=FPS, codec="libx264", macro_block_size=16, output_params=["-threads", "1"]
        )
        self._ending.enter_context(closing(self._writer))

    def add(self, task: Task, outcome: Outcome, mode: str) -> None:
        """Appends an episode. Raises TaskError where nothing can be rendered."""
        stride = max(1, round(task.contract.rates.control_hz / FPS)) * outcome.parts
        task.reset(outcome.seed)
        for part, action in enumerate(outcome.actions):
            if part % stride == 0:
                self._writer.append_data(self._picture(task, outcome, mode, part // outcome.parts))
            step_part(task, action, outcome.parts)
        end = self._picture(task, outcome, mode, outcome.steps)
        for _ in range(FPS // 2):  # the end stays in sight for half a second
            self._writer.append_data(end)

    def close(self) -> None:
        """Puts the video in its place."""
        self._ending.close()

    def _picture(self, task: Task, outcome: Outcome, mode: str, step: int) -> NDArray[np.uint8]:
        """What is to be seen now, rgb8 [H,W,3], under its caption."""
        ending = ("   success" if task.succeeded else "   not solved") if step == outcome.steps else ""
        caption = (
            f"{task.name}   {mode}   {outcome.rate_hz:.0f} Hz\n"
            f"seed {outcome.seed}   t = {step * task.contract.dt:.2f} s{ending}"
        )
        image = Image.fromarray(np.ascontiguousarray(task.render(SIZE, SIZE)))
        dim = Image.new("RGBA", (SIZE, _STRIP), (0, 0, 0, 150))
        image.paste(dim, (0, 0), dim)
        ImageDraw.Draw(image).multiline_text((10, 6), caption, font=self._font, fill="white", spacing=4)
        return np.asarray(image)
