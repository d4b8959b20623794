"""Bags: recorded by nodes and read back by the rosbags library, played, described, and never half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from embedded_ros.bags.definition_text import definition_text
from embedded_ros.bags.errors import BagError
from embedded_ros.bags.player import Pace, Player
from embedded_ros.bags.qos import to_bag, to_play, to_record
from embedded_ros.bags.reading import open_bag
from embedded_ros.bags.recorder import Recorder
from embedded_ros.bags.topic_filter import TopicFilter
from embedded_ros.cli.main import main
from embedded_ros.interfaces import cdr
from geometry_msgs.msg import TransformStamped
from helpers.domain import own_domain
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sdm_interfaces.msg import ActionChunk
from sensor_msgs.msg import JointState, PointCloud2, PointField
from std_msgs.msg import Empty, String

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
AS_RECORDED = Pace()
TYPESTORE = get_typestore(Stores.ROS2_JAZZY)
# How an MCAP file without a summary ends: the footer's kind, its length, no offsets, no checksum; the magic.
MCAP_FOOTER = b"\x02" + (20).to_bytes(8, "little") + bytes(20)
MCAP_MAGIC = b"\x89MCAP0\r\n"


@pytest.fixture
def graph(monkeypatch):
    """Nodes on an otherwise empty domain, spun by the test."""
    graph = Graph(own_domain())
    monkeypatch.setenv("ROS_DOMAIN_ID", str(graph.domain_id))
    yield graph
    graph.close()


class Graph:
    def __init__(self, domain_id: int) -> None:
        self.domain_id = domain_id
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)

    def node(self, name: str, **options):
        node = rclpy.create_node(name, context=self.context, start_parameter_services=False, **options)
        self.executor.add_node(node)
        return node

    def spin_until(self, condition) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.02)

    def spin_while(self, work) -> None:
        """Run a function in another thread, and this graph's callbacks until it returns."""
        thread = threading.Thread(target=work)
        thread.start()
        self.spin_until(lambda: not thread.is_alive())

    def close(self) -> None:
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)


def cloud() -> PointCloud2:
    points = np.arange(12, dtype=np.float32)
    field = PointField(name="x", datatype=PointField.FLOAT32, count=1)
    return PointCloud2(height=1, width=3, fields=[field], point_step=16, row_step=48, data=points.tobytes())


def write_bag(
    path: Path,
    seconds: list[float],
    storage: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode = CompressionMode.NONE,
    qos=(),
) -> Path:
    """A bag of texts "0", "1", … on /chatter at these times, written by the rosbags library alone."""
    writer = Writer(path, version=9, storage_plugin=storage)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        chatter = writer.add_connection(
            "/chatter", "std_msgs/msg/String", typestore=TYPESTORE, offered_qos_profiles=list(qos)
        )
        for index, stamp in enumerate(seconds):
            writer.write(chatter, int(stamp * 1e9), bytes(cdr.serialize(String(data=str(index)))))
    return path


# --- recording


