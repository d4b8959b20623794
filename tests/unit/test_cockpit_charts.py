"""The cockpit's strip charts, as a browser draws them."""

from __future__ import annotations

from helpers.browser import headless_browser, share_of_colour
from helpers.page_operator import PageOperator
from sdm_cockpit.page.page import Page, PageOptions
from sdm_cockpit.page.palette import BLUE, SKY_BLUE
from sdm_cockpit.snapshot import Snapshot, Timing

TIMING = Timing(2.0, 9.0, 0.3, 12.0, 17.0, 20.0, 50.0)


def test_the_charts_are_drawn_though_nothing_was_told_at_first() -> None:
    """uPlot draws no line in which there is a NaN, and takes no other gap."""
    shown = Page(PageOptions(port=0), PageOperator())
    try:
        for tenth in range(100):
            shown.show(Snapshot(tenth / 10, timing=TIMING if tenth > 50 else None))
        with headless_browser() as browser, browser.page(1200, 900) as page:
            page.open(shown.url)
            assert page.wait_until(lambda: page.says("Age of the observation")), page.errors

            def is_drawn() -> bool:
                charts = page.pixels()[:, :360]
                return share_of_colour(charts, SKY_BLUE) > 5e-4 and share_of_colour(charts, BLUE) > 5e-4

            assert page.wait_until(is_drawn), page.errors
    finally:
        shown.close()
