"""Samples of a live camera and arm: taken at rest, in new postures, where the board can be seen."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TransformStamped
from helpers.board_images import K, checkerboard_texture, photograph, postures
from helpers.fake_robot import time_message
from helpers.graph import Graph, graph
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sdm_core.errors import SdmError
from sdm_policy_node.calibration.boards import Checkerboard
from sdm_policy_node.calibration.collector import Collector
from sdm_policy_node.calibration.samples import SampleFolder
from sensor_msgs.msg import CameraInfo, Image
from tf2_ros import StaticTransformBroadcaster

pytest.importorskip("cv2", exc_type=ImportError)
BOARD = Checkerboard(8, 5, 0.03)
SECOND = 1_000_000_000


def pose_message(pose: NDArray, stamp_ns: int) -> PoseStamped:
    message = PoseStamped()
    message.header.stamp, message.header.frame_id = time_message(stamp_ns), "fr3_link0"
    p, q = message.pose.position, message.pose.orientation
    p.x, p.y, p.z = pose[:3, 3].tolist()
    q.x, q.y, q.z, q.w = Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()
    return message


class Cell:
    """A camera, with its lens's distortion_model and d, and an arm that a collector listens to."""

    def __init__(
        self, world: Graph, model: str = "plumb_bob", d: Sequence[float] = (0.0,) * 5, name: str = "camera/camera"
    ) -> None:
        node, self._world, self._now = world.node, world, SECOND
        self._lens = CameraInfo(width=640, height=480, k=K.ravel(), d=d, distortion_model=model)
        self._image = node.create_publisher(Image, f"{name}/color/image_raw", 10)
        self._info = node.create_publisher(CameraInfo, f"{name}/color/camera_info", 10)
        self._arm = node.create_publisher(PoseStamped, "current_pose", 100)
        publishers = (self._image, self._info, self._arm)
        assert world.spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))

    def show(self, picture: NDArray[np.uint8], pose: NDArray, moving: bool = False) -> None:
        """A second of the arm's poses, and then what the camera sees."""
        for step in range(10):
            self._now += SECOND // 10
            place = pose.copy()
            place[0, 3] += 0.01 * (step - 9) if moving else 0.0
            self._arm.publish(pose_message(place, self._now))
        self._world.spin_for(0.1)
        message = Image(height=480, width=640, encoding="rgb8", step=1920, data=array("B", picture.tobytes()))
        message.header.stamp, message.header.frame_id = time_message(self._now), "camera_color_optical_frame"
        self._lens.header = message.header
        self._info.publish(self._lens)
        self._world.spin_for(0.1)
        self._image.publish(message)
        self._world.spin_for(0.3)


def pictures_of(poses: list[NDArray[np.float64]]) -> list[NDArray[np.uint8]]:
    texture, origin = checkerboard_texture(BOARD.columns, BOARD.rows, BOARD.square)
    return [np.repeat(photograph(texture, origin, pose)[..., None], 3, axis=2) for pose in poses]


def test_only_new_postures_at_rest_with_the_board_in_sight_become_samples(tmp_path: Path) -> None:
    seen = postures(3, np.array([0.105, 0.06, 0.0]))
    pictures = pictures_of(seen)
    wall = np.full_like(pictures[0], 110)
    with graph(tmp_path) as world:
        node, said = world.node, []
        collector = Collector(node, tmp_path / "samples", BOARD, 2, "camera", "", said.append)
        show = Cell(world).show

        def samples() -> int:
            return len(collector.folder.shots) if collector.folder else 0

        show(pictures[0], seen[0], moving=True)
        show(wall, seen[0])
        assert samples() == 0
        show(pictures[0], seen[0])
        assert world.spin_until(lambda: samples() == 1)
        show(pictures[0], seen[0])
        assert samples() == 1
        show(pictures[1], seen[1])
        assert world.spin_until(lambda: collector.done)
    assert [line[:8] for line in said if not line.startswith("waiting")] == ["sample 1", "sample 2"]
    stored = SampleFolder.load(tmp_path / "samples")
    assert (stored.base, stored.camera.frame) == ("fr3_link0", "camera_color_optical_frame")
    np.testing.assert_allclose([shot.tool_in_base for shot in stored.shots], seen[:2], atol=1e-9)
    np.testing.assert_array_equal(stored.shots[1].image, pictures[1][..., 0])
    with graph(tmp_path) as world, pytest.raises(SdmError, match="holds samples already"):
        Collector(world.node, tmp_path / "samples", BOARD, 2, "camera", "", said.append)