@pytest.mark.parametrize(
    "message",
    [
        JointState(name=["j1", "j2"], position=[0.5, -1.0]),
        cloud(),
        TransformStamped(child_frame_id="tool"),
        Empty(),
        ActionChunk(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_recorded_messages_are_read_back_with_their_definition_and_hash(graph, tmp_path, message):
    name = message.definition.name
    publisher = graph.node("talker").create_publisher(type(message), "/topic", LATCHED)
    recorder_node = graph.node("recorder")
    with Recorder(recorder_node, tmp_path / "bag", TopicFilter(topics=("/topic",))) as recorder:
        graph.spin_until(recorder.discover)
        publisher.publish(message)
        graph.spin_until(lambda: recorder.message_count == 1)
    with Reader(tmp_path / "bag") as reader:
        (connection,) = reader.connections
        ((_, stamp, data),) = list(reader.messages())
    assert (connection.topic, connection.msgtype) == ("/topic", name)
    assert abs(stamp - time.time_ns()) < 600e9
    assert cdr.deserialize(bytearray(data), type(message)) == message
    # What the bag says of the type suffices to read it, and is the same type.
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(connection.msgdef.data, name))
    assert store.hash_rihs01(name) == connection.digest
    assert bytes(store.serialize_cdr(store.deserialize_cdr(data, name), name)) == data


def test_definitions_name_every_type_within_once():
    text = definition_text("geometry_msgs/msg/TransformStamped")
    assert [line for line in text.splitlines() if line.startswith("MSG: ")] == [
        "MSG: std_msgs/Header",
        "MSG: geometry_msgs/Transform",
        "MSG: builtin_interfaces/Time",
        "MSG: geometry_msgs/Vector3",
        "MSG: geometry_msgs/Quaternion",
    ]


def test_everything_but_hidden_and_excluded_topics_is_recorded(graph, tmp_path):
    talker = graph.node("talker", enable_rosout=False)
    for topic in ("/a", "/b", "/_hidden"):
        talker.create_publisher(String, topic, 1)
    topics = TopicFilter(everything=True, exclude_topics=("/b",), exclude_regex="rosout|parameter_events")
    with Recorder(graph.node("recorder"), tmp_path / "bag", topics) as recorder:
        graph.spin_until(lambda: recorder.discover() and recorder.topics)
    with Reader(tmp_path / "bag") as reader:
        assert [connection.topic for connection in reader.connections] == ["/a"]


def test_hidden_topic_is_recorded_when_it_is_named(graph, tmp_path):
    graph.node("talker").create_publisher(String, "/_hidden", 1)
    with Recorder(graph.node("recorder"), tmp_path / "bag", TopicFilter(topics=("/_hidden",))) as recorder:
        graph.spin_until(recorder.discover)
        assert recorder.topics == {"/_hidden"}


def test_all_publishers_are_heard_and_their_offers_kept(graph, tmp_path):
    talker = graph.node("talker")
    publishers = [talker.create_publisher(String, "/mixed", qos) for qos in (LATCHED, SENSOR)]
    with Recorder(graph.node("recorder"), tmp_path / "bag", TopicFilter(topics=("/mixed",))) as recorder:
        graph.spin_until(recorder.discover)
        graph.spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        for publisher in publishers:
            publisher.publish(String(data="x"))
        graph.spin_until(lambda: recorder.message_count == 2)
    with open_bag(tmp_path / "bag") as reader:
        offers = reader.connections[0].ext.offered_qos_profiles  # type: ignore[union-attr]
    assert sorted((offer.reliability.name, offer.durability.name) for offer in offers) == [
        ("BEST_EFFORT", "VOLATILE"),
        ("RELIABLE", "TRANSIENT_LOCAL"),
    ]


# --- quality of service


def test_recorded_offer_is_what_is_played():
    offer = QoSProfile(
        depth=70,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
        deadline=Duration(seconds=1),
    )
    played, agreed = to_play([to_bag(offer)])
    assert agreed
    assert (played.depth, played.reliability, played.durability, played.deadline) == (
        70, ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.TRANSIENT_LOCAL, Duration(seconds=1),
    )  # fmt: skip


@pytest.mark.parametrize("publishers", [3, 12])
def test_one_player_offers_late_joiners_what_all_recorded_publishers_did(graph, tmp_path, publishers):
    bag = write_bag(tmp_path / "bag", [1.0] * publishers, qos=[to_bag(LATCHED)] * publishers)
    expected, _ = play(graph, bag)
    heard: list[str] = []
    latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    graph.node("late").create_subscription(String, "/chatter", lambda message: heard.append(message.data), latched)
    graph.spin_until(lambda: len(heard) == publishers)
    assert heard == expected


def test_depths_of_many_publishers_do_not_add_up_to_more_than_a_middleware_takes():
    offer = QoSProfile(depth=2**31 - 1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    assert to_play([to_bag(offer)] * 2)[0].depth == 2**31 - 1


def test_publishers_that_differ_are_played_with_the_default():
    played, agreed = to_play([to_bag(LATCHED), to_bag(SENSOR)])
    assert not agreed
    assert (played.history, played.depth, played.reliability) == (
        HistoryPolicy.KEEP_LAST, 10, ReliabilityPolicy.RELIABLE,
    )  # fmt: skip


def test_recording_asks_for_the_most_that_all_offer():
    assert to_record([LATCHED, LATCHED]).durability == DurabilityPolicy.TRANSIENT_LOCAL
    mixed = to_record([LATCHED, SENSOR])
    assert (mixed.reliability, mixed.durability) == (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)


# --- playing


def play(
    graph: Graph, bag: Path, pace: Pace = AS_RECORDED, topic: str = "/chatter", cli_args=None
) -> tuple[list[str], float]:
    """The texts that a subscription receives from a bag, and the seconds that playing took."""
    heard: list[str] = []
    player_node = graph.node("player", cli_args=cli_args)
    took: list[float] = []
    graph.node("listener").create_subscription(String, topic, lambda message: heard.append(message.data), 100)
    with open_bag(bag) as reader:
        player = Player(player_node, reader, TopicFilter(everything=True), pace)
        publisher = next(iter(player._publishers.values()))
        graph.spin_until(publisher.get_subscription_count)

        def work() -> None:
            began = time.monotonic()
            count = player.play()
            took.append(time.monotonic() - began)
            expected.append(count)

        expected: list[int] = []
        graph.spin_while(work)
        graph.spin_until(lambda: len(heard) == expected[0])
    return heard, took[0]


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
def test_bags_of_either_storage_are_played_in_order_and_in_their_time(graph, tmp_path, storage):
    bag = write_bag(tmp_path / "bag", [100.0, 100.1, 100.4], storage)
    heard, seconds = play(graph, bag)
    assert heard == ["0", "1", "2"]
    assert seconds >= 0.4


@pytest.mark.parametrize("compression", [CompressionMode.FILE, CompressionMode.MESSAGE], ids=lambda mode: mode.name)
def test_compressed_bags_are_played(graph, tmp_path, compression):
    bag = write_bag(tmp_path / "bag", [1.0, 1.1], compression=compression)
    assert play(graph, bag)[0] == ["0", "1"]


def test_metadata_that_says_otherwise_of_quality_of_service_hides_no_message(graph, tmp_path):
    bag = write_bag(tmp_path / "bag", [1.0, 1.1], qos=[to_bag(SENSOR)])
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("best_effort", "reliable"))
    assert play(graph, bag)[0] == ["0", "1"]


def test_rate_stretches_the_time(graph, tmp_path):
    heard, seconds = play(graph, write_bag(tmp_path / "bag", [5.0, 5.1]), Pace(rate=0.25))
    assert heard == ["0", "1"]
    assert seconds >= 0.4


def test_a_part_of_the_bag_can_be_played(graph, tmp_path):
    bag = write_bag(tmp_path / "bag", [10.0, 70.0, 70.01, 400.0])
    heard, _ = play(graph, bag, Pace(start_offset=60.0, duration=1.0))
    assert heard == ["1", "2"]


def test_topics_can_be_remapped(graph, tmp_path):
    bag = write_bag(tmp_path / "bag", [1.0])
    heard, _ = play(graph, bag, topic="/other", cli_args=["--ros-args", "-r", "/chatter:=/other"])
    assert heard == ["0"]


def test_clock_tells_the_bag_s_time(graph, tmp_path):
    ticks: list[float] = []
    graph.node("watch").create_subscription(
        Clock, "/clock", lambda message: ticks.append(message.clock.sec + message.clock.nanosec * 1e-9), SENSOR
    )
    play(graph, write_bag(tmp_path / "bag", [50.0, 50.5]), Pace(clock_rate=50.0))
    assert len(ticks) >= 3
    assert ticks == sorted(ticks)
    assert 50.0 <= ticks[0] <= ticks[-1] <= 50.5


def test_clock_is_told_where_every_message_is_overdue(graph, tmp_path, monkeypatch):
    told: list[str | float] = []
    with open_bag(write_bag(tmp_path / "bag", [50.0, 50.25, 50.5])) as reader:
        player = Player(graph.node("player"), reader, TopicFilter(everything=True), Pace(rate=1e9, clock_rate=1e9))
        monkeypatch.setattr(
            player._clock, "publish", lambda message: told.append(message.clock.sec + message.clock.nanosec * 1e-9)
        )
        monkeypatch.setattr(player._publishers["/chatter"], "publish", lambda data: told.append("message"))
        player.play()
    assert told == [50.0, "message", 50.25, "message", 50.5, "message"]


# --- description


def test_info_has_the_form_of_ros2(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    bag = write_bag(tmp_path / "bag", [86400.0, 86401.5])
    size = (bag / "bag.mcap").stat().st_size
    assert main(["bag", "info", str(bag)]) == 0
    assert capsys.readouterr().out == (
        "\nFiles:             bag.mcap\n"
        f"Bag size:          {size / 1024:.1f} KiB\n"
        "Storage id:        mcap\n"
        "ROS Distro:        rosbags\n"
        "Duration:          1.500000000s\n"
        "Start:             Jan  2 1970 00:00:00.000000000 (86400.000000000)\n"
        "End:               Jan  2 1970 00:00:01.500000000 (86401.500000000)\n"
        "Messages:          2\n"
        "Topic information: Topic: /chatter | Type: std_msgs/msg/String | Count: 2 | Serialization Format: cdr\n"
        "Service:           0\n"
        "Service information: \n"
    )


def test_bag_that_cannot_be_read_is_named_in_one_line(tmp_path, capsys):
    broken = write_bag(tmp_path / "bag", [1.0])
    (broken / "bag.mcap").write_bytes(b"no bag")
    (tmp_path / "folder").mkdir()
    for path, said in (
        (tmp_path / "none", "does not exist"),
        (broken, "cannot be read"),
        (tmp_path / "folder", "no bag"),
    ):
        assert main(["bag", "info", str(path)]) == 1
        errors = capsys.readouterr().err
        assert said in errors
        assert str(path) in errors
        assert errors.count("\n") == 1


# --- the recording's end


def record(folder: Path, *, limit_kilobytes: int | None = None) -> subprocess.Popen:
    """`bag record` in a process of its own, which may write files up to a limit only."""
    command = [sys.executable, "-m", "embedded_ros.cli.main", "bag", "record", "/chatter", "-o", str(folder)]
    if limit_kilobytes is not None:
        command = ["bash", "-c", f'ulimit -f {limit_kilobytes}; exec "$@"', "bash", *command]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def publish_until(graph: Graph, condition, text: str = "x") -> None:
    publisher = graph.node("talker").create_publisher(String, "/chatter", LATCHED)

    def published() -> bool:
        publisher.publish(String(data=text))
        return condition()

    graph.spin_until(published)


def wait_for(process: subprocess.Popen, text: str) -> None:
    assert process.stderr is not None
    assert any(text in line for line in process.stderr), f"'{text}' never appeared"


def test_interrupted_recording_is_whole(graph, tmp_path):
    recorder = record(tmp_path / "bag")
    wait_for(recorder, "until interrupted")
    publish_until(graph, lambda: (tmp_path / "bag" / "bag.mcap").exists())
    wait_for(recorder, "All requested topics are subscribed")
    recorder.send_signal(signal.SIGINT)
    recorder.send_signal(signal.SIGINT)
    _, errors = recorder.communicate(timeout=60)
    assert "Traceback" not in errors
    with Reader(tmp_path / "bag") as reader:
        assert reader.connections[0].topic == "/chatter"
        assert reader.message_count == len(list(reader.messages()))


def test_killed_recording_is_known_as_cut_off(graph, tmp_path, capsys):
    recorder = record(tmp_path / "bag")
    wait_for(recorder, "until interrupted")
    file = tmp_path / "bag" / "bag.mcap"
    publish_until(graph, lambda: file.exists() and file.stat().st_size > 2**20, text="x" * 50_000)
    recorder.kill()
    recorder.communicate()
    assert main(["bag", "info", str(tmp_path / "bag")]) == 1
    errors = capsys.readouterr().err
    assert "has no metadata.yaml: its recording was cut off" in errors
    assert f"`mcap recover {file} -o whole.mcap`" in errors
    # What that program finds there: whole records, and messages within.
    data, end = file.read_bytes(), len(MCAP_MAGIC)
    while (following := end + 9 + int.from_bytes(data[end + 1 : end + 9], "little")) <= len(data):
        end = following
    file.write_bytes(data[:end] + MCAP_FOOTER + MCAP_MAGIC)
    with open_bag(file) as reader:
        assert len(list(reader.messages())) >= 20


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
def test_whole_file_without_metadata_can_be_played_alone(graph, tmp_path, storage):
    bag = write_bag(tmp_path / "bag", [1.0, 1.1], storage)
    (bag / "metadata.yaml").unlink()
    with pytest.raises(BagError, match="try its file alone: ") as refusal, open_bag(bag):
        pass
    assert play(graph, Path(str(refusal.value).rpartition(": ")[2]))[0] == ["0", "1"]


def test_recording_that_wrote_nothing_promises_nothing(tmp_path):
    bag = write_bag(tmp_path / "bag", [1.0])
    (bag / "metadata.yaml").unlink()
    (bag / "bag.mcap").write_bytes(b"")
    with pytest.raises(BagError, match="cut off, and nothing of it can be read: File '"), open_bag(bag):
        pass


def test_full_disk_ends_the_recording_with_one_line(graph, tmp_path):
    recorder = record(tmp_path / "bag", limit_kilobytes=1500)
    wait_for(recorder, "until interrupted")
    publish_until(graph, lambda: recorder.poll() is not None, text="x" * 50_000)
    _, errors = recorder.communicate()
    assert recorder.returncode == 1
    assert "cannot be written: File too large; what it holds is incomplete" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert not (tmp_path / "bag" / "metadata.yaml").exists()


def test_existing_folder_is_not_overwritten(tmp_path, capsys):
    assert main(["bag", "record", "-a", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"[ERROR] [ros2bag]: Output folder '{tmp_path}' already exists.\n"
