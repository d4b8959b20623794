"""The tests' browser, at a page of viser's own: what it sees is drawn, and what it presses is pressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import viser
from helpers.browser import Browser, Page, headless_browser, share_of_colour
from helpers.graph import graph
from std_msgs.msg import Int32

ORANGE = (213, 94, 0)


@dataclass(frozen=True)
class Served:
    """A page, and what is in it."""

    address: str
    gui: viser.GuiApi
    cloud: viser.PointCloudHandle
    handle: viser.TransformControlsHandle


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_browser() as started:
        yield started


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A single large point, and beside it a handle to drag; drawn without what takes a processor long."""
    server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    server.scene.configure_environment_map(None)
    server.scene.configure_default_lights(cast_shadow=False)
    server.initial_camera.position = (0.0, -3.0, 0.0)
    server.initial_camera.look_at = (0.0, 0.0, 0.0)
    cloud = server.scene.add_point_cloud("/cloud", np.zeros((1, 3), np.float32), ORANGE, point_size=0.3)
    handle = server.scene.add_transform_controls("/handle", scale=0.5, position=(-0.8, 0.0, 0.0))
    yield Served(f"http://127.0.0.1:{server.get_port()}", server.gui, cloud, handle)
    server.stop()


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with browser.page() as opened:
        opened.open(served.address)
        assert opened.wait_until(lambda: opened.frames_drawn), opened.errors
        yield opened


def cloud_is_seen(page: Page) -> bool:
    """Whether the pixels around the cloud's point are of its colour."""
    position = page.position("/cloud")
    if position is None:
        return False
    column, row = map(round, position)
    return share_of_colour(page.pixels()[row - 10 : row + 10, column - 10 : column + 10], ORANGE) > 0.9


def test_what_is_drawn_is_seen_where_it_is_and_nowhere_else(page: Page, served: Served) -> None:
    assert page.wait_until(lambda: cloud_is_seen(page))
    assert share_of_colour(page.pixels(), ORANGE) < 0.02
    served.cloud.visible = False
    assert page.wait_until(lambda: not cloud_is_seen(page))
    served.cloud.visible = True
    assert page.wait_until(lambda: cloud_is_seen(page))


def test_a_button_that_is_pressed_reaches_its_callback(page: Page, served: Served) -> None:
    presses = []
    served.gui.add_button("Count").on_click(presses.append)
    page.press("Count")
    page.press("Count")
    assert page.wait_until(lambda: len(presses) == 2)


def test_a_button_that_is_held_calls_until_it_is_let_go(page: Page, served: Served) -> None:
    calls = []
    served.gui.add_button("Run").on_hold(calls.append, callback_hz=20.0)
    with page.held("Run"):
        assert page.wait_until(lambda: len(calls) > 3)
    page.window.wait_for_timeout(200)
    so_far = len(calls)
    page.window.wait_for_timeout(300)
    assert len(calls) == so_far


def test_what_is_filled_in_reaches_the_server(page: Page, served: Served) -> None:
    seed = served.gui.add_number("Seed", 3)
    task = served.gui.add_dropdown("Task", ("door-open", "basketball"))
    crop = served.gui.add_vector3("Crop", (0.0, 0.0, 0.0), step=0.01)
    page.inputs("Seed").fill("7")
    page.inputs("Crop").nth(1).fill("0.25")
    page.inputs("Task").click()
    page.window.get_by_role("option", name="basketball").click()
    assert page.wait_until(lambda: (seed.value, task.value, crop.value) == (7, "basketball", (0.0, 0.25, 0.0)))


def test_a_handle_that_is_dragged_moves_along_its_axis(page: Page, served: Served) -> None:
    start, end = page.position("/handle", (0.3, 0.0, 0.0)), page.position("/handle", (0.5, 0.0, 0.0))
    assert start is not None
    assert end is not None
    page.drag(start, end)
    assert page.wait_until(lambda: abs(served.handle.position[0] - -0.6) < 0.02), served.handle.position
    assert served.handle.position[1:] == pytest.approx([0.0, 0.0])


def test_a_second_page_works_beside_the_first(browser: Browser, page: Page, served: Served) -> None:
    text = served.gui.add_markdown("nobody yet")
    served.gui.add_button("Tell all").on_click(lambda _: setattr(text, "content", "all are told"))
    with browser.page(width=600) as second:
        second.open(served.address)
        assert second.wait_until(lambda: second.says("nobody yet") and cloud_is_seen(second)), second.errors
        second.press("Tell all")
        assert second.wait_until(lambda: second.says("all are told"))
        assert page.wait_until(lambda: page.says("all are told"))
        assert second.errors == []
    assert cloud_is_seen(page)


def test_a_page_that_is_reloaded_shows_the_same(page: Page, served: Served) -> None:
    served.gui.add_markdown("still there")
    page.reload()
    assert page.wait_until(lambda: page.says("still there") and cloud_is_seen(page)), page.errors
    assert page.errors == []


def test_a_graph_is_served_while_the_page_is_looked_at(page: Page, served: Served, tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        text = served.gui.add_markdown("nothing heard")

        def hear(message: Int32) -> None:
            text.content = f"{message.data} heard"

        world.node.create_subscription(Int32, "count", hear, 1)
        publisher = world.node.create_publisher(Int32, "count", 1)
        world.node.create_timer(0.02, lambda: publisher.publish(Int32(data=3)))
        assert world.spin_until(lambda: page.says("3 heard"))


def test_a_page_gets_nothing_from_elsewhere_and_its_errors_are_kept(browser: Browser, served: Served) -> None:
    with browser.page() as fresh:
        fresh.open(served.address)
        fresh.window.evaluate("fetch('http://example.org/font.woff2', { mode: 'no-cors' }).catch(() => null)")
        assert fresh.wait_until(lambda: any("ERR_NAME_NOT_RESOLVED" in error for error in fresh.errors)), fresh.errors
