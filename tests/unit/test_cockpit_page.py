"""The cockpit's page as a visitor's machine hears it: what is drawn, what can be asked, and what becomes of garbage."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from helpers.page_client import PageClient
from helpers.page_operator import PageOperator
from helpers.waiting import wait_until
from sdm_cockpit.operator import Abilities
from sdm_cockpit.page import body_shapes
from sdm_cockpit.page.headline import headline
from sdm_cockpit.page.page import Page, PageOptions
from sdm_cockpit.page.palette import CLOUD_HIGH, CLOUD_LOW
from sdm_cockpit.page.point_cloud import MAX_POINTS, drawable, point_colours
from sdm_cockpit.snapshot import (
    Box,
    Episode,
    NodeState,
    Plan,
    Pose,
    Scene,
    Shape,
    ShapeKind,
    Snapshot,
    Status,
    Timing,
)

CROP = Box(np.array([0.2, -0.4, 0.0]), np.array([0.8, 0.4, 0.5]))


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Pose:
    return Pose(np.array([x, y, z]), np.array([0.0, 0.0, 0.0, 1.0]))


def shape(name: str, kind: ShapeKind = "box", frame: str = "link", mesh: str = "") -> Shape:
    return Shape(name, frame, kind, pose(), np.array([0.1, 0.2, 0.3]), (0.5, 0.5, 0.5, 1.0), mesh)


def snapshot(time_s: float = 0.0, **changes: Any) -> Snapshot:
    """Of a policy that follows its plan."""
    rng = np.random.default_rng(0)
    path = np.linspace([0.4, 0.0, 0.3], [0.5, 0.1, 0.2], 8)
    whole = Snapshot(
        time_s,
        Scene(1, (shape("upper"), shape("ball", "sphere"), shape("can", "cylinder", "tool/tip"))),
        {"link": pose(0.1), "tool/tip": pose(0.4)},
        rng.uniform(CROP.low, CROP.high, (512, 3)).astype(np.float32),
        {"camera": rng.integers(0, 255, (120, 160, 3), np.uint8)},
        CROP,
        Box(CROP.low - 0.1, CROP.high + 0.1),
        (Plan(1, path, path, executed=3),),
        pose(0.4, 0.0, 0.3),
        (),
        Timing(2.0, 9.0, 0.3, 12.0, 17.0, 20.0, 50.0),
        Status((NodeState("policy_node", "active"), NodeState("command_node", "active")), "following"),
        Episode("franka/pick-place", 4, 50, seed=3, step=17, finished=3, successes=2),
    )
    return dataclasses.replace(whole, **changes)


@pytest.fixture
def operator() -> PageOperator:
    return PageOperator()


@pytest.fixture
def page(operator: PageOperator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """It draws a scene at once, however busy the machine is."""
    monkeypatch.setattr(body_shapes, "LOADING_S", 60.0)
    page = Page(PageOptions(port=0), operator)
    yield page
    page.close()


@pytest.fixture
def visitor(page: Page) -> Iterator[PageClient]:
    """Who comes when the page has been drawn."""
    page.show(snapshot())
    client = PageClient(page.url)
    yield client
    client.close()


def reads(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message writes `text` on the page."""
    return lambda message: text in str(message.get("updates", message.get("props", {})).get("content", ""))


