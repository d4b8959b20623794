"""A node's health on `/diagnostics`. ROS 2's `diagnostic_updater` for Python."""

from diagnostic_updater.diagnostic_task import (
    CompositeDiagnosticTask,
    DiagnosticTask,
    DiagnosticTaskVector,
    FunctionDiagnosticTask,
)
from diagnostic_updater.frequency_status import FrequencyStatus, FrequencyStatusParam
from diagnostic_updater.heartbeat import Heartbeat
from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper
from diagnostic_updater.time_stamp_status import TimeStampStatus, TimeStampStatusParam
from diagnostic_updater.topic_diagnostic import DiagnosedPublisher, HeaderlessTopicDiagnostic, TopicDiagnostic
from diagnostic_updater.updater import Updater

__all__ = [
    "CompositeDiagnosticTask",
    "DiagnosedPublisher",
    "DiagnosticStatusWrapper",
    "DiagnosticTask",
    "DiagnosticTaskVector",
    "FrequencyStatus",
    "FrequencyStatusParam",
    "FunctionDiagnosticTask",
    "HeaderlessTopicDiagnostic",
    "Heartbeat",
    "TimeStampStatus",
    "TimeStampStatusParam",
    "TopicDiagnostic",
    "Updater",
]