def test_a_camera_is_heard_in_another_namespace(tmp_path: Path) -> None:
    (seen,) = postures(1, np.array([0.105, 0.06, 0.0]))
    (picture,) = pictures_of([seen])
    with graph(tmp_path) as world:
        collector = Collector(
            world.node, tmp_path / "samples", BOARD, 1, "left", "", lambda line: None, namespace="/cell/eyes"
        )
        cell = Cell(world, name="/cell/eyes/left")

        def taken() -> bool:
            cell.show(picture, seen)
            return collector.done

        assert world.spin_until(taken)


def test_what_has_been_missing_for_a_while_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdm_policy_node.calibration.collector._PATIENCE_S", 1000.0)  # the test keeps the time
    said: list[str] = []
    wall = np.full((480, 640, 3), 110, np.uint8)
    with graph(tmp_path) as world:
        collector = Collector(world.node, tmp_path / "samples", BOARD, 2, "camera", "", said.append)
        collector._tell_hindrance()
        assert said == []
        collector._tell_hindrance()
        collector._tell_hindrance()
        assert [line[:35] for line in said] == ["waiting: no image on camera/camera/"]
        cell = Cell(world)

        def blind() -> bool:
            cell.show(wall, np.eye(4))
            collector._tell_hindrance()
            return len(said) > 1

        assert world.spin_until(blind)
    assert said[1].startswith("waiting: the board cannot be seen whole; check --size")


def test_a_frame_that_the_driver_places_is_not_torn_out_of_its_tree(tmp_path: Path) -> None:
    (seen,) = postures(1, np.array([0.105, 0.06, 0.0]))
    (picture,) = pictures_of([seen])
    link = TransformStamped(child_frame_id="camera_color_optical_frame")
    link.header.frame_id, link.transform.rotation.w = "camera_color_frame", 1.0
    root = TransformStamped(child_frame_id="camera_color_frame")
    root.header.frame_id, root.transform.rotation.w = "camera_link", 1.0
    root.transform.translation.y = 0.015

    def taken(collector: Collector, cell: Cell) -> bool:
        cell.show(picture, seen)
        return collector.done

    with graph(tmp_path) as world:
        driver = StaticTransformBroadcaster(world.node)
        driver.sendTransform([link, root])
        collector = Collector(world.node, tmp_path / "samples", BOARD, 1, "camera", "", lambda line: None)
        with pytest.raises(SdmError, match="'camera_color_frame' already; place the root of that tree instead"):
            world.spin_until(partial(taken, collector, Cell(world)))
    assert not (tmp_path / "samples").exists()
    with graph(tmp_path) as world:
        driver = StaticTransformBroadcaster(world.node)
        driver.sendTransform([link, root])
        collector = Collector(world.node, tmp_path / "samples", BOARD, 1, "camera", "camera_link", lambda line: None)
        assert world.spin_until(partial(taken, collector, Cell(world)))
    camera = SampleFolder.load(tmp_path / "samples").camera
    assert (camera.link, camera.optical_in_link[1, 3]) == ("camera_link", pytest.approx(0.015))


def test_only_lenses_that_opencv_s_pinhole_camera_has_are_calibrated_with(tmp_path: Path) -> None:
    (seen,) = postures(1, np.array([0.105, 0.06, 0.0]))
    (picture,) = pictures_of([seen])

    def collect(name: str, model: str, d: list[float]) -> NDArray[np.float64]:
        """What a collector stores of a camera with this lens."""
        with graph(tmp_path) as world:
            collector = Collector(world.node, tmp_path / name, BOARD, 1, "camera", "", lambda line: None)
            cell = Cell(world, model, d)

            def taken() -> bool:
                cell.show(picture, seen)
                return collector.done

            assert world.spin_until(taken)
        return SampleFolder.load(tmp_path / name).camera.distortion

    named = r"^camera/camera/color/camera_info has the distortion_model 'equidistant' .*; publish rectified colour"
    with pytest.raises(SdmError, match=named):
        collect("equidistant", "equidistant", [0.02, -0.01, 0.003, -0.001])
    assert not (tmp_path / "equidistant").exists()
    rational = [0.1, -0.2, 1e-3, 2e-3, 0.05, 0.3, -0.1, 0.02]
    assert collect("rational", "rational_polynomial", rational).tolist() == rational
