"""The documentation's pictures of the cockpit, taken of its real pages in a headless browser: `make pictures`.

    python tools/cockpit_pictures.py [--folder docs/pictures]

cockpit.png: the page beside the simulated cell under its shipped student; cockpit_policy_gone.png: the same a second
after that policy was killed; cockpit_replay.png: a demonstration of push-wall under the plans of teacher and student.
"""

from __future__ import annotations

import argparse
import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from helpers.browser import Browser, Page, headless_browser  # noqa: E402 (the browser's helpers lie beside the tests)
from helpers.cockpit_cell import cockpit_cell  # noqa: E402
from helpers.cockpit_page import CockpitPage  # noqa: E402

MODELS = REPOSITORY / "models"
WALL_STUDENT, WALL_TEACHER = MODELS / "metaworld_push-wall_sdm", MODELS / "metaworld_push-wall_teacher"
WALL_STEP = 60
"""Of the demonstration: the hand has the puck, and the wall is before it."""
WIDTH, HEIGHT = 1440, 960
CHARTS_S = 12.0
"""How long the arm has been led when the picture is taken."""
PATIENCE_S = 120.0


def save(page: Page, path: Path) -> None:
    """The whole window."""
    Image.open(io.BytesIO(page.window.screenshot())).convert("RGB").save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1000} kB)")


def photograph_cell(browser: Browser, folder: Path, logs: Path) -> None:
    """The cell while it is led, and when its policy has been killed."""
    with cockpit_cell(logs, real_time_factor=1.0, pictures_hz=20.0) as cell, browser.page(WIDTH, HEIGHT) as page:
        shown = CockpitPage(page, cell.address)

        def wait_for(state: str) -> None:
            if not cell.until(lambda: shown.state == state):
                raise SystemExit(f"the page says '{shown.state}', not '{state}'; {cell.world.outputs()}")

        wait_for("following")
        cell.world.spin_for(CHARTS_S)
        wait_for("following")
        save(page, folder / "cockpit.png")
        cell.policy.send(signal.SIGKILL)
        wait_for("policy gone")
        cell.world.spin_for(0.5)
        save(page, folder / "cockpit_policy_gone.png")


def photograph_replay(browser: Browser, folder: Path, scratch: Path) -> None:
    """Demonstrations made anew, the first of them on the page."""
    programs = Path(sys.executable).parent
    store = "push-wall.zarr"
    demos = [programs / "sdm-demos", "task=metaworld/push-wall", "episodes=3", f"output={store}"]
    subprocess.run(demos, check=True, cwd=scratch)
    replayed = [str(programs / "sdm-replay"), f"{store}:0", "--port", "0"]
    for checkpoint in (WALL_TEACHER, WALL_STUDENT):
        replayed += ["--checkpoint", str(checkpoint)]
    with subprocess.Popen(replayed, stdout=subprocess.PIPE, text=True, cwd=scratch) as replay:
        try:
            assert replay.stdout
            address = next(filter(None, (re.search(r"http://\S+", line) for line in replay.stdout)))
            with browser.page(WIDTH, HEIGHT) as page:
                page.open(address[0])
                if not page.wait_until(lambda: page.frames_drawn and page.says("step"), PATIENCE_S):
                    raise SystemExit("the replay's page shows nothing")
                page.inputs("step").last.fill(str(WALL_STEP))
                page.window.keyboard.press("Enter")
                page.window.wait_for_timeout(15_000)  # the plans are computed while one looks
                save(page, folder / "cockpit_replay.png")
        finally:
            replay.send_signal(signal.SIGINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "docs/pictures")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, headless_browser() as browser:
        photograph_cell(browser, options.folder, Path(scratch))
        photograph_replay(browser, options.folder, Path(scratch))
    print(f"taken in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
