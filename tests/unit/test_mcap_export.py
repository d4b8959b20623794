"""An exported MCAP holds the recording in standard messages, read back by two libraries that are not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.linear_policy import LinearPolicy
from helpers.recordings import STEPS, moving_contract, moving_dataset
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from sdm_cockpit.export.program import main
from sdm_cockpit.export.visual_messages import VisualMessages, topic_part
from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.snapshot import Plan, Snapshot, Status, Timing
from sdm_policy_node.sources.points_source import coloured_points, xyz_points
from visualization_msgs.msg import Marker

ROOT = Path(__file__).parents[2]
START_NS = 1_000_000_000
TYPES = {
    "/cockpit/cloud": "sensor_msgs/msg/PointCloud2",
    "/cockpit/image/camera": "sensor_msgs/msg/Image",
    "/cockpit/markers": "visualization_msgs/msg/MarkerArray",
    "/cockpit/plan/recorded": "nav_msgs/msg/Path",
    "/cockpit/plan/student": "nav_msgs/msg/Path",
    "/cockpit/tool": "geometry_msgs/msg/PoseStamped",
    "/cockpit/state": "sensor_msgs/msg/JointState",
    "/tf": "tf2_msgs/msg/TFMessage",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetRecordings, Path]:
    """A dataset of two episodes, and the file that is made of it."""
    folder = tmp_path_factory.mktemp("export")
    contract = moving_contract(images=True)
    store = moving_dataset(folder / "moving.zarr", contract)
    LinearPolicy(contract).write(folder / "student")
    main([str(store.path), "--checkpoint", str(folder / "student"), "-o", str(folder / "out.mcap")])
    assert sorted(path.name for path in folder.iterdir()) == ["moving.zarr", "out.mcap", "student"]
    return DatasetRecordings(store.path), folder / "out.mcap"


def test_types_counts_and_stamps_are_right(made) -> None:
    _, file = made
    with AnyReader([file]) as reader:
        assert {each.topic: each.msgtype for each in reader.connections} == TYPES
        counts = {topic: reader.topics[topic].msgcount for topic in TYPES}
        stamps = [stamp for _, stamp, _ in reader.messages()]
    assert counts.pop("/cockpit/plan/recorded") == 2 * (STEPS - 1)  # after the last step nothing came
    assert set(counts.values()) == {2 * STEPS}
    assert stamps == sorted(stamps)
    assert stamps[0] == START_NS
    assert stamps[-1] == START_NS + (2 * (STEPS - 1) + 10) * 100_000_000  # a second between the two


def test_definitions_travel_with_the_file_and_values_come_back(made) -> None:
    """mcap_ros2 knows no message but those that the file defines."""
    recordings, file = made
    heard = {topic: [] for topic in TYPES}
    with file.open("rb") as stream:
        for message in make_reader(stream, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
            heard[message.channel.topic].append(message.decoded_message)
    for episode, recording in enumerate(recordings):
        for step in range(STEPS):
            at = episode * STEPS + step
            cloud = np.frombuffer(bytes(heard["/cockpit/cloud"][at].data), "<f4").reshape(-1, 3)
            np.testing.assert_array_equal(cloud, recording.cloud(step))
            image = heard["/cockpit/image/camera"][at]
            pixels = np.frombuffer(bytes(image.data), np.uint8).reshape(image.height, image.width, 3)
            np.testing.assert_array_equal(pixels, recording.images["camera"][step])
            state = heard["/cockpit/state"][at]
            assert dict(zip(state.name, state.position, strict=True)) == recording.state_by_name(step)
            tool = heard["/cockpit/tool"][at].pose.position
            assert [tool.x, tool.y, tool.z] == recording.trail[step].tolist()
            (frame,) = heard["/tf"][at].transforms
            assert (frame.header.frame_id, frame.child_frame_id) == ("world", "cockpit/hand")
            stamp = frame.header.stamp
            assert stamp.sec * 10**9 + stamp.nanosec == START_NS + (episode * (STEPS + 9) + step) * 100_000_000
    path = heard["/cockpit/plan/recorded"][3].poses
    assert [pose.pose.position.x for pose in path] == recordings[0].trail[4:8, 0].tolist()


def test_markers_show_boxes_plans_and_the_trail(made) -> None:
    _, file = made
    with AnyReader([file]) as reader:
        connections = [each for each in reader.connections if each.topic == "/cockpit/markers"]
        arrays: list[Any] = [reader.deserialize(data, each.msgtype) for each, _, data in reader.messages(connections)]
    names = [[marker.ns for marker in array.markers] for array in arrays]
    assert names[5] == ["", "crop box", "trail", "plan recorded", "plan student"]
    assert names[0] == names[STEPS] == ["", "crop box", "plan recorded", "plan student"]  # each begins without a trail
    later = arrays[5].markers
    assert later[0].action == Marker.DELETEALL
    assert [len(marker.points) for marker in later[1:]] == [24, 6, 4, 4]


def test_what_went_wrong_is_a_diagnostic(made) -> None:
    timing = Timing(1.0, 2.0, 0.5, 12.0, 8.0, 80.0, deadline_ms=10.0)
    snapshot = Snapshot(0.0, clamps=("velocity",), timing=timing, status=Status(fault="the robot does not follow"))
    messages = dict(VisualMessages("world", "hand").of(snapshot, 5))
    statuses = {status.name: status for status in messages["/diagnostics"].status}
    levels = {name: int.from_bytes(status.level) for name, status in statuses.items()}
    assert levels == {"cockpit: policy": 2, "cockpit: gate": 1, "cockpit: loop": 1}
    assert statuses["cockpit: loop"].message == "12.0 ms, 10.0 ms allowed"
    assert {pair.key: pair.value for pair in statuses["cockpit: loop"].values}["loop_ms"] == "12"


def test_of_a_plan_the_executed_part_is_drawn_over_it() -> None:
    path = np.arange(12.0).reshape(4, 3)
    snapshot = Snapshot(0.0, plans=(Plan(0, path, path, executed=2),))
    markers = dict(VisualMessages("world", "hand").of(snapshot, 5))["cockpit/markers"].markers
    lines = {marker.ns: marker for marker in markers}
    whole, behind = lines["plan policy"], lines["executed policy"]
    assert (len(whole.points), len(behind.points)) == (4, 2)
    assert behind.scale.x > whole.scale.x
    assert behind.colors == whole.colors[:2]


def test_any_name_becomes_a_topic() -> None:
    assert [topic_part(name) for name in ("policy", "2 arms/left", "push-wall_sdm")] == [
        "policy",
        "_2_arms_left",
        "push_wall_sdm",
    ]


def test_an_error_is_one_line_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.zarr"), "-o", str(tmp_path / "out.mcap")])
    assert str(ended.value).startswith(f"error: {tmp_path}/none.zarr: no such file or folder")
    assert list(tmp_path.iterdir()) == []


# -- what shows it -------------------------------------------------------------------------------------------------


def test_the_foxglove_layout_shows_topics_that_there_are() -> None:
    layout = json.loads((ROOT / "config/foxglove/sdm.json").read_text())
    panels = layout["configById"]
    assert sorted(_leaves(layout["layout"])) == sorted(panels)
    shown = set(next(panel for name, panel in panels.items() if name.startswith("3D!"))["topics"])
    plotted = {path["value"].split(".")[0] for panel in panels.values() for path in panel.get("paths", [])}
    summarised = {panel["topicToRender"] for panel in panels.values() if "topicToRender" in panel}
    assert {"/cockpit/cloud", "/cockpit/markers"} <= shown
    assert shown | plotted | summarised <= TYPES.keys()


def test_the_rviz_configuration_shows_topics_of_their_types() -> None:
    document = yaml.safe_load((ROOT / "config/rviz/sdm.rviz").read_text())
    displays = document["Visualization Manager"]["Displays"]
    shown = {each["Topic"]["Value"]: each["Class"].split("/")[1] for each in displays if "Topic" in each}
    assert {"/cockpit/cloud", "/cockpit/markers"} <= shown.keys()
    drawn = {topic: TYPES[topic].rpartition("/")[2].removesuffix("Stamped") for topic in shown}
    assert drawn == shown


def _leaves(layout: str | dict) -> list[str]:
    return [layout] if isinstance(layout, str) else [*_leaves(layout["first"]), *_leaves(layout["second"])]


def test_a_coloured_cloud_is_sent_as_a_camera_sends_it() -> None:
    cloud = np.random.default_rng(0).random((7, 6)).astype(np.float32)
    cloud[:, 3:] = np.rint(255 * cloud[:, 3:]) / np.float32(255)
    topic, message = next(VisualMessages("world", "hand").of(Snapshot(0.0, cloud=cloud), START_NS))
    assert (topic, [field.name for field in message.fields]) == ("cockpit/cloud", ["x", "y", "z", "rgb"])
    np.testing.assert_allclose(coloured_points(message), cloud, atol=1e-6)
    _, plain = next(VisualMessages("world", "hand").of(Snapshot(0.0, cloud=cloud[:, :3]), START_NS))
    assert [field.name for field in plain.fields] == ["x", "y", "z"]
    np.testing.assert_array_equal(xyz_points(plain), cloud[:, :3])
