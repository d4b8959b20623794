"""realsense_node on librealsense's software device: topics, units, frames, stamps, and a camera that is unplugged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from helpers.domain import own_domain
from helpers.waiting import spin_until
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time
from sdm_core.errors import SdmError
from sdm_policy_node.realsense.realsense_camera import CameraProfile, RealSenseCamera
from sdm_policy_node.realsense.realsense_node import RealSenseNode
from sdm_policy_node.sources.depth_source import depth_pixels
from sdm_policy_node.time_stamps import to_ns
from sensor_msgs.msg import CameraInfo, Image
from tf2_ros import Buffer, TransformListener

rs: Any = pytest.importorskip("pyrealsense2", exc_type=ImportError)
WIDTH, HEIGHT, FPS = 64, 48, 30
BASELINE = 0.015


def depth_picture(step: int) -> NDArray[np.uint16]:
    return np.full((HEIGHT, WIDTH), 1000 + step, np.uint16)


def ramp(step: int) -> NDArray[np.uint16]:
    """A wall that recedes by 3 mm a column, the same at each step."""
    return np.tile((1000 + 3 * np.arange(WIDTH)).astype(np.uint16), (HEIGHT, 1))


class SoftwareCamera:
    """A depth and a colour stream that send a picture of the step's number thirty times a second; their lenses stand
    `baseline` m apart, and `units` m are one of depth's numbers."""

    def __init__(
        self,
        units: float = 0.001,
        baseline: float = BASELINE,
        picture: Callable[[int], NDArray[np.uint16]] = depth_picture,
    ) -> None:
        self.device = rs.software_device()
        self.device.register_info(rs.camera_info.serial_number, "0123")
        self._units, self._picture = units, picture
        self._depth = self.device.add_sensor("Stereo Module")
        self._colour = self.device.add_sensor("RGB Camera")
        self._depth_stream = self._depth.add_video_stream(_stream(rs.stream.depth, rs.format.z16, 2, 0))
        self._colour_stream = self._colour.add_video_stream(_stream(rs.stream.color, rs.format.rgb8, 3, 1))
        self._depth.add_read_only_option(rs.option.depth_units, units)
        pose = rs.extrinsics()
        pose.rotation, pose.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [-baseline, 0, 0]
        self._depth_stream.register_extrinsics_to(self._colour_stream, pose)
        pose.translation = [baseline, 0, 0]
        self._colour_stream.register_extrinsics_to(self._depth_stream, pose)
        self.device.create_matcher(rs.matchers.dlr_c)
        self.depth_stalled = threading.Event()
        self._unplugged = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def plug_in(self) -> Any:
        """The device, which sends from now on."""
        if not self._thread.is_alive():
            self._thread.start()
        return self.device

    def unplug(self) -> None:
        self._unplugged.set()
        if self._thread.is_alive():
            self._thread.join()

    def _send(self) -> None:
        step = 0
        while not self._unplugged.wait(1 / FPS):
            step += 1
            try:
                if not self.depth_stalled.is_set():
                    self._frame(self._depth, self._depth_stream, step, self._picture(step), 2)
                self._frame(self._colour, self._colour_stream, step, colour_picture(step), 3)
            except RuntimeError:  # not streaming yet, or no more
                continue

    def _frame(self, sensor: Any, stream: Any, step: int, pixels: NDArray, size: int) -> None:
        frame = rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = pixels.reshape(-1).view(np.uint8), pixels.strides[0], size
        frame.timestamp, frame.domain = 1000.0 * step / FPS, rs.timestamp_domain.hardware_clock
        frame.frame_number, frame.profile, frame.depth_units = step, stream.as_video_stream_profile(), self._units
        sensor.on_video_frame(frame)


