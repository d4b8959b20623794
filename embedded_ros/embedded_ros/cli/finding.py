"""What one check of `ros2-embedded doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    OK = "ok"
    WARNING = "warn"
    FAILURE = "FAIL"


@dataclass(frozen=True)
class Finding:
    """A line of the page, and a line of advice below it where something is wrong."""

    subject: str
    text: str
    level: Level = Level.OK
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.level.value:<5} {self.subject:<13} {self.text}"
        return f"{line}\n{'':<5} {'':<13} → {self.advice}" if self.advice else line


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, text, Level.WARNING, advice)


def failure(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, text, Level.FAILURE, advice)
