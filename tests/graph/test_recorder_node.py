"""The recorder as a process: a kept episode is on disk whole, a discarded or failed one not at all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from helpers.contracts import small_contract
from helpers.domain import own_domain
from helpers.fake_robot import FakeRobot, depth_image, state_values
from helpers.graph import Graph, graph
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future
from sdm_core.datasets.dataset import FAILURE, SUCCESS, UNLABELLED, EpisodeStore
from sdm_core.perception.point_cloud import CloudPipeline, Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, write_transforms
from sdm_interfaces.msg import EpisodeEvent
from sdm_policy_node.recording.episode_events import RecorderSetup
from sdm_policy_node.recording.episode_recording import EpisodeRecording, Observed
from sdm_policy_node.recording.recorder_node import RecorderNode
from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.time_stamps import to_ns
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

CONTRACT = small_contract()
DT = CONTRACT.dt_ns
START_NS = 1_000_000_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Demonstration:
    """A robot that somebody else commands, and the recorder that watches it."""

    def __init__(self, world: Graph, folder: Path, publish_tf: bool = True, **parameters) -> None:
        self.world, self.output = world, folder / "demos.zarr"
        self.begun_ns = START_NS
        CONTRACT.save(folder / "contract.yaml")
        settings = {"checkpoint": folder / "contract.yaml", "output": self.output, "reliable_sensors": True}
        settings["pairing"] = "order"
        self.process = world.start("recorder_node", **{**settings, **parameters})
        self.robot = FakeRobot(world, CONTRACT, publish_tf=publish_tf)
        self.operator = world.node.create_publisher(Float64MultiArray, "native_command", 100)
        topics = (
            "camera/camera/depth/image_rect_raw",
            "camera/camera/depth/camera_info",
            "joint_states",
            "native_command",
        )
        # the test listens to native_command too
        wanted = {topic: 2 if topic == "native_command" else 1 for topic in topics}
        assert world.spin_until(
            lambda: all(world.node.count_subscribers(topic) == count for topic, count in wanted.items())
        ), world.outputs()

    def call(self, name: str) -> Trigger.Response:
        if name == "start":
            self.begun_ns += 10_000_000_000  # time goes on between episodes
        return self.world.call(Trigger, f"recorder_node/{name}")

    def call_later(self, name: str) -> Future:
        """Asks, and lets the test go on until the answer is there."""
        client = self.world.node.create_client(Trigger, f"recorder_node/{name}")
        assert self.world.spin_until(client.service_is_ready), self.world.outputs()
        return client.call_async(Trigger.Request())

    def judge(self, success: bool) -> SetBool.Response:
        return self.world.call(SetBool, "recorder_node/label", SetBool.Request(data=success))

    def observe(self, step: int, spacing: float = 1) -> None:
        stamp = self.begun_ns + int(step * spacing * DT)
        self.robot.tell_state(stamp, state_values(step, CONTRACT))
        self.robot.tell_info(stamp)
        self.robot.tell_image(stamp, depth_image(step, CONTRACT))

    def command(self, *steps: int) -> None:
        for step in steps:
            self.operator.publish(Float64MultiArray(data=self.action(step)))

    @staticmethod
    def action(step: int) -> list[float]:
        return [0.01 * step, -0.01 * step, 1.0]

    def run(self, steps: int, spacing: int = 1) -> None:
        """Frames one by one, each followed by its command."""
        for step in range(steps):
            self.observe(step, spacing)
            self.world.spin_for(0.02)
            self.command(step)
        self.world.spin_for(0.2)

    def assert_rows(self, rows: slice, steps: list[int]) -> None:
        """The dataset's rows are those of these steps: cloud, state and command alike."""
        store = EpisodeStore.view(self.output)
        assert CONTRACT.observation.cloud
        clouds = CloudPipeline(CONTRACT.observation.cloud)
        for row, step in zip(range(rows.start, rows.stop), steps, strict=True):
            cloud = clouds.from_depth(
                depth_image(step, CONTRACT), "16UC1", self.robot.intrinsics, self.robot.extrinsics
            )
            assert store.read("point_cloud")[row].tobytes() == cloud.tobytes()
            assert store.read("state")[row] == pytest.approx(state_values(step, CONTRACT), abs=1e-7)
            assert store.read("action")[row] == pytest.approx(self.action(step), abs=1e-7)


