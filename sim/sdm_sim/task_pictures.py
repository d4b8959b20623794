"""A sheet of small pictures for each family of tasks: what an episode begins with."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sdm_sim.registry import make_task, public_families

SEED = 0
_SIDE, _CAPTION, _COLUMNS = 120, 16, 8


def sheet_name(family: str) -> str:
    """The file's name."""
    return f"tasks_{family}.jpg"


def draw_sheets(folder: Path) -> None:
    """Writes the sheet of every family that anyone can build. Raises TaskError where nothing can be rendered."""
    folder.mkdir(parents=True, exist_ok=True)
    for family, tasks in public_families().items():
        _sheet(family, tasks).save(folder / sheet_name(family), quality=85)


def _sheet(family: str, tasks: tuple[str, ...]) -> Image.Image:
    columns = min(len(tasks), _COLUMNS)
    rows = -(-len(tasks) // columns)
    sheet = Image.new("RGB", (columns * _SIDE, rows * (_SIDE + _CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=9)
    for index, name in enumerate(tasks):
        left, top = index % columns * _SIDE, index // columns * (_SIDE + _CAPTION)
        with closing(make_task(f"{family}/{name}")) as task:
            task.reset(SEED)
            sheet.paste(Image.fromarray(task.render(2 * _SIDE, 2 * _SIDE)).resize((_SIDE, _SIDE)), (left, top))
        draw.text((left + 3, top + _SIDE + 1), name, font=font, fill="black")
    return sheet
