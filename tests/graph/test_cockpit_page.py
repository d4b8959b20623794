"""The cockpit's page in a browser, beside the simulated cell under its shipped student: what is seen is what happens,
and what is asked for is done.

The tests share the cell, in their order: the last of them kills its policy.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from helpers.browser import Browser, headless_browser
from helpers.cockpit_cell import Cell, cockpit_cell
from helpers.cockpit_page import CockpitPage
from playwright.sync_api import ViewportSize
from sdm_cockpit.page.palette import ALARM, BLUISH_GREEN, YELLOW

pytestmark = pytest.mark.slow

# Little more than the panels: without a graphics card the processor draws each pixel of the scene between them.
SLIM: ViewportSize = {"width": 750, "height": 480}
WIDE: ViewportSize = {"width": 1200, "height": 640}
HAND, SHOULDER = "/bodies/scene∕fr3_hand", "/bodies/scene∕fr3_link2"


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """At half speed, so that a busy machine keeps up."""
    with cockpit_cell(tmp_path_factory.mktemp("cell"), real_time_factor=0.5, pictures_hz=2.0) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_browser() as started:
        yield started


@pytest.fixture(scope="module")
def cockpit(browser: Browser, cell: Cell) -> Iterator[CockpitPage]:
    with browser.page(**SLIM) as page:
        begun = time.time()
        opened = CockpitPage(page, cell.address)
        assert cell.until(lambda: page.frames_drawn), page.errors
        print(f"drawn {time.time() - begun:.2f} s after it was opened")
        yield opened


@contextmanager
def wide(cockpit: CockpitPage) -> Iterator[None]:
    """The scene is large enough to be looked at."""
    cockpit.page.window.set_viewport_size(WIDE)
    try:
        yield
    finally:
        cockpit.page.window.set_viewport_size(SLIM)


def follows(cell: Cell, cockpit: CockpitPage) -> bool:
    """Whether the page comes to say so, in green, and the arm to be led."""
    return cell.until(lambda: cell.leads() and cockpit.shows("following", BLUISH_GREEN))


def sees_arm(cockpit: CockpitPage) -> bool:
    """Whether the arm's light grey is where its shoulder is."""
    patch = cockpit.patch(SHOULDER)
    if patch is None:
        return False
    light = (patch.min(axis=-1) > 90) & (np.ptp(patch, axis=-1) < 25)
    return light.size > 0 and float(light.mean()) > 0.8


def test_the_arm_and_what_the_policy_sees_are_drawn_and_move(cell: Cell, cockpit: CockpitPage) -> None:
    assert follows(cell, cockpit), cell.world.outputs()
    with wide(cockpit):
        assert cell.until(lambda: sees_arm(cockpit) and cockpit.sees_cloud()), cockpit.problems
        before, hand = cockpit.scene(), cockpit.page.position(HAND)
        assert hand is not None

        def moved() -> bool:
            now = cockpit.page.position(HAND)
            if now is None or np.hypot(now[0] - hand[0], now[1] - hand[1]) < 8.0:
                return False
            changed = np.abs(cockpit.scene().astype(int) - before).max(axis=-1) > 40
            return float(changed.mean()) > 0.005

        assert cell.until(moved), cockpit.problems
    assert cockpit.page.says("franka/pick-place")
    assert cockpit.problems == ""


def test_pause_brings_the_arm_to_rest_and_only_a_long_press_lets_it_go_on(cell: Cell, cockpit: CockpitPage) -> None:
    assert follows(cell, cockpit), cell.world.outputs()
    cockpit.page.press("Pause (space)")
    assert cell.until(lambda: cockpit.shows("paused", YELLOW)), cell.world.outputs()
    assert cell.until(cell.is_silent), cell.world.outputs()
    print(f"at rest {1e3 * (cell.led_until() - cockpit.clicked_s):.0f} ms after the click")

    cockpit.page.press("Resume (hold)")
    assert cell.until(lambda: cockpit.page.says("this moves the robot: hold the button"))
    assert cell.is_silent()
    assert cockpit.state == "paused"
    with cockpit.page.held("Resume (hold)"):
        assert cell.until(lambda: cockpit.state == "following"), cell.world.outputs()
    assert follows(cell, cockpit), cell.world.outputs()


