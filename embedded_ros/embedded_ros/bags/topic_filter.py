"""Which topics are recorded or played."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TopicFilter:
    """Full names, or a regular expression that a name contains; what is excluded goes first."""

    everything: bool = False
    topics: tuple[str, ...] = ()
    regex: str = ""
    exclude_topics: tuple[str, ...] = ()
    exclude_regex: str = ""

    def accepts(self, topic: str) -> bool:
        if topic in self.exclude_topics or (self.exclude_regex and re.search(self.exclude_regex, topic)):
            return False
        return self.everything or topic in self.topics or bool(self.regex and re.search(self.regex, topic))
