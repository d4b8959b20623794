"""The cockpit's cloud is the policy's, and what is no cloud is a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.fake_robot import CAMERA_FRAME, camera_model, camera_transform, depth_image
from helpers.heard_node import HeardNode
from numpy.typing import NDArray
from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_cockpit.graph.observation_listener import ObservationListener
from sdm_cockpit.graph.problems import Problems
from sdm_core.perception.crop_box import CropBox
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.time_stamps import to_message
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from tf2_msgs.msg import TFMessage

SECOND = 1_000_000_000
CONTRACT = small_contract()
IMAGE, INFO = "/camera/camera/depth/image_rect_raw", "/camera/camera/depth/camera_info"
POINTS = "/camera/camera/depth/color/points"


class Camera:
    """A camera that the cockpit looks through, and what it makes of that."""

    def __init__(self, settings: CockpitParameters) -> None:
        self.node: Any = HeardNode()
        self.problems = Problems()
        pose = CameraPose(self.node, settings.camera_frame, 0.01)
        self.seen = ObservationListener(self.node, settings, CONTRACT, pose, self.problems, rate_hz=60.0)
        self._stamp_ns = 10 * SECOND

    def place(self) -> None:
        """tf knows where it stands."""
        self.node.tell("/tf_static", TFMessage(transforms=[camera_transform()]))

    def depth(self, pixels: NDArray[np.uint16], **changes: Any) -> None:
        """It sends an image, of which a test may change any field."""
        height, width = pixels.shape
        intrinsics, _ = camera_model(CONTRACT)
        k = [intrinsics.fx, 0, intrinsics.cx, 0, intrinsics.fy, intrinsics.cy, 0, 0, 1]
        self._send(INFO, CameraInfo(width=width, height=height, k=[float(value) for value in k]))
        fields = {"encoding": "16UC1", "step": 2 * width, "data": pixels.tobytes(), **changes}
        self._send(IMAGE, Image(height=height, width=width, **fields))

    def points(self, xyz: NDArray[np.float32]) -> None:
        """It sends a cloud of its own."""
        fields = [
            PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
            for index, name in enumerate("xyz")
        ]
        cloud = PointCloud2(height=1, width=len(xyz), fields=fields, point_step=12, row_step=12 * len(xyz))
        cloud.data = xyz.astype("<f4").tobytes()
        self._send(POINTS, cloud)

    def _send(self, topic: str, message: Any) -> None:
        message.header.frame_id, message.header.stamp = CAMERA_FRAME, to_message(self._stamp_ns)
        self.node.tell(topic, message, self._stamp_ns)
        self._stamp_ns += 100_000_000

    def until(self, predicate: Callable[[], bool]) -> bool:
        """The cloud is made on a thread of its own."""
        deadline = time.monotonic() + 20.0
        while not predicate() and time.monotonic() < deadline:
            time.sleep(0.005)
        return predicate()

    @property
    def cloud(self) -> NDArray[np.float32] | None:
        seen = self.seen.seen
        return seen.cloud if seen else None

    @property
    def problem(self) -> str:
        return " ".join(self.problems.lines())


@contextmanager
def looking(source: str = "depth") -> Iterator[Camera]:
    camera = Camera(replace(CockpitParameters(), observation_source=source))
    try:
        yield camera
    finally:
        camera.seen.close()


@pytest.fixture
def camera() -> Iterator[Camera]:
    with looking() as camera:
        camera.place()
        yield camera


def test_the_cloud_is_the_pipelines_in_the_box_that_is_asked_for(camera: Camera) -> None:
    pixels = depth_image(1, CONTRACT)
    camera.depth(pixels)
    assert camera.until(lambda: camera.cloud is not None), camera.problem
    spec = CONTRACT.observation.cloud
    assert spec is not None
    intrinsics, extrinsics = camera_model(CONTRACT)
    np.testing.assert_array_equal(camera.cloud, CloudPipeline(spec).from_depth(pixels, "16UC1", intrinsics, extrinsics))
    box = CropBox((np.nan,) * 3, (np.nan, np.nan, 0.8))
    camera.seen.crop_to(box)
    camera.depth(pixels)
    expected = CloudPipeline(box.of(spec)).from_depth(pixels, "16UC1", intrinsics, extrinsics)
    assert camera.until(lambda: np.array_equal(camera.cloud, expected))  # type: ignore[arg-type]
    assert camera.problem == ""


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"encoding": "mono8"}, "depth encoding 'mono8' is not supported"),
        ({"data": b"\0" * 10}, "the message is malformed"),
    ],
)
def test_a_malformed_image_is_a_line_until_a_sound_one_comes(camera: Camera, changes: dict, line: str) -> None:
    pixels = depth_image(1, CONTRACT)
    camera.depth(pixels)
    assert camera.until(lambda: camera.cloud is not None)
    camera.depth(pixels, **changes)
    assert camera.until(lambda: line in camera.problem), camera.problem
    assert camera.cloud is None
    camera.depth(pixels)
    assert camera.until(lambda: camera.cloud is not None and camera.problem == "")


def test_images_that_fail_to_come_are_a_line(camera: Camera) -> None:
    assert camera.until(lambda: "no image has come for 1 s" in camera.problem)
    camera.depth(depth_image(1, CONTRACT))
    assert camera.until(lambda: camera.cloud is not None and camera.problem == "")


def test_a_camera_whose_place_nobody_knows_is_a_line() -> None:
    with looking() as camera:
        camera.depth(depth_image(1, CONTRACT))
        assert camera.until(lambda: "tf knows no pose of" in camera.problem)
        camera.place()
        camera.depth(depth_image(1, CONTRACT))
        assert camera.until(lambda: camera.cloud is not None and camera.problem == "")


def test_a_cloud_of_nan_is_a_line_and_one_of_two_million_points_is_sampled() -> None:
    with looking("points") as camera:
        camera.place()
        camera.points(np.full((1000, 3), np.nan, np.float32))
        assert camera.until(lambda: "none of 0 valid points lies in the crop box" in camera.problem), camera.problem
        camera.points(np.random.default_rng(0).uniform(0.1, 0.4, (2_000_000, 3)).astype(np.float32))
        assert camera.until(lambda: camera.cloud is not None), camera.problem
        assert camera.cloud is not None
        assert camera.cloud.shape == (32, 3)
