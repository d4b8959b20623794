"""cockpit_node and its page in a browser, shown garbage and shown to strangers: it lives on, and says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.browser import Browser, headless_browser
from helpers.cockpit_page import CockpitPage, now_and_then, page_address
from helpers.contracts import small_contract
from helpers.fake_robot import time_message
from helpers.graph import Graph, NodeProcess, graph
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from sensor_msgs_py.point_cloud2 import create_cloud_xyz32
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

TOKEN = "correct horse battery"
BASE = "world"
# Small: without a graphics card each pixel is drawn by the processor.
WINDOW = {"width": 1000, "height": 480}


def points(count: int) -> np.ndarray:
    """A cloud that fills the crop box, float32 [count, 3]."""
    return np.random.default_rng(0).uniform([-0.3, -0.3, 0.01], [0.3, 0.3, 0.59], (count, 3)).astype(np.float32)


def message(xyz: np.ndarray) -> PointCloud2:
    return create_cloud_xyz32(Header(frame_id=BASE), xyz)


def cut_off() -> PointCloud2:
    """A cloud that says that it is larger than it is."""
    cloud = message(points(100))
    cloud.data = cloud.data[:-40]
    return cloud


@dataclass
class Watched:
    """cockpit_node beside a camera that publishes clouds of its own, and nobody else."""

    world: Graph
    process: NodeProcess
    address: str
    _cloud: PointCloud2 | None = None
    _period_s: float = 0.0
    _told_s: float = 0.0

    def __post_init__(self) -> None:
        node = self.world.node
        self._clouds = node.create_publisher(PointCloud2, "camera/camera/depth/color/points", 10)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._scene = node.create_publisher(MarkerArray, "scene", latched)

    def see(self, cloud: PointCloud2 | None, period_s: float = 0.3) -> None:
        """From now on the camera sees this; None: it is silent."""
        self._cloud, self._period_s = cloud, period_s

    def until(self, predicate: Callable[[], object], timeout_s: float = 90.0) -> bool:
        """The camera publishes what it sees, until the predicate holds."""

        asked = now_and_then(predicate)

        def done() -> bool:
            if self._cloud is not None and time.monotonic() - self._told_s > self._period_s:
                self._told_s = time.monotonic()
                self._cloud.header.stamp = time_message(time.time_ns())
                self._clouds.publish(self._cloud)
            return asked()

        return self.world.spin_until(done, timeout_s)

    def show_scene(self, *meshes: str) -> None:
        """A world of a box, and of files with meshes."""
        box = Marker(ns="box", id=0, type=Marker.CUBE)
        box.scale.x = box.scale.y = box.scale.z = 0.2
        markers = [box]
        for number, mesh in enumerate(meshes, start=1):
            markers.append(Marker(ns="mesh", id=number, type=Marker.MESH_RESOURCE, mesh_resource=mesh))
            markers[-1].scale.x = markers[-1].scale.y = markers[-1].scale.z = 1.0
        for marker in markers:
            marker.header.frame_id = BASE
            marker.pose.orientation.w = 1.0
            marker.color.r = marker.color.g = marker.color.b = marker.color.a = 1.0
        clear = Marker(action=Marker.DELETEALL)
        self._scene.publish(MarkerArray(markers=[clear, *markers]))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("cockpit")
    box = {"crop_low": (-0.3, -0.3, 0.0), "crop_high": (0.3, 0.3, 0.6), "points": 1024, "network_points": 512}
    small_contract(cloud=box).save(folder / "contract.yaml")
    (folder / "token").write_text(f"{TOKEN}\n")
    with graph(folder) as world:
        process = world.start(
            "cockpit_node",
            checkpoint=folder / "contract.yaml",
            observation_source="points",
            reliable_sensors=True,  # a large cloud is many packets
            host="0.0.0.0",
            port=0,
            token_file=folder / "token",
            pictures_hz=4.0,
            niceness=0,
        )
        yield Watched(world, process, page_address(world, process))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_browser() as started:
        yield started


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The addresses of all that the browser of `cockpit` has asked for."""
    return []


@pytest.fixture(scope="module")
def cockpit(browser: Browser, watched: Watched, asked: list[str]) -> Iterator[CockpitPage]:
    """The page, once the token has opened it."""
    with browser.page(**WINDOW) as page:
        page.window.on("request", lambda request: asked.append(request.url))
        page.window.on("websocket", lambda socket: asked.append(socket.url))
        cockpit = CockpitPage(page, watched.address)
        for token, answer in (("open sesame", "That is not the token."), (TOKEN, "")):
            page.window.get_by_label("The cockpit's token").fill(token)
            page.press("Enter")
            assert not answer or watched.until(lambda: page.says("That is not the token."))
        assert watched.until(lambda: page.frames_drawn), page.errors
        yield cockpit


