"""A bag's messages through the recorder's own code, into a dataset."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, ObservationError, SdmError
from sdm_interfaces.msg import EpisodeEvent

from sdm_policy_node.convert.bag import Bag
from sdm_policy_node.convert.bag_node import BagNode
from sdm_policy_node.convert.plan import Plan, PlannedEpisode
from sdm_policy_node.recording.episode_events import EVENT_TYPE, RecorderSetup
from sdm_policy_node.recording.episode_recorder import COMPANIONS_WAIT_NS, EpisodeRecorder
from sdm_policy_node.recording.episode_recording import EpisodeRecording
from sdm_policy_node.sources.observation_source import Frame

# Whoever needs them says so.
_OPTIONAL = ("/clock", "/tf", "/tf_static")


@dataclass
class Report:
    """What came of a bag: a line for each episode kept, and for each thing that is missing or wrong."""

    kept: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    stamps_ns: list[list[int]] = field(default_factory=list)
    """Of each kept episode, the stamp of each row."""


def recorder_events(bag: Bag) -> list[tuple[int, EpisodeEvent]]:
    """What the recorder said, and when it was received. Raises DatasetError where there were two recorders."""
    found = list(bag.messages(lambda topic, kind: kind == EVENT_TYPE))
    topics = sorted({message.topic for message in found})
    if len(topics) > 1:
        raise DatasetError(f"{bag.path}: two recorders speak in it ({', '.join(topics)}); record with one")
    return [(message.received_ns, deserialize_message(message.data, EpisodeEvent)) for message in found]


def convert(bag: Bag, output: Path, setup: RecorderSetup, plan: Plan) -> Report:
    """Makes the dataset at `output` of the planned episodes, those that are whole.

    Raises DatasetError where something lies there, or no episode is whole: the error then says why not.
    """
    with EpisodeStore.whole(output, setup.contract) as store:
        report = _Conversion(store, bag, setup, plan).run()
        if not report.kept:
            reasons = report.problems or [f"{bag.path}: the recorder kept no episode"]
            raise DatasetError(f"no dataset is made: {'; '.join(reasons)}")
    return report


class _Conversion:
    """Frames are observed in order of arrival, each once what belongs to it has come or cannot come any more."""

    def __init__(self, store: EpisodeStore, bag: Bag, setup: RecorderSetup, plan: Plan) -> None:
        self._store, self._bag = store, bag
        self._node = BagNode(setup.topics)
        self._report = Report(problems=list(plan.left_out))
        self._ahead = deque(plan.episodes)
        self._running: PlannedEpisode | None = None
        self._pending: deque[tuple[EpisodeRecording, Frame, int]] = deque()
        self._received_ns = 0
        # A bag's node has what the sources ask of one.
        self._recorder = EpisodeRecorder(
            cast(Node, self._node),
            setup.settings,
            setup.contract,
            self._take,
            lambda what, reason: None,
            setup.transforms,
        )

    def run(self) -> Report:
        topics = self._node.topics
        for message in self._bag.messages(lambda topic, kind: topic in topics):
            self._received_ns = message.received_ns
            self._turn(message.received_ns)
            self._node.feed(message)
            self._observe(message.received_ns)
        while self._running or self._ahead:
            self._end()
            self._begin()
        self._report.problems += [*self._bag.damage, *self._node.wrong_types.values(), *self._missing()]
        return self._report

    def _take(self, recording: EpisodeRecording, frame: Frame) -> None:
        self._pending.append((recording, frame, self._received_ns))

    def _turn(self, now_ns: int) -> None:
        """Ends the episode that is over, and begins the next one that may have begun."""
        if self._running and self._is_over(self._running, now_ns):
            self._end()
        if self._running is None and self._ahead and now_ns > self._ahead[0].after_ns:
            self._begin()

    def _begin(self) -> None:
        if self._ahead:
            self._running = self._ahead.popleft()
            self._recorder.begin(self._running.span_ns)

    def _end(self) -> None:
        if self._running:
            self._observe(math.inf)
            self._keep(self._running)
            self._running = None

    def _is_over(self, episode: PlannedEpisode, now_ns: int) -> bool:
        """Messages of its last instant may have been received after its end, but not once the next one has begun."""
        next_ns = self._ahead[0].start_ns if self._ahead else math.inf
        return now_ns > min(episode.end_ns + COMPANIONS_WAIT_NS, next_ns)

    def _observe(self, now_ns: float) -> None:
        while self._pending:
            recording, frame, received_ns = self._pending[0]
            late = now_ns > received_ns + COMPANIONS_WAIT_NS
            if not late and not self._recorder.ready(frame):
                return
            try:
                self._recorder.observe(recording, frame)
            except ObservationError as error:
                if not late and not recording.refusal:
                    return  # the camera's pose may follow
                self._recorder.refuse(recording, error)
            self._pending.popleft()

    def _keep(self, planned_episode: PlannedEpisode) -> None:
        recording = self._recorder.end()
        assert recording is not None
        try:
            episode = recording.episode(planned_episode.rows)
            provenance = {**self._recorder.provenance(recording), "bag": self._bag.path.name}
            self._store.append(episode, provenance, planned_episode.success)
        except SdmError as error:
            self._report.problems.append(f"{planned_episode.name} is left out: {error}")
            return
        rows = len(episode.state)
        self._report.stamps_ns.append([frame.stamp_ns for frame in recording.frames[:rows]])
        account = recording.account(rows, planned_episode.success)
        self._report.kept.append(f"{planned_episode.name} is episode {len(self._store) - 1}: {account}")
        if planned_episode.rows and planned_episode.rows != rows:
            self._report.problems.append(
                f"{planned_episode.name}: the recorder stored {planned_episode.rows} rows of it, the bag gives {rows}; "
                "the bag has lost messages"
            )

    def _missing(self) -> list[str]:
        """A line for each topic whose messages are missing, as far as that shows."""
        counts = self._node.counts
        lines = []
        for info in sorted(topic for topic in self._node.topics if topic.endswith("/camera_info")):
            folder = info.rpartition("/")[0] + "/"
            images = max((count for topic, count in counts.items() if topic.startswith(folder)), default=0)
            if counts[info] < images:
                lines.append(
                    f"{info}: {counts[info]} messages for {images} images, which were seen with the last one before "
                    "them, or the first"
                )
        silent = sorted(topic for topic in self._node.topics if not counts[topic] and topic not in _OPTIONAL)
        if silent and self._report.problems:
            lines.append(f"the bag has nothing on {', '.join(silent)}; record them, or --remap what stands for them")
        return lines
