"""How soon the cockpit's page is there, stops the arm, and says that the policy is gone; a `cockpit_page` line.

    python benchmarks/cockpit_page.py [--trials 10] [--results benchmarks/results/cockpit.jsonl]

A headless browser without a graphics card looks at the page beside the simulated cell, on the same machine. shown: from
the call of the address to a drawn scene under a headline, in a fresh profile; braked: from a click on pause to the
gate's word that it holds the arm back for that; rest: to the last command that leads it elsewhere, which takes as long
as the limits ask for; gone: from SIGKILL of policy_node to the red headline.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import ViewportSize
from sdm_core.provenance import origin
from sdm_core.results import append_result

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from helpers.browser import Browser, headless_browser
from helpers.cockpit_cell import Cell, cockpit_cell
from helpers.cockpit_page import CockpitPage

RESULTS = Path("benchmarks/results/cockpit.jsonl")
ALLOWED_MS = {"shown": 3000, "braked": 100, "gone": 1000}
WINDOW: ViewportSize = {"width": 750, "height": 480}
"""Little more than the panels: what it draws, it draws on the cores that the cell runs on."""


def wait(cell: Cell, what: Callable[[], object]) -> None:
    if not cell.until(what):
        raise SystemExit(f"cockpit_page: waited in vain; {cell.world.outputs()}")


def shown_ms(browser: Browser, cell: Cell) -> float:
    with browser.page(**WINDOW) as page:
        called_s = time.time()
        opened = CockpitPage(page, cell.address)
        wait(cell, lambda: opened.shown_s)
        assert opened.shown_s
        return 1e3 * (opened.shown_s - called_s)


def pause_ms(cell: Cell, shown: CockpitPage) -> tuple[float, float]:
    """Until the arm is braked, and until it is at rest."""
    wait(cell, lambda: cell.leads() and shown.state == "following")
    shown.page.press("Pause (space)")
    wait(cell, lambda: shown.state == "paused" and cell.is_silent())
    braked_ms, rest_ms = (1e3 * (at - shown.clicked_s) for at in (cell.braked_at("paused"), cell.led_until()))
    with shown.page.held("Resume (hold)"):
        wait(cell, lambda: shown.state == "following")
    return braked_ms, rest_ms


def gone_ms(cell: Cell, shown: CockpitPage) -> float:
    wait(cell, lambda: cell.leads() and shown.state == "following")
    killed_s = time.time()
    cell.policy.send(signal.SIGKILL)
    wait(cell, lambda: shown.state == "policy gone")
    answer = 1e3 * (shown.said_s("policy gone") - killed_s)
    cell.start_policy()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    trials = range(options.trials)
    with (
        tempfile.TemporaryDirectory() as logs,
        headless_browser() as browser,
        cockpit_cell(Path(logs), real_time_factor=1.0, pictures_hz=20.0) as cell,
    ):
        wait(cell, cell.leads)
        measured = {"shown": [shown_ms(browser, cell) for _ in trials]}
        with browser.page(**WINDOW) as page:
            shown = CockpitPage(page, cell.address)
            pauses = [pause_ms(cell, shown) for _ in trials]
            measured["braked"], measured["rest"] = ([one[part] for one in pauses] for part in (0, 1))
            measured["gone"] = [gone_ms(cell, shown) for _ in trials]
    line = {
        "kind": "cockpit_page",
        "task": "franka/pick-place",
        "trials": options.trials,
        "allowed_ms": ALLOWED_MS,
        **{f"{what}_ms": [round(value, 1) for value in values] for what, values in measured.items()},
        "load": round(os.getloadavg()[0], 1),
        **origin(),
    }
    append_result(options.results, line)
    for what, values in measured.items():
        allowed = f", allowed {ALLOWED_MS[what]} ms" if what in ALLOWED_MS else ""
        print(f"{what:6} median {np.median(values):6.0f} ms, longest {max(values):6.0f} ms{allowed}")


if __name__ == "__main__":
    main()
