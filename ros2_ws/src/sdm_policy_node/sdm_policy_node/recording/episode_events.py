"""What recorder_node says of its episodes: enough to make the dataset again out of a bag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import yaml
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sdm_core.contract import Contract
from sdm_core.errors import DatasetError
from sdm_core.perception.static_transforms import StaticTransform, parse_transforms, transforms_document
from sdm_interfaces.msg import EpisodeEvent

from sdm_policy_node.parameters import RecorderParameters
from sdm_policy_node.recording.episode_recording import EpisodeRecording
from sdm_policy_node.time_stamps import to_message

EVENT_TYPE = "sdm_interfaces/msg/EpisodeEvent"


class EpisodeEvents:
    """Publishes on `~/episode_event`; latched, so that a bag that begins late has what it missed."""

    def __init__(
        self,
        node: Node,
        contract: Contract,
        settings: RecorderParameters,
        topics: Mapping[str, str],
        transforms: Iterable[StaticTransform],
    ) -> None:
        """`topics`: the resolved name of every topic, by the name that the recorder asks for; `transforms`: of the file
        of extrinsics, which may be another one when a bag is read."""
        self._node = node
        self._contract = yaml.safe_dump(contract.document(), sort_keys=False)
        setup = {"parameters": asdict(settings), "topics": dict(topics), **transforms_document(transforms)}
        self._settings = yaml.safe_dump(setup, sort_keys=False)
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._publisher = node.create_publisher(EpisodeEvent, "~/episode_event", latched)
        self._recordings = 0

    def started(self) -> None:
        """A recording begins, in place of any other."""
        self._recordings += 1
        self._publish(EpisodeEvent(event=EpisodeEvent.START, contract=self._contract, settings=self._settings))

    def kept(self, recording: EpisodeRecording, success: bool | None, rows: int, reason: str = "") -> None:
        """The recording was stored with so many rows, or with none for a reason."""
        event = EpisodeEvent(event=EpisodeEvent.KEEP, rows=rows, reason=reason, success=_label(success))
        if recording.frames:
            stamps = [frame.stamp_ns for frame in recording.frames]
            event.first_frame, event.last_frame = to_message(min(stamps)), to_message(max(stamps))
        self._publish(event)

    def discarded(self) -> None:
        """The recording was forgotten."""
        self._publish(EpisodeEvent(event=EpisodeEvent.DISCARD, success=EpisodeEvent.UNLABELLED))

    def labelled(self, success: bool) -> None:
        """The recording that was stored last was judged anew."""
        self._publish(EpisodeEvent(event=EpisodeEvent.LABEL, success=_label(success)))

    def _publish(self, event: EpisodeEvent) -> None:
        event.header.stamp = self._node.get_clock().now().to_msg()
        event.recording = self._recordings
        self._publisher.publish(event)


@dataclass(frozen=True)
class RecorderSetup:
    """How a recorder was set up: its contract, its parameters, the topics behind the names that it asks for, and where
    its file of extrinsics says that cameras stand."""

    contract: Contract
    settings: RecorderParameters
    topics: Mapping[str, str]
    transforms: Sequence[StaticTransform] = ()

    @classmethod
    def of(cls, event: EpisodeEvent) -> RecorderSetup:
        """From a start. Raises ContractError, ObservationError or DatasetError where a recorder of another version has
        written it."""
        try:
            document = yaml.safe_load(event.settings)
            known = {entry.name for entry in fields(RecorderParameters)}
            parameters = {name: value for name, value in document["parameters"].items() if name in known}
            settings, topics = RecorderParameters(**parameters), dict(document["topics"])
            transforms = {"transforms": document.get("transforms", [])}
            contract = yaml.safe_load(event.contract)
        except (yaml.YAMLError, KeyError, TypeError, AttributeError):
            raise DatasetError("the recorder's start cannot be read; give --contract, --sink and --remap") from None
        return cls(
            Contract.parse(contract, "the recorder's contract"),
            settings,
            topics,
            parse_transforms(transforms, "the recorder's extrinsics"),
        )


def _label(success: bool | None) -> int:
    return EpisodeEvent.UNLABELLED if success is None else int(success)