def updates(name: str, prop: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message.get("name") == name and prop in message.get("updates", {})


def sets(uuid: str, value: Any) -> Callable[[dict[str, Any]], bool]:
    """Whether a message gives an input a value."""
    return lambda message: message.get("uuid") == uuid and message.get("updates", {}).get("value") == value


def hides(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: (
        message["type"] == "SetSceneNodeVisibilityMessage" and message["name"] == name and not message["visible"]
    )


def test_a_late_visitor_sees_what_was_drawn_before(visitor: PageClient) -> None:
    drawn = {m["name"] for m in visitor.heard if m["type"] == "MeshMessage"}
    assert drawn == {"/bodies/link/upper", "/bodies/link/ball", "/bodies/tool∕tip/can"}
    assert next(filter(updates("/cloud", "points"), visitor.heard))
    assert next(filter(updates("/plans/0/executed", "points"), visitor.heard))
    for text in ("following", "20.0 Hz", "12 ms", "2 of 3", "policy_node", "franka/pick-place"):
        visitor.wait_for(reads(text), 0.1)


def test_only_what_changed_is_sent(page: Page, visitor: PageClient) -> None:
    now = snapshot()
    page.show(now)
    time.sleep(0.3)
    before = len(visitor.heard)
    page.show(dataclasses.replace(now, frames={"link": pose(0.1), "tool/tip": pose(0.6)}))
    visitor.wait_for(lambda m: m["type"] == "SetPositionMessage" and m["position"] == [0.6, 0.0, 0.0])
    assert [m["name"] for m in visitor.heard[before:] if m["type"] == "SetPositionMessage"] == ["/bodies/tool∕tip"]
    assert not [m for m in visitor.heard[before:] if m["type"] in ("MeshMessage", "SceneNodeUpdateMessage")]


def test_another_scene_takes_the_place_of_the_first(page: Page, visitor: PageClient) -> None:
    page.show(snapshot(scene=Scene(2, (shape("other", frame="elsewhere"),)), frames={"elsewhere": pose()}))
    visitor.wait_for(lambda m: m["type"] == "MeshMessage" and m["name"] == "/bodies/elsewhere/other")
    gone = {m["name"] for m in visitor.heard if m["type"] == "RemoveSceneNodeMessage"}
    assert {"/bodies/link", "/bodies/tool∕tip"} <= gone


def test_a_large_scene_comes_piece_by_piece(page: Page, visitor: PageClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_shapes, "LOADING_S", 0.0)
    scene = Scene(2, tuple(shape(f"part {number}") for number in range(3)))
    for number in range(3):
        assert not [m for m in visitor.heard if m.get("name") == f"/bodies/link/part {number}"]
        page.show(snapshot(scene=scene))
        visitor.wait_for(lambda m, number=number: m.get("name") == f"/bodies/link/part {number}")


def test_the_inputs_show_what_the_simulator_tells_of_its_run_once(
    page: Page, visitor: PageClient, operator: PageOperator
) -> None:
    def show(factor: float, latency_ms: float) -> None:
        page.show(snapshot(episode=Episode("a/b", mode="realtime", real_time_factor=factor, latency_ms=latency_ms)))

    show(0.5, 20.0)
    visitor.wait_for(sets(visitor.uuid("real-time factor"), "0.5"))
    visitor.wait_for(sets(visitor.uuid("added latency (ms)"), 20))
    heard = len(visitor.heard)
    visitor.set("added latency (ms)", 30)
    wait_until(lambda: show(0.5, 20.0) or ("latency_ms", 30.0) in operator.chosen)  # it has not answered yet
    show(0.3, 40.0)
    visitor.wait_for(sets(visitor.uuid("added latency (ms)"), 40))
    assert not [m for m in visitor.heard[heard:] if sets(visitor.uuid("added latency (ms)"), 20)(m)]
    assert not [m for m in visitor.heard[heard:] if sets(visitor.uuid("real-time factor"), "0.3")(m)]


def test_a_cloud_with_nan_is_drawn_without_them_and_that_is_said(page: Page, visitor: PageClient) -> None:
    cloud = np.zeros((100, 3), np.float32)
    cloud[:7] = np.nan
    cloud[7:9] = np.inf
    page.show(snapshot(cloud=cloud))
    visitor.wait_for(updates("/cloud", "points"))
    time.sleep(0.3)  # figures and problems are written four times a second
    page.show(snapshot(cloud=cloud))
    visitor.wait_for(reads("9 of 100 points are not finite"))


def test_coloured_points_are_drawn_in_their_own_colour(page: Page) -> None:
    cloud = np.random.default_rng(0).uniform(0, 1, (50, 6)).astype(np.float32)
    page.show(snapshot(cloud=cloud))
    drawn = page._cloud._handle
    np.testing.assert_allclose(drawn.points, cloud[:, :3], atol=1e-3)
    np.testing.assert_array_equal(drawn.colors, np.rint(255 * cloud[:, 3:]).astype(np.uint8))
    assert drawable(cloud)[1] == ()
    assert "low to high" not in page._legend._html.content
    heights = cloud[:, :3].copy()
    assert (point_colours(heights)[np.argsort(heights[:, 2])][[0, -1]] == (CLOUD_LOW, CLOUD_HIGH)).all()


def test_more_points_than_can_be_drawn_are_cut() -> None:
    points, problems = drawable(np.zeros((MAX_POINTS + 5, 3), np.float32))
    assert len(points) == MAX_POINTS
    assert problems == ("cloud: 2,000,005 points; the first 2,000,000 are drawn",)


@pytest.mark.parametrize("shape", [(0, 3), (0, 6), (5, 2), (5, 4), (3,)])
def test_a_cloud_that_is_none_leaves_the_page_alive(page: Page, visitor: PageClient, shape: tuple[int, ...]) -> None:
    page.show(snapshot(cloud=np.zeros(shape, np.float32)))
    visitor.wait_for(hides("/cloud"))


def test_a_broken_mesh_is_said_and_the_rest_is_drawn(page: Page, visitor: PageClient, tmp_path: Path) -> None:
    (tmp_path / "broken.stl").write_text("solid nothing\nfacet oops")
    trimesh.creation.box().export(tmp_path / "sound.stl")
    shapes = (
        shape("missing", "mesh", mesh=str(tmp_path / "missing.stl")),
        shape("broken", "mesh", mesh=str(tmp_path / "broken.stl")),
        shape("sound", "mesh", mesh=str(tmp_path / "sound.stl")),
    )
    page.show(snapshot(scene=Scene(2, shapes)))
    time.sleep(0.3)  # problems are written four times a second
    page.show(snapshot(scene=Scene(2, shapes)))
    visitor.wait_for(reads("scene: broken is not drawn"))
    visitor.wait_for(reads("scene: missing is not drawn"))
    visitor.wait_for(lambda m: m["type"] == "MeshMessage" and m["name"] == "/bodies/link/sound")


@pytest.mark.parametrize(
    ("garbage", "line"),
    [
        ({"images": {"camera": np.zeros((4, 4), np.uint8)}}, "camera camera: uint8[4, 4]"),
        ({"images": {"camera": np.zeros((4, 4, 3), np.float32)}}, "camera camera: float32[4, 4, 3]"),
        ({"plans": (Plan(1, np.zeros((4, 8)), np.full((4, 3), np.nan)),)}, "plan: policy is no path of finite places"),
        ({"plans": (Plan(1, np.zeros((4, 8)), np.zeros((4, 2))),)}, "plan: policy is no path of finite places, [4, 2]"),
        ({"crop": Box(np.full(3, np.nan), np.ones(3))}, "crop box: its corners are not finite"),
        ({"scene": Scene(1, (dataclasses.replace(shape("a"), size=np.full(3, np.nan)),))}, "scene: a is not drawn"),
        ({"tool": Pose(np.zeros(2), np.zeros(4))}, "tool: cannot be drawn"),
        ({"frames": {"link": pose()}}, "scene: no pose of tool/tip"),
    ],
)
def test_garbage_becomes_a_line(operator: PageOperator, garbage: dict[str, Any], line: str) -> None:
    page = Page(PageOptions(port=0), operator)
    try:
        page.show(snapshot(**garbage))
        client = PageClient(page.url)
        client.wait_for(reads(line))
        client.close()
    finally:
        page.close()


def test_an_empty_snapshot_is_a_page_that_waits(operator: PageOperator) -> None:
    page = Page(PageOptions(port=0), operator)
    try:
        page.show(Snapshot(0.0))
        client = PageClient(page.url)
        client.wait_for(reads("waiting"))
        client.close()
    finally:
        page.close()


def test_a_headline_is_renewed_so_that_silence_shows(page: Page, visitor: PageClient) -> None:
    for _ in range(2):
        time.sleep(1.0)
        page.show(snapshot())
    for beat in ("0", "1"):
        visitor.wait_for(reads(f'data-beat="{beat}"'))


def test_text_from_outside_is_no_html(page: Page, visitor: PageClient) -> None:
    page.show(snapshot(status=Status((), "faulted", fault="<script>alert(1)</script>")))
    visitor.wait_for(reads("&lt;script&gt;"))


POLICY_GONE = (NodeState("policy_node", "gone"), NodeState("command_node", "active"))
ACTIVE = (NodeState("policy_node", "active"), NodeState("bridge_node", "running"))


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status(ACTIVE, "following"), "following"),
        (Status(ACTIVE, "resting"), "resting"),
        (Status(ACTIVE, "following", dry_run=True), "dry run"),
        (Status(ACTIVE, "faulted", fault="another publisher", dry_run=True), "faulted"),
        (Status(ACTIVE, "going_home"), "going home"),
        (Status(ACTIVE, "resting", refusal="camera: no image for 0.4 s"), "blind"),
        (Status(ACTIVE, "paused", refusal="camera: no image for 0.4 s"), "paused"),
        (Status(ACTIVE, "faulted", fault="another publisher"), "faulted"),
        (Status(POLICY_GONE, "paused", fault="another publisher"), "policy gone"),
        (Status((NodeState("policy_node", "inactive"),), "resting"), "not active"),
        (Status(), "waiting"),
    ],
)
def test_what_weighs_most_is_the_headline(status: Status, word: str) -> None:
    assert headline(status).word == word


