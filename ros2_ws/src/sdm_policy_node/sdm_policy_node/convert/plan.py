"""Which episodes a bag holds, as the recorder's messages in it say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sdm_interfaces.msg import EpisodeEvent

from sdm_policy_node.time_stamps import to_ns

# Two processes receive in different orders: what the recorder heard after its start may lie before that in the bag.
_EARLIER_NS = 1_000_000_000


@dataclass(frozen=True)
class PlannedEpisode:
    """One that the operator kept. Times are those of receipt, in ns; `span_ns` is as in EpisodeRecording."""

    name: str
    after_ns: float = -math.inf
    """From here on messages may be this episode's: others' are over."""
    start_ns: float = -math.inf
    end_ns: float = math.inf
    span_ns: tuple[int, int] | None = None
    rows: int | None = None
    """What the recorder stored of it; None where it could not, or none was there."""
    success: bool | None = None


@dataclass(frozen=True)
class Plan:
    """The episodes to convert, and a line for each that is not."""

    episodes: tuple[PlannedEpisode, ...]
    left_out: tuple[str, ...] = ()

    def uncounted(self, later_ns: int) -> Plan:
        """The same for other rows than the recorder's: however many it stored, and with images up to `later_ns` (ns)
        after the last of them."""
        return Plan(tuple(_uncounted(episode, later_ns) for episode in self.episodes), self.left_out)


WHOLE_BAG = Plan((PlannedEpisode("the whole bag"),))
"""A bag without a recorder's messages is one episode."""


def planned(events: Iterable[tuple[int, EpisodeEvent]]) -> Plan:
    """From all (time of receipt, event) of one recorder, in order."""
    episodes: list[PlannedEpisode] = []
    left_out: list[str] = []
    running: PlannedEpisode | None = None
    last_ns: float = -math.inf
    for received_ns, event in events:
        if event.event == EpisodeEvent.START:
            if running:
                left_out.append(f"{running.name}: the recorder started anew before it was kept")
            after_ns = max(last_ns, received_ns - _EARLIER_NS)
            running = PlannedEpisode(f"recording {event.recording}", after_ns, received_ns)
        elif event.event == EpisodeEvent.KEEP and running:
            episodes.append(_kept(running, received_ns, event))
            running = None
        elif event.event == EpisodeEvent.DISCARD:
            running = None
        elif event.event == EpisodeEvent.LABEL and episodes:
            episodes[-1] = replace(episodes[-1], success=_success(event))
        last_ns = received_ns
    if running:
        left_out.append(f"{running.name}: the bag ends before it was kept or discarded")
    return Plan(tuple(episodes), tuple(left_out))


def _kept(running: PlannedEpisode, end_ns: int, event: EpisodeEvent) -> PlannedEpisode:
    first, last = to_ns(event.first_frame), to_ns(event.last_frame)
    return replace(
        running,
        end_ns=end_ns,
        span_ns=(first, last) if last else None,
        rows=event.rows or None,
        success=_success(event),
    )


def _uncounted(episode: PlannedEpisode, later_ns: int) -> PlannedEpisode:
    span_ns = episode.span_ns and (episode.span_ns[0], episode.span_ns[1] + later_ns)
    return replace(episode, rows=None, span_ns=span_ns)


def _success(event: EpisodeEvent) -> bool | None:
    return None if event.success == EpisodeEvent.UNLABELLED else event.success == EpisodeEvent.SUCCESS
