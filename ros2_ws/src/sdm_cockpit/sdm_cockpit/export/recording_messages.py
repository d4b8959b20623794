"""A recorded episode as the messages that would have shown it live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdm_policy_node.time_stamps import to_message

from sdm_cockpit.export.visual_messages import STATE, Message, VisualMessages, state_message
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.snapshot import Plan


def recording_messages(
    recording: Recording, plans: Sequence[tuple[Plan, ...]], start_ns: int
) -> Iterator[tuple[int, Message]]:
    """(stamp in ns, message) in order of time. `plans` are further ones of each step, `start_ns` is when it begins."""
    action = recording.contract.action
    visual = VisualMessages(action.base_frame, action.tool_frame)
    for step, further in enumerate(plans):
        stamp_ns = start_ns + round(1e9 * recording.times_s[step])
        yield stamp_ns, (STATE, state_message(recording.state_by_name(step), to_message(stamp_ns)))
        for message in visual.of(recording.snapshot(step, further), stamp_ns):
            yield stamp_ns, message