def test_pause_is_one_click_or_the_space_bar(visitor: PageClient, operator: PageOperator) -> None:
    visitor.click("Pause (space)")
    wait_until(lambda: operator.asked == ["pause"])
    command = visitor.wait_for(lambda m: m["type"] == "RegisterCommandMessage")
    assert command["props"]["hotkey"] == "space"
    visitor.say({"type": "CommandTriggerMessage", "uuid": command["uuid"]})
    wait_until(lambda: operator.asked == ["pause", "pause"])
    visitor.wait_for(reads("so it is"))
    visitor.wait_for(lambda m: "not pause while an input has the focus" in str(m.get("props", {}).get("content")))


def test_what_moves_the_robot_must_be_held(visitor: PageClient, operator: PageOperator) -> None:
    visitor.click("Resume (hold)")
    visitor.wait_for(reads("hold the button"))
    visitor.hold("Resume (hold)", 0.2)
    time.sleep(0.4)
    assert operator.asked == []
    visitor.hold("Resume (hold)", 2.5)
    visitor.click("Resume (hold)")  # what lifting the pointer sends
    time.sleep(0.2)
    assert operator.asked == ["resume"]


def test_two_short_touches_move_nothing(visitor: PageClient, operator: PageOperator) -> None:
    visitor.hold("Resume (hold)", 0.15)  # becomes a scroll: no click ends it
    time.sleep(0.75)
    visitor.hold("Resume (hold)", 0.01)
    time.sleep(0.2)
    assert operator.asked == []


