"""What the tutorials tell people to write and to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
PAGES = sorted(TUTORIALS.glob("*.md"))


def new_files(page: Path) -> dict[str, str]:
    """The files that a page has people make, by their path: a block below the path, a colon behind it."""
    return dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)```", page.read_text(), re.DOTALL))


def write_files(page: Path, root: Path) -> None:
    """Makes them below `root`."""
    for name, text in new_files(page).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def insertions(page: Path) -> list[str]:
    """The blocks of Python that a page has people insert into a file that is there, in the page's order."""
    made = set(new_files(page).values())
    return [block for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) if block not in made]


def commands(page: Path) -> list[list[str]]:
    """Every command line of a page, word by word, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]
