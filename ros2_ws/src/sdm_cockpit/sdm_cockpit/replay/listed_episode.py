"""An episode that can be chosen from a list; it is read when it is."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_cockpit.replay.demonstrations import Demonstrations
from sdm_cockpit.replay.open_recordings import Recordings
from sdm_cockpit.replay.recording import Recording


@dataclass(frozen=True, eq=False)
class ListedEpisode:
    """Number `number` (from 0) of a source, and the demonstrations that it is compared with, if there are any."""

    recordings: Recordings
    number: int
    demonstrations: Demonstrations | None = None

    @property
    def address(self) -> str:
        """As all programs take it that show recordings."""
        return f"{self.recordings.source}:{self.number}"

    @property
    def outcome(self) -> str:
        """In a word or two."""
        return {True: "success", False: "failure", None: "not judged"}[self.recordings.success(self.number)]

    def read(self) -> Recording:
        """Raises DatasetError where there is no such episode."""
        return self.recordings[self.number]
