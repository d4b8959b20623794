from __future__ import annotations

from typing import Any

from rclpy.publisher import Publisher
from rclpy.time import Time

from diagnostic_updater.diagnostic_task import CompositeDiagnosticTask
from diagnostic_updater.frequency_status import FrequencyStatus, FrequencyStatusParam
from diagnostic_updater.time_stamp_status import TimeStampStatus, TimeStampStatusParam
from diagnostic_updater.updater import Updater


class HeaderlessTopicDiagnostic(CompositeDiagnosticTask):
    """How often a topic's messages come; adds itself to the updater."""

    def __init__(self, name: str, diag: Updater, freq: FrequencyStatusParam) -> None:
        super().__init__(f"{name} topic status")
        self.diag = diag
        self.freq = FrequencyStatus(freq)
        self.addTask(self.freq)
        self.diag.add(self)

    def tick(self) -> None:
        """A message has been published or received."""
        self.freq.tick()

    def clear_window(self) -> None:
        self.freq.clear()


class TopicDiagnostic(HeaderlessTopicDiagnostic):
    """How often a topic's messages come, and how old they are."""

    def __init__(self, name: str, diag: Updater, freq: FrequencyStatusParam, stamp: TimeStampStatusParam) -> None:
        super().__init__(name, diag, freq)
        self.stamp = TimeStampStatus(stamp)
        self.addTask(self.stamp)

    def tick(self, stamp: Time | float) -> None:  # type: ignore[override]
        """A message with this stamp has been published or received."""
        self.stamp.tick(stamp)
        super().tick()


class DiagnosedPublisher(TopicDiagnostic):
    """A publisher of messages with headers whose rate and stamps are watched."""

    def __init__(self, pub: Publisher, diag: Updater, freq: FrequencyStatusParam, stamp: TimeStampStatusParam) -> None:
        super().__init__(pub.topic_name, diag, freq, stamp)
        self.publisher = pub

    def publish(self, message: Any) -> None:
        self.tick(Time.from_msg(message.header.stamp))
        self.publisher.publish(message)
