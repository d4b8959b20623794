"""Depth cameras as realsense2_camera publishes them: every shape of its messages, several at once, and their faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.fake_robot import (
    CAMERA_FRAME,
    TRANSLATION,
    FakeRobot,
    camera_transform,
    depth_image,
    state_values,
    time_message,
)
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from numpy.typing import NDArray
from sdm_core.contract import CameraSpec, Contract
from sdm_core.errors import ContractError, ObservationError
from sdm_core.perception.point_cloud import CloudPipeline, Extrinsics, Intrinsics, deproject, depth_to_metres
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms
from sdm_interfaces.srv import StartEpisode
from sdm_policy_node.parameters import SensingParameters
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.cloud_cameras import CloudCameras
from sdm_policy_node.sources.depth_source import DepthSource
from sdm_policy_node.sources.observation_source import Frame, StreamSettings
from sdm_policy_node.sources.perception import Perception
from sdm_policy_node.sources.points_source import PointsSource, coloured_points, xyz_points
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from sensor_msgs_py.point_cloud2 import create_cloud

SKEW_NS = 10_000_000
PERIOD_NS = 33_000_000
CAMERA = Intrinsics(16.0, 16.0, 8.0, 6.0, 16, 12)
POSES = {
    "front": Extrinsics((0.0, 0.0, 0.38268343, 0.92387953), (0.1, -0.05, 0.2)),
    "left": Extrinsics((0.0, 0.6, 0.0, 0.8), (0.0, 0.1, 0.3)),
    "right": Extrinsics((0.0, 0.0, 0.0, 1.0), (-0.1, 0.0, 0.1)),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


def contract_of(*names: str, coloured: bool = False, width: int = 16) -> Contract:
    """A small contract whose cloud is made of these cameras."""
    plain = small_contract(cloud={"channels": 6 if coloured else 3})
    colour = "rgb8" if coloured else None
    cameras = tuple(
        CameraSpec(name=name, width=width, height=12, depth_encoding="16UC1", colour_encoding=colour) for name in names
    )
    observation = plain.observation.model_copy(update={"cameras": cameras})
    return plain.model_copy(update={"observation": observation})


def millimetres(seed: int) -> NDArray[np.uint16]:
    return depth_image(seed, contract_of("front"))


def rgb(seed: int) -> NDArray[np.uint8]:
    """A colour image of as many pixels, seeded."""
    return np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def cloud_pipeline(contract: Contract) -> CloudPipeline:
    assert contract.observation.cloud
    return CloudPipeline(contract.observation.cloud)


class Rig:
    """Cameras and who listens to them, in one process, with their poses from a file."""

    def __init__(self, world: Graph, folder: Path, *names: str, **settings: Any) -> None:
        self.world, self.names = world, names
        coloured = settings.get("colour", False)
        self.contract = contract_of(*names, coloured=coloured)
        self.frames: list[Frame] = []
        self.lens: tuple[str, list[float]] = ("", [])
        aligned, space = coloured or settings.get("aligned_depth", False), settings.get("namespace", "camera")
        stream = "aligned_depth_to_color" if aligned else "depth"
        node = world.node
        image = "image_raw" if aligned else "image_rect_raw"
        self._images = {name: node.create_publisher(Image, f"{space}/{name}/{stream}/{image}", 10) for name in names}
        self._infos = {
            name: node.create_publisher(CameraInfo, f"{space}/{name}/{stream}/camera_info", 10) for name in names
        }
        self._colours = {
            name: node.create_publisher(Image, f"{space}/{name}/color/image_raw", 10) for name in names if coloured
        }
        streams = StreamSettings(reliable=True, queue=20, **settings)
        self.live = CloudCameras(node, DepthSource, names, streams, self.frames.append)
        write_transforms(
            folder / "cell.yaml", [StaticTransform("world", f"{name}_optical", POSES[name]) for name in names]
        )
        pose = CameraPose(node, "", 0.2)
        pose.add_static(read_transforms(folder / "cell.yaml"))
        self.live.configure(self.contract, pose, SKEW_NS)
        publishers = (*self._images.values(), *self._infos.values(), *self._colours.values())
        assert world.spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        self.start_ns = node.get_clock().now().nanoseconds - 10**9

    def tell(self, name: str, stamp_ns: int, image: NDArray, encoding: str = "16UC1", padding: int = 0) -> None:
        height, width = image.shape
        rows = np.pad(image.view(np.uint8).reshape(height, -1), ((0, 0), (0, padding)))
        big = image.dtype.byteorder == ">"
        message = Image(height=height, width=width, encoding=encoding, step=rows.shape[1], is_bigendian=int(big))
        message.data = rows.tobytes()
        model, d = self.lens
        k = np.array([16.0, 0, 8.0, 0, 16.0, 6.0, 0, 0, 1.0])
        info = CameraInfo(width=width, height=height, k=k, d=d, distortion_model=model)
        for each in (info, message):
            each.header.stamp, each.header.frame_id = time_message(stamp_ns), f"{name}_optical"
        self._infos[name].publish(info)
        self._images[name].publish(message)

    def tell_colour(
        self, name: str, stamp_ns: int, image: NDArray[np.uint8], encoding: str = "rgb8", frame: str | None = None
    ) -> None:
        """Of the frame that depth is aligned to, or another one."""
        height, width, channels = image.shape
        message = Image(height=height, width=width, encoding=encoding, step=channels * width, data=image.tobytes())
        message.header.stamp, message.header.frame_id = time_message(stamp_ns), frame or f"{name}_optical"
        self._colours[name].publish(message)

    def next_frame(self) -> Frame:
        count = len(self.frames)
        assert self.world.spin_until(lambda: len(self.frames) > count)
        return self.frames[-1]

    def await_ready(self, stamp_ns: int) -> None:
        assert self.world.spin_until(lambda: self.live.ready(stamp_ns))


def joined(
    rig: Rig, images: dict[str, NDArray[np.uint16]], colours: dict[str, NDArray[np.uint8]] | None = None
) -> NDArray[np.float32]:
    """The cloud that these images of the rig's cameras make."""
    pipeline, colours = cloud_pipeline(rig.contract), colours or {}
    return pipeline.fuse(
        [pipeline.depth_points(images[name], "16UC1", CAMERA, POSES[name], colours.get(name)) for name in rig.names]
    )