def test_a_crop_box_that_is_typed_is_the_policys_and_what_it_sees_is_drawn(cell: Cell, cockpit: CockpitPage) -> None:
    unset = cell.parameter("policy_node", "crop_low")
    cockpit.page.unfold("crop box")

    def set_to(low: tuple[float, float, float], high: tuple[float, float, float]) -> bool:
        for side, values in (("low", low), ("high", high)):
            for axis, value in enumerate(values):
                cockpit.page.inputs(f"crop {side} (m)").nth(axis).fill(f"{value:g}")
        cockpit.page.press("Set the crop")
        return cell.until(lambda: np.allclose(cell.parameter("policy_node", "crop_high"), high))

    assert np.isnan(unset).all()
    spec = cockpit_crop(cockpit)
    with wide(cockpit):
        assert set_to((0.3, -0.3, 0.9), (0.7, 0.3, 1.0))  # in the air
        assert cell.until(lambda: cockpit.state == "blind"), cockpit.problems
        assert cell.until(lambda: not cockpit.sees_cloud())
        assert "crop box" in cockpit.problems
        assert set_to(*spec)
        assert follows(cell, cockpit), cell.world.outputs()
        assert cell.until(cockpit.sees_cloud), cockpit.problems


def cockpit_crop(cockpit: CockpitPage) -> Any:
    """The crop box's corners as the page has them."""
    return tuple(
        tuple(float(cockpit.page.inputs(f"crop {side} (m)").nth(axis).input_value()) for axis in range(3))
        for side in ("low", "high")
    )


def test_a_corner_that_is_dragged_moves_the_policys_crop_box(cell: Cell, cockpit: CockpitPage) -> None:
    before = cell.parameter("policy_node", "crop_high")
    cockpit.page.inputs("drag the crop's corners").check(force=True)
    with wide(cockpit):
        assert cell.until(lambda: cockpit.page.position("/crop/high") is not None)
        along = [cockpit.page.position("/crop/high", (0.0, 0.0, height)) for height in (0.08, 0.16)]
        assert along[0] is not None
        assert along[1] is not None
        cockpit.page.drag(along[0], along[1])
        assert cell.until(lambda: cell.parameter("policy_node", "crop_high")[2] > before[2] + 0.02)
    now = cell.parameter("policy_node", "crop_high")
    assert now[2] == pytest.approx(before[2] + 0.08, abs=0.02)
    assert now[:2] == pytest.approx(before[:2])
    cockpit.page.inputs("drag the crop's corners").uncheck(force=True)


def test_a_second_page_acts_on_the_same_arm_and_its_end_stops_nothing(
    browser: Browser, cell: Cell, cockpit: CockpitPage
) -> None:
    assert follows(cell, cockpit), cell.world.outputs()
    with browser.page(**SLIM) as window:
        second = CockpitPage(window, cell.address)
        assert cell.until(lambda: second.state == "following"), window.errors
        window.window.keyboard.press("Space")
        assert cell.until(lambda: second.state == cockpit.state == "paused"), cell.world.outputs()
        with second.page.held("Resume (hold)"):
            assert cell.until(lambda: cockpit.state == "following"), cell.world.outputs()
        assert window.errors == []
    closed = time.time()
    assert cell.until(lambda: time.time() > closed + 1.0 and cell.leads())
    assert follows(cell, cockpit), cell.world.outputs()


def test_a_page_that_is_reloaded_shows_the_same(cell: Cell, cockpit: CockpitPage) -> None:
    cockpit.page.reload()
    assert follows(cell, cockpit), cell.world.outputs()
    with wide(cockpit):
        assert cell.until(lambda: sees_arm(cockpit) and cockpit.sees_cloud()), cockpit.problems
    assert cockpit.page.errors == []


def test_where_a_deadman_is_asked_for_a_closed_page_stops_the_arm(
    browser: Browser, cell: Cell, cockpit: CockpitPage
) -> None:
    assert cell.command.end() == 0
    assert cell.until(lambda: cockpit.shows("command_node gone", ALARM)), cell.world.outputs()
    cell.start_command(deadman_timeout_s=0.5)
    with browser.page(**SLIM) as window:
        held = CockpitPage(window, cell.address)
        assert cell.until(lambda: window.says("Hold to run"), 60.0), cell.world.outputs()
        assert cell.until(lambda: held.state == "resting"), cell.world.outputs()
        assert not cell.leads()
        window.window.get_by_role("button", name="Hold to run").hover()
        window.window.mouse.down()
        assert cell.until(lambda: cockpit.state == "following" and cell.leads()), cell.world.outputs()
    closed = time.time()
    assert cell.until(lambda: cockpit.state == "resting" and cell.is_silent()), cell.world.outputs()
    print(f"at rest {1e3 * (cell.led_until() - closed):.0f} ms after the page was closed")


def test_a_policy_that_dies_turns_the_page_red(cell: Cell, cockpit: CockpitPage) -> None:
    assert not cockpit.shows("policy gone", ALARM)
    cell.policy.send(signal.SIGKILL)
    killed = time.time()
    assert cell.until(lambda: cockpit.state == "policy gone"), cell.world.outputs()
    print(f"said {time.time() - killed:.2f} s after it was killed")
    assert cell.until(lambda: cockpit.shows("policy gone", ALARM))
    assert cockpit.page.says("policy_node does not answer any more")