def test_the_token_is_in_no_address_and_no_log(cockpit: CockpitPage, watched: Watched, asked: list[str]) -> None:
    assert any(address.startswith("ws://") for address in asked)
    told = [*asked, cockpit.page.window.url, *cockpit.page.errors, watched.process.output]
    assert not [text for text in told if "horse" in text]


def test_who_has_no_token_gets_the_door_and_nothing_else(
    browser: Browser, cockpit: CockpitPage, watched: Watched
) -> None:
    """`cockpit`, which has it, may connect as often as it likes."""
    opened = """async (address) => new Promise((answer) => {
        const socket = new WebSocket(address);
        socket.onopen = () => { socket.close(); answer(true); };
        socket.onerror = () => answer(false);
    })"""
    web_socket = watched.address.replace("http", "ws")
    assert cockpit.page.window.evaluate(opened, web_socket)
    with browser.page(**WINDOW) as stranger:
        assert not stranger.window.evaluate(opened, web_socket)  # of another site
        stranger.open(watched.address)
        assert stranger.wait_until(lambda: stranger.says("The cockpit's token"))
        assert not stranger.window.evaluate(opened, web_socket)
        assert stranger.window.locator("canvas, script").count() == 0


def test_a_camera_that_is_silent_is_said(cockpit: CockpitPage, watched: Watched) -> None:
    watched.see(None)
    assert watched.until(lambda: "no image has come for 1 s; check the camera" in cockpit.problems)
    assert not cockpit.sees_cloud()


def recovers(cockpit: CockpitPage, watched: Watched) -> bool:
    """Whether a cloud that is as it should be comes to be drawn, and nothing to be wrong any more."""
    watched.see(message(points(2000)))
    return watched.until(lambda: cockpit.sees_cloud() and not cockpit.problems)


@pytest.mark.parametrize(
    ("cloud", "line"),
    [
        (message(np.full((1000, 3), np.nan, np.float32)), "none of 0 valid points lies in the crop box"),
        (message(np.full((1000, 3), 1e30, np.float32)), "none of 1000 valid points lies in the crop box"),
        (cut_off(), "1160 bytes, 1200 expected"),
    ],
    ids=["nan", "far away", "cut off"],
)
def test_a_cloud_of_garbage_is_said_until_a_sound_one_comes(
    cockpit: CockpitPage, watched: Watched, cloud: PointCloud2, line: str
) -> None:
    watched.see(cloud)
    assert watched.until(lambda: line in cockpit.problems), cockpit.problems
    assert watched.until(lambda: not cockpit.sees_cloud())
    assert recovers(cockpit, watched), cockpit.problems


def test_two_million_points_are_sampled_as_for_a_network(cockpit: CockpitPage, watched: Watched) -> None:
    watched.see(None)
    assert watched.until(lambda: not cockpit.sees_cloud())
    watched.see(message(points(2_000_000)), period_s=0.8)
    assert watched.until(cockpit.sees_cloud), cockpit.problems


def test_a_mesh_that_is_missing_is_said_and_the_rest_is_drawn(
    cockpit: CockpitPage, watched: Watched, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.stl"
    broken.write_bytes(b"solid nothing")
    watched.show_scene("file:///nowhere/link0.stl", broken.as_uri())
    for line in ("1 of 4 shapes are left out: no mesh file /nowhere/link0.stl", "mesh/2 is not drawn"):
        assert watched.until(lambda line=line: line in cockpit.problems), cockpit.problems
    assert watched.until(lambda: cockpit.page.position("/bodies/world/box∕0") is not None)


def test_the_page_has_lived_through_it_all(cockpit: CockpitPage, watched: Watched) -> None:
    watched.show_scene()
    assert recovers(cockpit, watched), cockpit.problems
    drawn = cockpit.page.frames_drawn
    assert watched.until(lambda: cockpit.page.frames_drawn > drawn + 3)
    # The door itself, before the token, is no page: a browser's console has a line for that.
    assert not [error for error in cockpit.page.errors if "401 (Unauthorized)" not in error]
    assert "Traceback" not in watched.process.output