@pytest.mark.parametrize("settings", [{}, {"aligned_depth": True}, {"namespace": "/cell/cameras"}])
def test_every_way_to_send_a_depth_image_gives_one_cloud(settings: dict, world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", **settings)
    image = millimetres(0)
    metres = np.where(image > 0, image.astype(np.float32) * np.float32(1e-3), np.float32(np.nan))
    ways = [
        (image, "16UC1", 0),
        (image, "16UC1", 8),
        (image.astype(">u2"), "16UC1", 0),
        (metres, "32FC1", 0),
        (np.nan_to_num(metres), "32FC1", 4),
    ]
    for step, way in enumerate(ways):
        rig.tell("front", rig.start_ns + step * PERIOD_NS, *way)
        frame = rig.next_frame()
        rig.await_ready(frame.stamp_ns)
        np.testing.assert_array_equal(rig.live.cloud(frame), joined(rig, {"front": image}))


@pytest.mark.parametrize("names", [("front", "left"), ("front", "left", "right")])
def test_several_cameras_are_joined_by_stamp_in_whatever_order_they_arrive(
    names: tuple[str, ...], world: Graph, tmp_path: Path
) -> None:
    rig = Rig(world, tmp_path, *names)
    for step, order in enumerate((names, names[::-1])):
        stamp = rig.start_ns + step * PERIOD_NS
        images = {name: millimetres(10 * step + index) for index, name in enumerate(names)}
        for name in order:
            rig.tell(name, stamp + (0 if name == "front" else 3_000_000), images[name])
        frame = rig.next_frame()
        rig.await_ready(stamp)
        assert frame.stamp_ns == stamp
        np.testing.assert_array_equal(rig.live.cloud(frame), joined(rig, images))


def test_a_second_camera_that_is_silent_late_or_frozen_is_named(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", "left", frozen_frames=2)

    def refusal(step: int, left_ns: int | None, left: NDArray[np.uint16]) -> str:
        stamp = rig.start_ns + step * PERIOD_NS
        if left_ns is not None:
            rig.tell("left", stamp + left_ns, left)
        rig.tell("front", stamp, millimetres(step))
        frame = rig.next_frame()
        world.spin_for(0.05)
        with pytest.raises(ObservationError) as caught:
            rig.live.cloud(frame)
        return str(caught.value)

    assert "'camera/left/depth/image_rect_raw' within 10.0 ms of the observation; none has come" in refusal(
        0, None, millimetres(1)
    )
    assert "lies 12.0 ms before it" in refusal(1, -12_000_000, millimetres(1))
    assert "'camera/left/depth/image_rect_raw' has not changed by one bit" in refusal(2, 0, millimetres(1))


def test_frames_that_repeat_themselves_are_handed_on_with_their_fault(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", frozen_frames=3)
    told = [(0, 0), (1, 1), (1, 1), (0, 0), (2, 2), (3, 2), (4, 2), (5, 3)]
    faults = []
    for step, seed in told:
        rig.tell("front", rig.start_ns + step * PERIOD_NS, millimetres(seed))
        fault = rig.next_frame().fault
        faults.append(fault.kind if fault else None)
    assert faults == [None, None, "duplicate", "out_of_order", None, None, "frozen", None]


def test_a_camera_that_the_contract_does_not_know_is_refused(world: Graph) -> None:
    live = CloudCameras(world.node, DepthSource, ("front",), StreamSettings(), lambda frame: None)
    with pytest.raises(ContractError, match="the depth cameras front, left, not of front"):
        live.configure(contract_of("front", "left"), CameraPose(world.node, "", 0.1), SKEW_NS)


def test_a_contract_of_other_cameras_is_listened_to_anew(world: Graph, tmp_path: Path) -> None:
    cell = tmp_path / "cell.yaml"
    write_transforms(cell, [StaticTransform("world", "left_optical", POSES["left"])])
    frames: list[Frame] = []
    settings = SensingParameters(reliable_sensors=True, extrinsics=str(cell))
    perception = Perception(world.node, settings, None, frames.append, max_age_s=1.0)
    perception.configure(contract_of("left"), CameraPose(world.node, "", 0.2))
    assert world.node.count_subscribers("camera/camera/depth/image_rect_raw") == 0
    rig = Rig(world, tmp_path, "left")
    rig.tell("left", rig.start_ns, millimetres(0))
    assert world.spin_until(lambda: bool(frames) and perception.ready(frames[0]))
    expected = joined(rig, {"left": millimetres(0)})
    np.testing.assert_array_equal(perception.observe(frames[0]).cloud, expected)
    perception.close()
    assert world.spin_until(lambda: world.node.count_subscribers("camera/left/depth/image_rect_raw") == 1)  # the rig's


def test_streams_that_nobody_listens_to_yet_contradict_no_contract(world: Graph, tmp_path: Path) -> None:
    """Else a policy of other streams, exchanged for the present one, would be refused for what it does not use."""
    settings = SensingParameters(reliable_sensors=True)
    perception = Perception(world.node, settings, contract_of("front"), lambda frame: None, max_age_s=1.0)
    rig = Rig(world, tmp_path, "front")
    wider = contract_of("front", coloured=True, width=20)
    rig.tell("front", rig.start_ns, millimetres(0))
    assert world.spin_until(lambda: bool(perception.differences(contract_of("front", width=20))))
    assert perception.differences(wider) == []


def test_a_coloured_cloud_is_seen_from_where_its_messages_say(world: Graph) -> None:
    settings = SensingParameters(camera_frame="camera_depth_optical_frame")
    perception = Perception(world.node, settings, contract_of("front"), lambda frame: None, max_age_s=1.0)
    with pytest.raises(ContractError, match="camera_frame is 'camera_depth_optical_frame', and the contract's cloud"):
        perception.configure(contract_of("front", coloured=True), CameraPose(world.node, "", 0.2))


def test_one_frame_for_several_depth_cameras_is_refused(world: Graph) -> None:
    settings = SensingParameters(camera_frame="camera_depth_optical_frame")
    perception = Perception(world.node, settings, contract_of("front"), lambda frame: None, max_age_s=1.0)
    pose = CameraPose(world.node, settings.camera_frame, 0.2)
    with pytest.raises(ContractError, match=r"camera_frame is .* cameras front, left, .* leave camera_frame empty"):
        perception.configure(contract_of("front", "left"), pose)
    perception.configure(contract_of("left"), pose)
    perception.close()


def test_a_camera_that_was_calibrated_again_is_found_where_it_stands_once_configured(world: Graph) -> None:
    pose = CameraPose(world.node, "", 0.2)
    perception = Perception(world.node, SensingParameters(), contract_of("front"), lambda frame: None, max_age_s=1.0)
    for place in ("front", "left"):
        pose.add_static([StaticTransform("world", "front_optical", POSES[place])])
        perception.configure(contract_of("front"), pose)
        found = pose.extrinsics("world", "front_optical", 10**9)
        assert found.translation == POSES[place].translation
    perception.close()


def test_a_lens_with_distortion_is_undone_or_its_model_named(world: Graph, tmp_path: Path) -> None:
    rig, lens = Rig(world, tmp_path, "front"), [-0.1, 0.02, 0.001, -0.002, 0.0]
    rig.lens = ("plumb_bob", lens)
    rig.tell("front", rig.start_ns, millimetres(0))
    frame = rig.next_frame()
    rig.await_ready(frame.stamp_ns)
    pipeline, camera = cloud_pipeline(rig.contract), replace(CAMERA, distortion=tuple(lens))
    expected = pipeline.from_depth(millimetres(0), "16UC1", camera, POSES["front"])
    np.testing.assert_array_equal(rig.live.cloud(frame), expected)
    assert not np.array_equal(expected, joined(rig, {"front": millimetres(0)}))
    rig.lens = ("equidistant", lens[:4])
    rig.tell("front", rig.start_ns + PERIOD_NS, millimetres(0))
    frame = rig.next_frame()

    def refused() -> bool:  # its camera_info may come later
        try:
            rig.live.cloud(frame)
        except ObservationError as error:
            return "distortion_model 'equidistant'" in str(error)
        return False

    assert world.spin_until(refused)


def test_a_contract_with_colour_is_listened_to_anew_and_one_without_no_longer_to_colour(
    world: Graph, tmp_path: Path
) -> None:
    cell = tmp_path / "cell.yaml"
    write_transforms(cell, [StaticTransform("world", "front_optical", POSES["front"])])
    frames: list[Frame] = []
    settings = SensingParameters(reliable_sensors=True, extrinsics=str(cell))
    perception = Perception(world.node, settings, contract_of("front"), frames.append, max_age_s=1.0)
    pose = CameraPose(world.node, "", 0.2)
    perception.configure(contract_of("front"), pose)
    topics = [f"camera/front/{each}" for each in ("color/image_raw", "depth/image_rect_raw")]
    assert [world.node.count_subscribers(topic) for topic in topics] == [0, 1]
    perception.configure(contract_of("front", coloured=True), pose)
    assert [world.node.count_subscribers(topic) for topic in topics] == [1, 0]
    rig = Rig(world, tmp_path, "front", colour=True)
    rig.tell("front", rig.start_ns, millimetres(0))
    rig.tell_colour("front", rig.start_ns, rgb(1))
    assert world.spin_until(lambda: bool(frames) and perception.ready(frames[0]))
    expected = joined(rig, {"front": millimetres(0)}, {"front": rgb(1)})
    np.testing.assert_array_equal(perception.observe(frames[0]).cloud, expected)
    perception.configure(contract_of("front"), pose)
    assert world.spin_until(lambda: [world.node.count_subscribers(topic) for topic in topics] == [1, 1])  # the rig's
    perception.close()


def test_a_pose_that_is_forgotten_during_its_look_up_is_unknown(world: Graph, monkeypatch) -> None:
    pose = CameraPose(world.node, "", 0.05)
    moving, stamp_ns = camera_transform(), 10**9
    moving.header.stamp = time_message(stamp_ns)
    pose._buffer.set_transform(moving, "test")
    assert pose.extrinsics("world", CAMERA_FRAME, stamp_ns).translation == TRANSLATION
    for method in ("can_transform", "lookup_transform"):
        ask = getattr(pose._buffer, method)
        monkeypatch.setattr(pose._buffer, method, lambda *given, ask=ask: (ask(*given), pose.forget())[0])
    with pytest.raises(ObservationError, match="tf knows no pose"):
        pose.extrinsics("world", CAMERA_FRAME, stamp_ns)


def test_a_cloud_of_no_camera_is_refused(world: Graph) -> None:
    perception = Perception(world.node, SensingParameters(), None, lambda frame: None, max_age_s=1.0)
    with pytest.raises(ContractError, match="no camera of the contract gives what it observes"):
        perception.configure(contract_of(), CameraPose(world.node, "", 0.1))


# -- colour --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
@pytest.mark.parametrize("colour_first", [False, True])
def test_each_point_has_the_colour_of_its_pixel_once_that_has_come(
    encoding: str, colour_first: bool, world: Graph, tmp_path: Path
) -> None:
    rig = Rig(world, tmp_path, "front", colour=True)

    def tell_colour() -> None:
        sent = np.ascontiguousarray(rgb(1)[..., :: 1 if encoding == "rgb8" else -1])
        rig.tell_colour("front", rig.start_ns + 1_000_000, sent, encoding)

    if colour_first:
        tell_colour()
    rig.tell("front", rig.start_ns, millimetres(0))
    frame = rig.next_frame()
    if not colour_first:
        world.spin_for(0.1)
        assert not rig.live.ready(frame.stamp_ns)
        tell_colour()
    rig.await_ready(frame.stamp_ns)
    cloud = rig.live.cloud(frame)
    np.testing.assert_array_equal(cloud, joined(rig, {"front": millimetres(0)}, {"front": rgb(1)}))
    plain = cloud_pipeline(contract_of("front")).from_depth(millimetres(0), "16UC1", CAMERA, POSES["front"])
    np.testing.assert_array_equal(cloud[:, :3], plain)
    assert {tuple(point) for point in (255 * cloud[:, 3:]).round()} <= {tuple(pixel) for pixel in rgb(1).reshape(-1, 3)}


def test_a_frame_whose_colour_has_come_waits_for_no_later_one_s(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", colour=True)
    stamps = [rig.start_ns + step * PERIOD_NS for step in range(3)]
    for step, stamp in enumerate(stamps):
        rig.tell("front", stamp, millimetres(step))
        rig.next_frame()
    for step in (0, 1):
        rig.tell_colour("front", stamps[step], rgb(step))
    rig.await_ready(stamps[1])
    assert [rig.live.ready(stamp) for stamp in stamps] == [True, True, False]
    for step in (0, 1):
        expected = joined(rig, {"front": millimetres(step)}, {"front": rgb(step)})
        np.testing.assert_array_equal(rig.live.cloud(rig.frames[step]), expected)


def test_colours_of_several_cameras_are_each_camera_s_own(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", "left", colour=True)
    colours = {"front": rgb(1), "left": rgb(2)}
    images = {"front": millimetres(0), "left": millimetres(3)}
    rig.tell("left", rig.start_ns + 3_000_000, images["left"])
    rig.tell("front", rig.start_ns, images["front"])
    rig.tell_colour("front", rig.start_ns, colours["front"])
    frame = rig.next_frame()
    world.spin_for(0.1)
    assert not rig.live.ready(frame.stamp_ns)  # the other camera's points have no colour yet
    rig.tell_colour("left", rig.start_ns + 3_000_000, colours["left"])
    rig.await_ready(frame.stamp_ns)
    np.testing.assert_array_equal(rig.live.cloud(frame), joined(rig, images, colours))


def test_colour_that_does_not_fit_the_depth_is_refused_in_a_clear_line(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", colour=True)
    topic = "camera/front/color/image_raw"
    bad: list[tuple[dict[str, Any] | None, str]] = [
        (None, f"no message on '{topic}' within 2.0 ms of the observation; none has come"),
        ({"image": rgb(1)[:, 1:]}, f"'{topic}' is 15×12, the depth that is aligned to it 16×12"),
        ({"image": rgb(1), "frame": "front_lens"}, f"depth is an image of 'front_optical', the colour on '{topic}' of "
         "'front_lens'; publish depth that is aligned to colour"),
        ({"image": rgb(1), "encoding": "yuv422"}, f"colour encoding 'yuv422' of '{topic}' is not supported"),
        ({"image": rgb(1), "late_ns": -3_000_000}, "the newest lies 3.0 ms before it"),
    ]  # fmt: skip
    for step, (told, line) in enumerate(bad):
        stamp = rig.start_ns + step * PERIOD_NS
        if told is not None:
            rig.tell_colour("front", stamp + told.pop("late_ns", 0), **told)
        rig.tell("front", stamp, millimetres(step))
        frame = rig.next_frame()
        world.spin_for(0.1)
        with pytest.raises(ObservationError) as caught:
            rig.live.cloud(frame)
        assert line in str(caught.value)
    stamp = rig.start_ns + len(bad) * PERIOD_NS
    rig.tell_colour("front", stamp, rgb(1))
    rig.tell("front", stamp, millimetres(0))
    frame = rig.next_frame()
    rig.await_ready(stamp)
    np.testing.assert_array_equal(rig.live.cloud(frame), joined(rig, {"front": millimetres(0)}, {"front": rgb(1)}))


def test_colour_that_is_not_the_contract_s_is_named_before_anything_acts(world: Graph, tmp_path: Path) -> None:
    rig = Rig(world, tmp_path, "front", colour=True)
    assert rig.live.differences(rig.contract) == []
    rig.tell_colour("front", rig.start_ns, np.zeros((12, 20, 3), np.uint8), "yuv422")
    assert world.spin_until(lambda: len(rig.live.differences(rig.contract)) == 2)
    encoding, size = rig.live.differences(rig.contract)
    assert "colour encoding of 'camera/front/color/image_raw' is 'yuv422', rgb8 or bgr8 expected" in encoding
    assert "'camera/front/color/image_raw' is 20×12, the contract 16×12" in size


# -- clouds --------------------------------------------------------------------------------------------------------


def cloud_message(
    points: NDArray[np.float32],
    shape: tuple[int, int],
    *,
    padding: int = 0,
    colours: NDArray[np.uint8] | None = None,
    colour: str = "rgb",
    kind: int = PointField.FLOAT32,
    big: bool = False,
) -> PointCloud2:
    """xyz with a colour behind it, as realsense2_camera gives it, in rows of `shape`; `colour` and `kind`: how that
    field is named and declared."""
    fields = [
        PointField(name=name, offset=offset, datatype=datatype, count=1)
        for name, offset, datatype in (
            ("x", 0, PointField.FLOAT32),
            ("y", 4, PointField.FLOAT32),
            ("z", 8, PointField.FLOAT32),
            (colour, 16, kind),
        )
    ]
    height, width = shape
    data = np.zeros((height, width, 5), ">f4" if big else "<f4")
    data[..., :3] = points.reshape(height, width, 3)
    if colours is not None:
        red, green, blue = colours.reshape(height, width, 3).astype(np.uint32).transpose(2, 0, 1)
        alpha = 0xFF if colour == "rgba" else 0  # with which the float is a NaN
        data.view(">u4" if big else "<u4")[..., 4] = alpha << 24 | red << 16 | green << 8 | blue
    rows = np.pad(data.reshape(height, -1).view(np.uint8), ((0, 0), (0, padding)))
    return PointCloud2(
        height=height,
        width=width,
        fields=fields,
        is_bigendian=big,
        point_step=20,
        row_step=rows.shape[1],
        data=rows.tobytes(),
    )


@pytest.mark.parametrize("invalid", [0.0, np.nan])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("padding", [0, 12])
def test_every_way_to_send_a_cloud_gives_the_depth_image_s(invalid: float, ordered: bool, padding: int) -> None:
    image, pose = millimetres(0), POSES["left"]
    pipeline = cloud_pipeline(contract_of("left"))
    everything = deproject(np.where(image > 0, depth_to_metres(image, "16UC1"), np.float32(1)), CAMERA)
    everything[image.ravel() == 0] = invalid
    kept = everything if ordered else everything[image.ravel() > 0]
    message = cloud_message(kept, (12, 16) if ordered else (1, len(kept)), padding=padding)
    expected = pipeline.from_depth(image, "16UC1", CAMERA, pose)
    np.testing.assert_array_equal(pipeline.from_points(xyz_points(message), pose), expected)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("kind", [PointField.FLOAT32, PointField.UINT32])
@pytest.mark.parametrize(("colour", "padding"), [("rgb", 0), ("rgba", 12)])
def test_every_way_to_send_a_coloured_cloud_gives_the_depth_image_s(
    colour: str, padding: int, kind: int, big: bool
) -> None:
    image, pose = millimetres(0), POSES["left"]
    pipeline = cloud_pipeline(contract_of("left", coloured=True))
    everything = deproject(np.where(image > 0, depth_to_metres(image, "16UC1"), np.float32(1)), CAMERA)
    everything[image.ravel() == 0] = np.nan
    message = cloud_message(everything, (12, 16), padding=padding, colours=rgb(1), colour=colour, kind=kind, big=big)
    expected = pipeline.from_depth(image, "16UC1", CAMERA, pose, rgb(1))
    np.testing.assert_array_equal(pipeline.from_points(coloured_points(message), pose), expected)
    np.testing.assert_array_equal(xyz_points(message), coloured_points(message)[:, :3])


def test_a_cloud_without_colour_is_refused_by_a_contract_that_needs_it(world: Graph) -> None:
    message = cloud_message(np.ones((12, 3), np.float32), (3, 4))
    message.header.frame_id = "world"
    message.header.stamp = world.node.get_clock().now().to_msg()
    message.fields = message.fields[:3]
    line = "point cloud has fields x, y, z; float32 x, y, z and rgb expected"
    contract, frames = contract_of("front", coloured=True), []
    settings = StreamSettings(reliable=True, colour=True)
    live = CloudCameras(world.node, PointsSource, ("front",), settings, frames.append)
    live.configure(contract, CameraPose(world.node, "", 0.2), SKEW_NS)
    publisher = world.node.create_publisher(PointCloud2, "camera/front/depth/color/points", 10)
    assert world.spin_until(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(message)
    assert world.spin_until(lambda: bool(frames))
    assert live.differences(contract) == [line]
    with pytest.raises(ObservationError, match=line):
        live.cloud(frames[0])
    odd = cloud_message(np.ones((12, 3), np.float32), (3, 4), kind=PointField.UINT8)
    with pytest.raises(ObservationError, match="fields x, y, z, rgb; float32 x, y, z and rgb expected"):
        coloured_points(odd)
    short = cloud_message(np.ones((12, 3), np.float32), (3, 4))
    short.fields[3].offset = 18
    with pytest.raises(ObservationError, match="the message is malformed"):
        coloured_points(short)


def test_a_malformed_cloud_is_one_clear_error() -> None:
    message = cloud_message(np.ones((12, 3), np.float32), (3, 4))
    for attribute, value, named in (
        ("data", message.data[:-4], "236 bytes, 240 expected"),
        ("point_step", 8, "the message is malformed"),
        ("width", 5, "the message is malformed"),
        ("fields", message.fields[:2], "has fields x, y; float32 x, y, z expected"),
    ):
        broken = cloud_message(np.ones((12, 3), np.float32), (3, 4))
        setattr(broken, attribute, value)
        with pytest.raises(ObservationError, match=named):
            xyz_points(broken)


def test_clouds_of_several_cameras_are_joined_too(world: Graph, tmp_path: Path) -> None:
    contract, frames = contract_of("front", "left"), []
    live = CloudCameras(world.node, PointsSource, ("front", "left"), StreamSettings(reliable=True), frames.append)
    pose = CameraPose(world.node, "", 0.2)
    pose.add_static([StaticTransform("world", f"{name}_optical", POSES[name]) for name in ("front", "left")])
    live.configure(contract, pose, SKEW_NS)
    clouds = {
        name: world.node.create_publisher(PointCloud2, f"camera/{name}/depth/color/points", 10)
        for name in ("front", "left")
    }
    assert world.spin_until(lambda: all(publisher.get_subscription_count() for publisher in clouds.values()))
    points = {name: np.random.default_rng(index).uniform(0.1, 0.9, (50, 3)) for index, name in enumerate(clouds)}
    stamp = world.node.get_clock().now().nanoseconds
    for name, publisher in clouds.items():
        message = create_cloud(
            CameraInfo().header, cloud_message(np.zeros((1, 3), np.float32), (1, 1)).fields[:3], points[name]
        )
        message.header.stamp, message.header.frame_id = time_message(stamp), f"{name}_optical"
        publisher.publish(message)
    assert world.spin_until(lambda: bool(frames) and live.ready(stamp))
    pipeline = cloud_pipeline(contract)
    expected = pipeline.fuse([pipeline.raw_points(points[name], POSES[name]) for name in clouds])
    np.testing.assert_array_equal(live.cloud(frames[0]), expected)


# -- the node ------------------------------------------------------------------------------------------------------


def test_the_policy_node_refuses_what_repeats_itself_counts_it_and_goes_on(tmp_path: Path) -> None:
    contract = small_contract()
    folder = LinearPolicy(contract).write(tmp_path / "policy").path
    start = 1_000_000_000_000
    with graph(tmp_path, use_sim_time=True) as world:
        settings = {"command": "inline", "reliable_sensors": True, "startup_wait_s": 0.0, "state_timeout_s": 0.3}
        process = world.start("policy_node", checkpoint=folder, backend="onnxruntime", frozen_frames=3, **settings)
        robot = FakeRobot(world, contract)
        robot.await_policy()
        assert world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7)).success

        def tell(step: int, seed: int) -> int:
            stamp = start + step * contract.dt_ns
            robot.tell_time(stamp)
            robot.tell_state(stamp, state_values(step, contract))
            robot.tell_info(stamp)
            robot.tell_image(stamp, depth_image(seed, contract))
            return stamp

        assert robot.trace_of(tell(0, 0)).commands == 2
        robot.tell_image(start, depth_image(1, contract))
        assert world.spin_until(lambda: any("duplicate" in trace.refusal for trace in robot.traces))
        robot.tell_image(start - contract.dt_ns, depth_image(1, contract))
        assert "out of order" in robot.trace_of(start - contract.dt_ns).refusal
        assert robot.trace_of(tell(1, 2)).refusal == ""
        assert robot.trace_of(tell(2, 2)).commands == 2
        for step in (3, 4):
            assert "as if frozen" in robot.trace_of(tell(step, 2)).refusal
        assert robot.trace_of(tell(5, 3)).commands == 2
        assert world.spin_until(lambda: len(robot.commands) >= 6)
        assert process.end() == 0
        assert len(robot.commands) == 6
        for counted in ("1 × duplicate image", "1 × out_of_order image", "2 × frozen image"):
            assert counted in process.output