def test_a_kept_episode_is_what_was_seen_and_commanded(world, tmp_path):
    demo = Demonstration(world, tmp_path, record_depth=True)
    assert demo.call("start").success
    demo.run(10)
    response = demo.call("keep")
    assert response.success, response.message
    assert response.message == "episode 0: 10 rows, 0 images missing"
    store = EpisodeStore.view(demo.output)
    assert store.episode_ends.tolist() == [10]
    assert store.contract == CONTRACT
    demo.assert_rows(slice(0, 10), list(range(10)))
    assert np.array_equal(store.read("depth")[3], depth_image(3, CONTRACT))


def test_discarded_episodes_leave_no_trace_and_kept_ones_add_up(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    for end in ("keep", "discard", "keep"):
        demo.call("start")
        demo.run(4)
        assert demo.call(end).success
    assert EpisodeStore.view(demo.output).episode_ends.tolist() == [4, 8]
    assert not demo.call("keep").success  # nothing is being recorded
    assert EpisodeStore.view(demo.output).episode_ends.tolist() == [4, 8]


def test_the_operator_judges_an_episode_as_it_ends_or_later_and_the_bag_can_hear_it(world, tmp_path):
    mount = StaticTransform("cell", "mount", Extrinsics((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.5)))
    write_transforms(tmp_path / "cell.yaml", [mount])
    demo = Demonstration(world, tmp_path, extrinsics=tmp_path / "cell.yaml")
    heard: list[EpisodeEvent] = []
    world.node.create_subscription(EpisodeEvent, "recorder_node/episode_event", heard.append, 100)
    assert not demo.judge(True).success  # there is none yet
    demo.call("start")
    first = demo.begun_ns
    demo.run(4)
    assert demo.judge(True).message == "episode 0: 4 rows, 0 images missing, a success"
    demo.call("start")
    demo.run(3)
    kept = demo.call("keep")
    assert kept.success, kept.message
    assert EpisodeStore.view(demo.output).outcomes.tolist() == [SUCCESS, UNLABELLED]
    assert demo.judge(False).message == "episode 1 is a failure"
    assert EpisodeStore.view(demo.output).outcomes.tolist() == [SUCCESS, FAILURE]
    demo.call("start")
    demo.call("discard")
    assert world.spin_until(lambda: len(heard) == 7), heard
    assert [(event.event, event.recording, event.success, event.rows) for event in heard] == [
        ("start", 1, 0, 0), ("keep", 1, 1, 4),
        ("start", 2, 0, 0), ("keep", 2, -1, 3), ("label", 2, 0, 0),
        ("start", 3, 0, 0), ("discard", 3, -1, 0),
    ]  # fmt: skip
    assert (to_ns(heard[1].first_frame), to_ns(heard[1].last_frame)) == (first, first + 3 * DT)
    setup = RecorderSetup.of(heard[0])
    assert setup.contract == CONTRACT
    assert setup.settings.output == str(demo.output)
    assert setup.topics["joint_states"] == "/joint_states"
    assert setup.transforms == [mount]


def test_a_chunks_commands_that_arrive_at_once_are_paired_in_order(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    for step in range(8):
        demo.observe(step)
        world.spin_for(0.02)
        if step % 4 == 0:
            demo.command(step, step + 1, step + 2, step + 3)
    world.spin_for(0.2)
    assert demo.call("keep").success
    demo.assert_rows(slice(0, 8), list(range(8)))


def test_in_real_time_the_first_command_after_a_frame_counts(world, tmp_path):
    demo = Demonstration(world, tmp_path, pairing="time")  # with reliable sensors, too
    demo.call("start")
    demo.command(90)  # before any frame
    world.spin_for(0.1)
    for step in range(6):
        demo.observe(step)
        world.spin_for(0.1)
        demo.command(step, 70 + step)  # the second one is not the first after the frame
        world.spin_for(0.1)
    demo.observe(6)  # never answered
    world.spin_for(0.1)
    assert demo.call("keep").success
    demo.assert_rows(slice(0, 6), list(range(6)))


def test_what_belongs_to_the_last_frames_may_come_after_keep_was_called(world, tmp_path):
    demo = Demonstration(world, tmp_path, publish_tf=False, tf_timeout_s=5.0)
    demo.call("start")
    demo.run(3)
    kept = demo.call_later("keep")
    world.spin_for(0.3)  # two services have no order among them
    next_one = demo.call_later("start")
    world.spin_for(0.3)
    assert not kept.done()
    assert not next_one.done()  # in its turn
    demo.robot.publish_tf()
    assert world.spin_until(lambda: kept.done() and next_one.done()), world.outputs()
    assert kept.result().message == "episode 0: 3 rows, 0 images missing"
    assert next_one.result().message == "recording episode 1"
    demo.assert_rows(slice(0, 3), [0, 1, 2])


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RecorderNode]:
    """A recorder in this process, which nobody spins."""
    CONTRACT.save(tmp_path / "contract.yaml")
    settings = (f"checkpoint:={tmp_path}/contract.yaml", f"output:={tmp_path}/demos.zarr", "pairing:=order")
    given = [word for setting in settings for word in ("-p", setting)]
    rclpy.init(args=["recorder", "--ros-args", *given], domain_id=own_domain())
    node = RecorderNode()
    yield node
    node.destroy_node()
    rclpy.shutdown()


def demonstrate(recorder: RecorderNode, rows: int) -> None:
    recorder._on_start(Trigger.Request(), Trigger.Response())
    for step in range(rows):
        stamp = START_NS + step * DT
        recorder._recorder._on_state(stamp, state_values(step, CONTRACT))
        recorder._recorder._on_frame(Frame(message=None, stamp_ns=stamp))
        recorder._recorder._on_command(0, np.array(Demonstration.action(step)))


def test_whatever_a_frame_brings_about_costs_its_episode_alone(recorder, monkeypatch):
    monkeypatch.setattr(recorder._recorder, "ready", lambda frame: True)

    def observe(recording: EpisodeRecording, frame: Frame) -> None:
        if len(recorder._store) == 0 and frame.stamp_ns > START_NS:
            raise RuntimeError("extrapolation into the past")
        recording.add_frame(Observed(frame.stamp_ns, np.zeros((32, 3), np.float32)))

    monkeypatch.setattr(recorder._recorder, "observe", observe)
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    answers = []
    for rows in (2, 1):
        demonstrate(recorder, rows)
        keep = executor.create_task(recorder._on_keep(Trigger.Request(), Trigger.Response()))
        executor.spin_until_future_complete(keep, timeout_sec=20)
        answers.append((keep.result().success, keep.result().message))
    assert answers == [
        (False, "RuntimeError: extrapolation into the past"),
        (True, "episode 0: 1 rows, 0 images missing"),
    ]


def test_an_episode_that_is_to_be_kept_is_though_the_node_ends_meanwhile(recorder, monkeypatch, tmp_path):
    cloud = Observed(START_NS, np.zeros((32, 3), np.float32))
    go_on = threading.Event()
    monkeypatch.setattr(recorder._recorder, "ready", lambda frame: go_on.wait(10))
    monkeypatch.setattr(recorder._recorder, "observe", lambda recording, frame: recording.add_frame(cloud))
    demonstrate(recorder, 1)
    keep = recorder._on_keep(Trigger.Request(), Trigger.Response())
    keep.send(None)
    go_on.set()
    recorder.destroy_node()
    keep.close()
    assert EpisodeStore.view(tmp_path / "demos.zarr").episode_ends.tolist() == [1]


def test_a_camera_slower_than_the_control_rate_is_refused(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    demo.run(10, spacing=4)
    response = demo.call("keep")
    assert not response.success
    assert "2.5 rows a second, the contract's control rate is 10 Hz; set camera_every:=1" in response.message
    assert len(EpisodeStore.view(demo.output)) == 0


def test_of_a_camera_at_a_multiple_of_the_control_rate_the_images_between_two_rows_are_left_out(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    for step in range(30):
        demo.observe(step, spacing=1 / 3)
        world.spin_for(0.02)
        if step % 3 == 0:
            demo.command(step)
    world.spin_for(0.2)
    response = demo.call("keep")
    assert response.message == "episode 0: 10 rows, 0 images missing"
    demo.assert_rows(slice(0, 10), list(range(0, 30, 3)))


def test_an_episode_with_an_unusable_image_or_state_is_refused(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    demo.run(4)
    demo.robot.tell_image(demo.begun_ns + 4 * DT, np.zeros((12, 16), np.uint16))
    demo.command(4)
    world.spin_for(0.2)
    assert "none of 0 valid points" in demo.call("keep").message
    demo.call("start")
    demo.robot.tell_state(demo.begun_ns, [float("nan")] * 4)
    world.spin_for(0.2)
    assert "is not finite" in demo.call("keep").message
    assert len(EpisodeStore.view(demo.output)) == 0


def test_a_full_disk_loses_that_episode_alone(world, tmp_path):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    demo.run(4)
    assert demo.call("keep").success
    demo.process.limit_file_size(1500)  # as a full disk: the clouds' file cannot grow (the log still can)
    demo.call("start")
    demo.run(4)
    response = demo.call("keep")
    assert not response.success
    assert "the episode is dropped, earlier ones are whole" in response.message
    assert "Traceback" not in demo.process.output
    demo.process.limit_file_size(None)
    demo.assert_rows(slice(0, 4), list(range(4)))
    demo.call("start")
    demo.run(4)
    assert demo.call("keep").success
    assert EpisodeStore.view(demo.output).episode_ends.tolist() == [4, 8]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ending_it_in_mid_episode_leaves_the_kept_ones_whole(world, tmp_path, number):
    demo = Demonstration(world, tmp_path)
    demo.call("start")
    demo.run(4)
    assert demo.call("keep").success
    demo.call("start")
    demo.run(2)
    status = demo.process.end(number)
    assert status == (0 if number == signal.SIGINT else -signal.SIGKILL)
    assert EpisodeStore.view(demo.output).episode_ends.tolist() == [4]
    demo.assert_rows(slice(0, 4), list(range(4)))


def test_a_dataset_of_another_contract_is_refused_with_one_line(world, tmp_path):
    EpisodeStore.create(tmp_path / "demos.zarr", small_contract(task="test/push"))
    CONTRACT.save(tmp_path / "contract.yaml")
    process = world.start("recorder_node", checkpoint=tmp_path / "contract.yaml", output=tmp_path / "demos.zarr")
    assert process.process.wait(20) == 1
    assert "recorded under another contract" in process.output
    assert "Traceback" not in process.output


def test_a_recorder_that_is_refused_leaves_no_dataset_behind(world, tmp_path):
    contract, output = tmp_path / "contract.yaml", tmp_path / "demos.zarr"
    CONTRACT.save(contract)
    process = world.start("recorder_node", checkpoint=contract, output=output, sink="pose")
    assert process.process.wait(20) == 1
    assert "sink 'pose' records 'ee_pose' actions, not 'native'" in process.output
    assert not output.exists()