def test_two_visitors_make_no_press_together(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    other = PageClient(page.url)
    for client in (visitor, other, visitor, other):
        client.hold("Resume (hold)", 0.25)
    other.close()
    time.sleep(0.2)
    assert operator.asked == []


def test_a_deadman_is_told_while_it_is_held_and_released_by_silence(
    page: Page, visitor: PageClient, operator: PageOperator
) -> None:
    visitor.hold("Hold to run", 0.5)
    wait_until(lambda: operator.held and not operator.held[-1])
    assert operator.held.count(True) > 3
    assert operator.held.count(False) == 1


def test_a_visitor_who_vanishes_lets_go(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    other = PageClient(page.url)
    other.hold("Hold to run", 0.1)
    other.close()
    wait_until(lambda: operator.held and not operator.held[-1])
    visitor.wait_for(reads("following"))


def drag(client: PageClient, corner: str, to: tuple[float, float, float]) -> None:
    """As the page tells it: seized, moved, and let go."""
    client.say({"type": "TransformControlsDragStartMessage", "name": corner})
    client.say({"type": "TransformControlsUpdateMessage", "name": corner, "wxyz": (1.0, 0.0, 0.0, 0.0), "position": to})
    client.say({"type": "TransformControlsDragEndMessage", "name": corner})


def test_a_dragged_box_is_asked_for_with_its_corners_in_order(visitor: PageClient, operator: PageOperator) -> None:
    drag(visitor, "/crop/low", (0.9, -0.3, 0.1))
    wait_until(lambda: operator.boxes)
    which, box = operator.boxes[0]
    assert which == "crop"
    np.testing.assert_allclose(box.low, [0.8, -0.3, 0.1])
    np.testing.assert_allclose(box.high, [0.9, 0.4, 0.5])


def test_a_visitor_who_vanishes_in_mid_drag_sets_no_box(
    page: Page, visitor: PageClient, operator: PageOperator
) -> None:
    other = PageClient(page.url)
    other.say({"type": "TransformControlsDragStartMessage", "name": "/crop/low"})
    moved = {"name": "/crop/low", "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.9, -0.3, 0.1)}
    other.say({"type": "TransformControlsUpdateMessage", **moved})

    def stands_at(corner: tuple[float, ...]) -> bool:
        told = [m for m in list(visitor.heard) if m["type"] == "SetPositionMessage" and m["name"] == "/crop/low"]
        return bool(told) and np.allclose(told[-1]["position"], corner)

    wait_until(lambda: stands_at((0.9, -0.3, 0.1)))
    other.close()
    wait_until(lambda: stands_at(tuple(CROP.low)))
    assert not operator.boxes


@pytest.mark.parametrize(("grants", "word"), [(False, "refused"), (None, "not answered")])
def test_a_box_that_is_not_granted_springs_back_and_says_why(
    grants: bool | None, word: str, page: Page, visitor: PageClient, operator: PageOperator
) -> None:
    operator.grants, operator.line = grants, "the robot moves; pause it first"
    drag(visitor, "/workspace/high", (2.0, 2.0, 2.0))
    back = visitor.wait_for(lambda m: m["type"] == "SetPositionMessage" and m["name"] == "/workspace/high")
    np.testing.assert_allclose(back["position"], CROP.high + 0.1)
    visitor.wait_for(reads("the robot moves; pause it first"))
    notice = visitor.wait_for(lambda m: m["type"] == "NotificationShowMessage")
    assert word in str(notice)


def test_a_typed_box_is_asked_for_when_it_is_set(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    visitor.set("crop low (m)", (0.3, -0.2, 0.05))
    time.sleep(0.2)
    page.show(snapshot())  # does not overwrite what somebody types
    assert not operator.boxes
    visitor.click("Set the crop")
    wait_until(lambda: operator.boxes)
    np.testing.assert_allclose(operator.boxes[0][1].low, [0.3, -0.2, 0.05])
    np.testing.assert_allclose(operator.boxes[0][1].high, CROP.high)


def test_what_cannot_be_asked_is_not_shown(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    operator.abilities = Abilities()
    page.show(snapshot())
    for label in ("Robot", "Recording", "Policy", "Simulator", "crop box"):
        folder = visitor.uuid(label)
        visitor.wait_for(lambda m, folder=folder: m.get("uuid") == folder and m.get("updates") == {"visible": False})


def test_the_last_of_many_values_is_chosen(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    for seed in (1, 12, 123):
        visitor.set("seed", seed)
    visitor.set("real-time factor", "0.5")
    wait_until(lambda: page.show(snapshot()) or len(operator.chosen) > 1)
    assert sorted(operator.chosen) == [("real_time_factor", 0.5), ("seed", 123.0)]


def test_a_large_seed_is_shown_in_full(page: Page, visitor: PageClient, operator: PageOperator) -> None:
    visitor.set("seed", 1234567)
    wait_until(lambda: page.show(snapshot()) or operator.chosen)
    visitor.wait_for(reads("seed 1234567"))


def test_a_checkpoint_is_chosen_by_its_button_only(visitor: PageClient, operator: PageOperator) -> None:
    visitor.set("checkpoint", "models/two")
    visitor.click("Load checkpoint")
    wait_until(lambda: operator.chosen)
    assert operator.chosen == [("checkpoint", "models/two")]


def test_a_clamp_flashes_where_the_tool_is(page: Page, visitor: PageClient) -> None:
    page.show(snapshot(0.1, clamps=("velocity", "velocity")))
    word = visitor.wait_for(updates("/clamp/word", "text"))
    assert word["updates"]["text"] == "gate: velocity"
    before = len(visitor.heard)
    page.show(snapshot(2.0))
    wait_until(lambda: len(visitor.heard) > before)
    visitor.wait_for(hides("/clamp"))
