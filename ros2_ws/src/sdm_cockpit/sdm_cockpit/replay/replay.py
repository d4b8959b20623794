"""What is looked at: one of many episodes, one step of it, and what is known of that step by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdm_core.errors import SdmError

from sdm_cockpit.replay.demonstrations import Comparison
from sdm_cockpit.replay.listed_episode import ListedEpisode
from sdm_cockpit.replay.player import Player
from sdm_cockpit.replay.preparation import Preparation, Series
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.replay.replayed_policy import ReplayedPolicy
from sdm_cockpit.snapshot import Box, Plan, Snapshot


@dataclass(frozen=True, eq=False)
class View:
    """One of `steps` steps. `actions`: what the values of its plans mean. `comparison` is None until it is known;
    `work`: what is computed as yet, by name, with how many steps are done, and of how many."""

    step: int
    steps: int
    snapshot: Snapshot
    actions: tuple[str, ...]
    comparison: Comparison | None
    work: tuple[tuple[str, int, int], ...]


class Replay:
    """Policies see the episode that is chosen, and demonstrations are compared with it, while it is looked at. One
    thread calls `look`, any other may choose."""

    def __init__(self, episodes: Sequence[ListedEpisode], policies: Sequence[ReplayedPolicy] = ()) -> None:
        """The first episode is chosen. Raises SdmError where it cannot be read, or where a policy or the demonstrations
        do not fit it."""
        self.episodes, self._policies = episodes, policies
        recording = episodes[0].read()
        for each in (*policies, *(found for found in [episodes[0].demonstrations] if found)):
            each.require_fit(recording)
        self.player = Player(recording.times_s)
        self._wish: int | None = None
        self._problems: tuple[str, ...] = ()
        self._begin(episodes[0], recording)

    def choose(self, index: int) -> None:
        """Another of the episodes, from the next look on."""
        self._wish = index

    def look(self) -> View:
        """What is to be seen now: the same snapshot as before where nothing has changed."""
        self._open_wished()
        step = self.player.step
        plans = tuple(plan for series in self._plans if (plan := series.at(step)))
        series = [*self._plans, *([self._comparisons] if self._comparisons else [])]
        problems = (*self._problems, *(each.problem for each in series if each.problem))
        if (step, plans, problems) != self._seen:
            self._seen = step, plans, problems
            self._snapshot = self._made(step, plans, problems)
        return View(
            step,
            len(self._recording),
            self._snapshot,
            tuple(f"{entry.name} ({entry.unit})" for entry in self._recording.contract.action.entries),
            self._comparisons.at(step) if self._comparisons else None,
            tuple((each.label, each.ready, each.steps) for each in series if not each.problem),
        )

    @property
    def extent(self) -> Box | None:
        """Of the episode that is looked at."""
        return self._recording.extent

    def close(self) -> None:
        """Computes no further."""
        self._preparation.close()

    def _open_wished(self) -> None:
        wish, self._wish = self._wish, None
        if wish is None:
            return
        episode = self.episodes[wish]
        try:
            recording = episode.read()
        except SdmError as error:
            self._problems = (str(error),)
            return
        self._preparation.close()
        self.player.open(recording.times_s)
        self._begin(episode, recording)

    def _begin(self, episode: ListedEpisode, recording: Recording) -> None:
        self._episode, self._recording = episode, recording
        self._problems = episode.recordings.problems
        steps = len(recording)
        self._plans = [Series(policy.label, steps, policy.plans(recording)) for policy in self._policies]
        demonstrations = episode.demonstrations
        self._comparisons = (
            Series("demonstrations", steps, demonstrations.compare(recording)) if demonstrations else None
        )
        self._seen: tuple[int, tuple[Plan, ...], tuple[str, ...]] | None = None
        self._preparation = Preparation([*self._plans, *([self._comparisons] if self._comparisons else [])])

    def _made(self, step: int, plans: tuple[Plan, ...], problems: tuple[str, ...]) -> Snapshot:
        snapshot = self._recording.snapshot(step, plans)
        status = replace(snapshot.status, activity=self._episode.outcome, problems=problems)
        return replace(snapshot, status=status)
