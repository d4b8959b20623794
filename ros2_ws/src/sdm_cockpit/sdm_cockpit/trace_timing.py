"""What a trace tells of the loop's timing."""

from __future__ import annotations

from sdm_interfaces.msg import PolicyTrace
from sdm_policy_node.time_stamps import to_ns

from sdm_cockpit.snapshot import Timing


def timing_of(trace: PolicyTrace, control_hz: float, deadline_ms: float) -> Timing:
    """The parts that the trace lists, with what it does not know: how often the loop turns, and what it may take."""
    return Timing(
        cloud_ms=trace.cloud_ms,
        inference_ms=trace.inference_ms,
        gate_publish_ms=trace.gate_publish_ms,
        loop_ms=trace.loop_ms,
        observation_age_ms=(to_ns(trace.header.stamp) - to_ns(trace.observation_stamp)) / 1e6,
        control_hz=control_hz,
        deadline_ms=deadline_ms,
    )