def _stream(kind: Any, pixel_format: Any, size: int, uid: int) -> Any:
    lens = rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy, lens.ppx, lens.ppy = WIDTH, HEIGHT, 60.0, 61.0, 31.5, 23.5
    lens.model, lens.coeffs = rs.distortion.none, [0.0] * 5
    stream = rs.video_stream()
    stream.type, stream.fmt, stream.index, stream.uid, stream.bpp = kind, pixel_format, 0, uid, size
    stream.width, stream.height, stream.fps, stream.intrinsics = WIDTH, HEIGHT, FPS, lens
    return stream


def colour_picture(step: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), (step % 256, 7, 200), np.uint8)


class WrenchedCamera:
    """Is pulled out while it is opened, which librealsense answers with an error of its own."""

    def __init__(self) -> None:
        self.attempts = 0

    def plug_in(self) -> Any:
        self.attempts += 1
        raise RuntimeError("failed to set power state")

    def unplug(self) -> None:
        pass


class World:
    """The node with cameras that a test plugs in, and who listens to it."""

    def __init__(self, **parameters: object) -> None:
        given = {"width": WIDTH, "height": HEIGHT, "stall_s": 0.3, **parameters}
        arguments = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
        rclpy.init(args=["--ros-args", *arguments], domain_id=own_domain())
        self.camera: SoftwareCamera | WrenchedCamera | None = None
        self.listener = Node("listener")
        self.messages: dict[str, list] = {}
        for kind, topic in (
            (Image, "depth/image_rect_raw"),
            (CameraInfo, "depth/camera_info"),
            (Image, "color/image_raw"),
            (Image, "aligned_depth_to_color/image_raw"),
        ):
            heard = self.messages.setdefault(topic, [])
            self.listener.create_subscription(kind, f"camera/camera/{topic}", heard.append, 20)
        self.tf = Buffer()
        self._tf_listener = TransformListener(self.tf, self.listener)
        self.node = RealSenseNode(lambda serial: self.camera.plug_in() if self.camera else None)
        self._executor = SingleThreadedExecutor()
        for node in (self.node, self.listener):
            self._executor.add_node(node)

    def spin_until(self, predicate: Callable[[], bool]) -> bool:
        return spin_until(self._executor, predicate)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.listener.destroy_node()
        rclpy.shutdown()
        if self.camera:
            self.camera.unplug()


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(**getattr(request, "param", {}))
    yield made
    made.close()


@pytest.mark.parametrize("world", [{"align_depth": "true"}], indirect=True)
def test_it_publishes_what_the_ros_driver_does(world: World) -> None:
    world.camera = SoftwareCamera()
    assert world.spin_until(lambda: all(len(heard) >= 3 for heard in world.messages.values()))
    depth: Image = world.messages["depth/image_rect_raw"][-1]
    info: CameraInfo = world.messages["depth/camera_info"][-1]
    colour: Image = world.messages["color/image_raw"][-1]
    aligned: Image = world.messages["aligned_depth_to_color/image_raw"][-1]
    assert (depth.encoding, depth.header.frame_id) == ("16UC1", "camera_depth_optical_frame")
    assert (colour.encoding, colour.header.frame_id) == ("rgb8", "camera_color_optical_frame")
    assert (aligned.encoding, aligned.header.frame_id) == ("16UC1", "camera_color_optical_frame")
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert list(info.k) == [60.0, 0.0, 31.5, 0.0, 61.0, 23.5, 0.0, 0.0, 1.0]
    assert (info.distortion_model, list(info.d)) == ("plumb_bob", [0.0] * 5)
    pixels = depth_pixels(depth)
    np.testing.assert_array_equal(pixels, depth_picture(int(pixels[0, 0]) - 1000))
    assert bytes(colour.data[1:3]) == bytes([7, 200])
    assert np.count_nonzero(depth_pixels(aligned)) > 0.9 * WIDTH * HEIGHT

    now = world.listener.get_clock().now().nanoseconds
    stamps = [to_ns(message.header.stamp) for message in world.messages["depth/image_rect_raw"]]
    assert all(gap > 0 for gap in np.diff(stamps))
    assert 0 <= now - stamps[-1] < 5_000_000_000
    infos = {to_ns(message.header.stamp) for message in world.messages["depth/camera_info"]}
    assert len(infos & set(stamps)) >= len(stamps) - 1

    assert world.spin_until(lambda: bool(world.tf.can_transform("camera_link", "camera_color_optical_frame", Time())))
    pose = world.tf.lookup_transform("camera_link", "camera_color_optical_frame", Time()).transform
    assert pose.translation.y == pytest.approx(-BASELINE)  # the optical frame's x is the body's −y
    rotation = pose.rotation  # a quaternion and its negative are one rotation; tf2 gives either
    assert rotation.x * rotation.w == pytest.approx(-0.25)


