"""Whoever looks at `scene` is shown the simulated world, in standard messages; nobody else pays for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from helpers.graph import Graph, graph
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from sdm_sim.bridge.scene_publisher import ScenePublisher
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.scene_shapes import body_name, visible_geoms, visible_shapes
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BASE = "fr3_link0"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as started:
        yield started


@dataclass
class Viewer:
    """Somebody who listens to tf, and to `scene` once told to."""

    nodes: Graph
    scenes: list[MarkerArray] = field(default_factory=list)
    transforms: list[TFMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes.node.create_subscription(TFMessage, "/tf", self._on_transforms, 100)

    def look(self) -> None:
        self.nodes.node.create_subscription(MarkerArray, "scene", self.scenes.append, LATCHED)

    def _on_transforms(self, message: TFMessage) -> None:
        if any(each.child_frame_id.startswith("scene/") for each in message.transforms):
            self.transforms.append(message)


@pytest.fixture
def shown(nodes: Graph, task: FrankaTask) -> Iterator[ScenePublisher]:
    publisher = ScenePublisher(nodes.node, task.world, BASE)
    yield publisher
    publisher.close()


def test_nothing_is_sent_while_nobody_looks_and_all_once_somebody_does(
    nodes: Graph, task: FrankaTask, shown: ScenePublisher
) -> None:
    viewer = Viewer(nodes)
    task.reset(1)
    shown.begin()
    shown.note(10**9)
    nodes.spin_for(0.5)
    assert (viewer.scenes, viewer.transforms) == ([], [])
    viewer.look()
    assert nodes.spin_until(lambda: bool(viewer.scenes and viewer.transforms))
    clearing, *markers = viewer.scenes[0].markers
    assert clearing.action == Marker.DELETEALL
    assert len(markers) == len(visible_shapes(task.world.model))
    assert len({(marker.ns, marker.id) for marker in markers}) == len(markers)
    assert all(marker.frame_locked and marker.action == Marker.ADD for marker in markers)
    for marker in markers:
        is_mesh = marker.type == Marker.MESH_RESOURCE
        assert marker.mesh_resource.startswith("file://") == is_mesh
        assert not is_mesh or Path(urlparse(marker.mesh_resource).path).is_file()


def test_every_frame_of_a_marker_is_on_tf_where_mujoco_has_the_body(
    nodes: Graph, task: FrankaTask, shown: ScenePublisher
) -> None:
    viewer = Viewer(nodes)
    viewer.look()
    model, data = task.world.model, task.world.data
    task.reset(2)
    for _ in range(5):
        task.step(task.expert())
    shown.begin()
    shown.note(123_456_789_000)
    assert nodes.spin_until(lambda: bool(viewer.scenes and viewer.transforms))
    transforms = {each.child_frame_id: each for each in viewer.transforms[-1].transforms}
    bodies = {int(body) for body in model.geom_bodyid[visible_geoms(model)] if body}
    assert transforms.keys() == {f"scene/{body_name(model, body)}" for body in bodies}
    assert {marker.header.frame_id for marker in viewer.scenes[-1].markers[1:]} == {BASE, *transforms}
    for body in bodies:
        found = transforms[f"scene/{body_name(model, body)}"]
        p, q = found.transform.translation, found.transform.rotation
        assert found.header.frame_id == BASE
        assert Time.from_msg(found.header.stamp).nanoseconds == 123_456_789_000
        np.testing.assert_array_equal([p.x, p.y, p.z], data.xpos[body])
        np.testing.assert_array_equal([q.w, q.x, q.y, q.z], data.xquat[body])


def test_motion_comes_at_a_viewers_rate_and_shapes_once_an_episode(
    nodes: Graph, task: FrankaTask, shown: ScenePublisher
) -> None:
    viewer = Viewer(nodes)
    viewer.look()
    task.reset(3)
    shown.begin()
    stamps = iter(range(1, 10**9))

    def note() -> bool:
        shown.note(next(stamps) * 10**6)
        return False

    assert not nodes.spin_until(note, 1.0)
    assert 1 <= len(viewer.transforms) <= 21
    assert len(viewer.scenes) == 1
    shown.begin()
    assert nodes.spin_until(lambda: len(viewer.scenes) == 2)


def test_a_second_viewer_sees_a_world_that_stands_still(nodes: Graph, task: FrankaTask, shown: ScenePublisher) -> None:
    first = Viewer(nodes)
    first.look()
    task.reset(4)
    shown.begin()
    shown.note(5 * 10**9)
    assert nodes.spin_until(lambda: bool(first.scenes and first.transforms))
    second = Viewer(nodes)
    second.look()
    assert nodes.spin_until(lambda: bool(second.scenes and second.transforms))


def test_a_bridge_shows_its_world_as_its_sensors_measure_it(nodes: Graph) -> None:
    nodes.start("bridge_node", task="fork/reach", mode="expert", episodes=0)
    viewer, measured = Viewer(nodes), {}

    def take(message: JointState) -> None:
        values = dict(zip(message.name, message.position, strict=True))
        stamp = Time.from_msg(message.header.stamp).nanoseconds
        measured[stamp] = [values[f"pusher.{axis}"] for axis in "xyz"]

    nodes.node.create_subscription(JointState, "joint_states", take, qos_profile_sensor_data)
    viewer.look()

    def places() -> dict[int, list[float]]:
        return {
            Time.from_msg(each.header.stamp).nanoseconds: [
                each.transform.translation.x,
                each.transform.translation.y,
                each.transform.translation.z,
            ]
            for message in viewer.transforms
            for each in message.transforms
            if each.child_frame_id == "scene/pusher"
        }

    assert nodes.spin_until(lambda: len(places().keys() & measured.keys()) >= 5, 60.0), nodes.outputs()
    assert len({tuple(place) for place in places().values()}) > 1
    for stamp in places().keys() & measured.keys():
        np.testing.assert_allclose(places()[stamp], measured[stamp], atol=1e-12)
    types = dict(nodes.node.get_topic_names_and_types())
    assert types["/scene"] == ["visualization_msgs/msg/MarkerArray"]
    assert types["/tf"] == ["tf2_msgs/msg/TFMessage"]
