"""The one word that everybody must read: what the robot does, or why it does nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_cockpit.page.palette import (
    ALARM,
    BLUE,
    BLUISH_GREEN,
    GREY,
    ORANGE,
    REDDISH_PURPLE,
    SKY_BLUE,
    YELLOW,
    Rgb,
)
from sdm_cockpit.snapshot import Status

_ACTIVITIES: dict[str, tuple[str, Rgb]] = {
    "following": ("following", BLUISH_GREEN),
    "resting": ("resting", BLUE),
    "paused": ("paused", YELLOW),
    "stopping": ("stopping", ORANGE),
    "going_home": ("going home", SKY_BLUE),
    "faulted": ("faulted", ALARM),
    # Of what was recorded.
    "success": ("success", BLUISH_GREEN),
    "failure": ("failure", ORANGE),
    "not judged": ("not judged", GREY),
}


# The lifecycle's word, that of nodes without one, and none.
_AT_WORK = ("active", "running", "")


@dataclass(frozen=True)
class Headline:
    """A word, its colour, and a line about it."""

    word: str
    colour: Rgb
    line: str = ""


def headline(status: Status) -> Headline:
    """What weighs most: a node that died, a fault, a human's pause, a policy that does not see, a node that waits."""
    gone = [node.name for node in status.nodes if node.state == "gone"]
    if gone:
        word = "policy gone" if any("policy" in name for name in gone) else f"{gone[0].lstrip('/')} gone"
        return Headline(word, ALARM, f"{', '.join(gone)} does not answer any more")
    if status.fault or status.activity == "faulted":
        return Headline("faulted", ALARM, status.fault)
    if status.activity == "paused":
        return Headline("paused", YELLOW, status.refusal)
    if status.refusal:
        return Headline("blind", REDDISH_PURPLE, status.refusal)
    idle = [f"{node.name} is {node.state}" for node in status.nodes if node.state not in _AT_WORK]
    if idle and status.activity not in ("following", "going_home"):
        return Headline("not active", GREY, ", ".join(idle))
    if not status.activity:
        return Headline("waiting", GREY, "no node has told its state yet")
    word, colour = _ACTIVITIES.get(status.activity, (status.activity, GREY))
    if status.dry_run:
        return Headline("dry run", GREY, f"{word}, and nothing is sent to the robot")
    return Headline(word, colour)