def test_a_camera_that_is_plugged_out_and_in_again_goes_on(world: World) -> None:
    depth = world.messages["depth/image_rect_raw"]
    wrenched = WrenchedCamera()
    world.camera = wrenched
    assert world.spin_until(lambda: wrenched.attempts > 0)
    for _ in range(2):
        world.camera = SoftwareCamera()
        before = len(depth)
        openings = world.node.openings
        assert world.spin_until(lambda before=before: len(depth) > before + 2)
        assert world.node.openings > openings
        camera, world.camera = world.camera, None
        camera.unplug()
    stamps = [to_ns(message.header.stamp) for message in depth]
    assert (np.diff(stamps) > 0).all()


def test_a_camera_whose_depth_ends_while_colour_goes_on_is_opened_again(world: World) -> None:
    world.camera = camera = SoftwareCamera()
    assert world.spin_until(lambda: len(world.messages["depth/image_rect_raw"]) > 2)
    openings, colour = world.node.openings, len(world.messages["color/image_raw"])
    camera.depth_stalled.set()
    assert world.spin_until(lambda: world.node.openings > openings)
    assert len(world.messages["color/image_raw"]) > colour


@pytest.mark.parametrize("world", [{"filters": "'temporal, hole_filling'", "colour": "false"}], indirect=True)
def test_depth_is_millimetres_whatever_the_camera_s_unit(world: World) -> None:
    world.camera = SoftwareCamera(units=0.0001)
    assert world.spin_until(lambda: len(world.messages["depth/image_rect_raw"]) > 3)
    pixels = depth_pixels(world.messages["depth/image_rect_raw"][-1])
    assert pixels.shape == (HEIGHT, WIDTH)
    assert 99 <= pixels[0, 0] <= 120
    assert not world.messages["color/image_raw"]


def test_a_filter_that_remembers_does_not_blend_two_lenses() -> None:
    """Each lens sees the ramp elsewhere: five columns lie between them."""

    def last(filters: str) -> tuple[NDArray, NDArray]:
        made = World(align_depth="true", filters=f"'{filters}'")
        try:
            made.camera = SoftwareCamera(baseline=0.08, picture=ramp)
            topics = ("depth/image_rect_raw", "aligned_depth_to_color/image_raw")
            assert made.spin_until(lambda: all(len(made.messages[topic]) >= 8 for topic in topics))
            depth, aligned = (depth_pixels(made.messages[topic][-1]) for topic in topics)
            return depth, aligned
        finally:
            made.close()

    depth, aligned = last("temporal")
    np.testing.assert_array_equal(depth, ramp(0))
    assert np.count_nonzero(aligned) > 0.8 * WIDTH * HEIGHT
    np.testing.assert_array_equal(aligned, last("")[1])


@pytest.mark.parametrize(
    ("profile", "named"),
    [
        (CameraProfile(width=1280, height=720), "no depth of 1280×720 at 30 Hz; it has 64×48 at 30 Hz"),
        (CameraProfile(WIDTH, HEIGHT, fps=90), "no depth of 64×48 at 90 Hz"),
        (CameraProfile(WIDTH, HEIGHT, filters=("decimation",)), "filters decimation are unknown; spatial, temporal"),
    ],
)
def test_what_the_camera_cannot_do_is_one_clear_line(profile: CameraProfile, named: str) -> None:
    with pytest.raises(SdmError, match=named):
        RealSenseCamera(SoftwareCamera().device, profile)
