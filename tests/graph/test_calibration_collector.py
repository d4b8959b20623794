"""Samples of a live camera and arm: taken at rest, in new postures, where the board can be seen."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.board_images import K, checkerboard_texture, photograph, postures
from helpers.fake_robot import time_message
from helpers.graph import graph
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sdm_core.errors import SdmError
from sdm_policy_node.calibration.boards import Checkerboard
from sdm_policy_node.calibration.collector import Collector
from sdm_policy_node.calibration.samples import SampleFolder
from sensor_msgs.msg import CameraInfo, Image

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


def test_only_new_postures_at_rest_with_the_board_in_sight_become_samples(tmp_path: Path) -> None:
    texture, origin = checkerboard_texture(BOARD.columns, BOARD.rows, BOARD.square)
    seen = postures(3, np.array([0.105, 0.06, 0.0]))
    pictures = [np.repeat(photograph(texture, origin, pose)[..., None], 3, axis=2) for pose in seen]
    wall = np.full_like(pictures[0], 110)
    with graph(tmp_path) as world:
        node, said = world.node, []
        collector = Collector(node, tmp_path / "samples", BOARD, 2, "camera", "", said.append)
        image = node.create_publisher(Image, "camera/camera/color/image_raw", 10)
        info = node.create_publisher(CameraInfo, "camera/camera/color/camera_info", 10)
        arm = node.create_publisher(PoseStamped, "current_pose", 100)
        publishers = (image, info, arm)
        assert world.spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        now = SECOND

        def show(picture: NDArray[np.uint8], pose: NDArray, moving: bool = False) -> None:
            """A second of the arm's poses, and then what the camera sees."""
            nonlocal now
            for step in range(10):
                now += SECOND // 10
                place = pose.copy()
                place[0, 3] += 0.01 * (step - 9) if moving else 0.0
                arm.publish(pose_message(place, now))
            world.spin_for(0.1)
            message = Image(height=480, width=640, encoding="rgb8", step=1920, data=array("B", picture.tobytes()))
            message.header.stamp, message.header.frame_id = time_message(now), "camera_color_optical_frame"
            info.publish(CameraInfo(width=640, height=480, k=K.ravel(), d=[0.0] * 5, header=message.header))
            world.spin_for(0.1)
            image.publish(message)
            world.spin_for(0.3)

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
    assert len(said) == 2
    stored = SampleFolder.load(tmp_path / "samples")
    assert (stored.base, stored.camera.frame) == ("fr3_link0", "camera_color_optical_frame")
    np.testing.assert_allclose([shot.tool_in_base for shot in stored.shots], seen[:2], atol=1e-9)
    np.testing.assert_array_equal(stored.shots[1].image, pictures[1][..., 0])
    with graph(tmp_path) as world, pytest.raises(SdmError, match="holds samples already"):
        Collector(world.node, tmp_path / "samples", BOARD, 2, "camera", "", said.append)
