"""When DexArt's tasks are solved, as DP3 has it: its thresholds are lower than DexArt's own, which are given beside."""

from __future__ import annotations

from dataclasses import dataclass

# DP3's: how far a lid is opened, of its whole way; a faucet turned, in rad; a bucket lifted, in m.
LAPTOP_OPENED = 0.8  # DexArt: 0.95
TOILET_OPENED = 0.95
FAUCET_TURNED = 1.2  # DexArt: 1.5
BUCKET_LIFTED = 0.15  # DexArt: 0.25
BUCKET_HANDLE_RAISED = 0.7
# A bucket so high and so held does not come down again.
BUCKET_SECURED, BUCKET_HANDLE_SECURED = 0.3, 0.9
# How near the palm must be, in m. Faucet and laptop also want the palm itself to touch.
NEAR, TOILET_NEAR = 0.2, 0.1


@dataclass(frozen=True)
class Moment:
    """What counts of an instant."""

    turned: float
    """Of the part's joint, in rad, from its zero, either way."""
    opened: float
    """Of the way from where the joint began to its middle, at 1."""
    distance: float
    """From palm to handle, in m."""
    fingers: int
    """How many of the four touch the part."""
    palm: bool
    """Whether the palm touches it."""
    lifted: float
    """How far the body is above where it began, in m."""


@dataclass(frozen=True)
class Verdict:
    """Whether the task is solved at this instant, and whether its episode ends with it."""

    solved: bool
    settled: bool


def verdict(task: str, now: Moment) -> Verdict:
    """The verdict of `dexart/<task>`."""
    if task == "bucket":
        held = now.distance <= NEAR and now.fingers >= 3
        return Verdict(
            solved=now.opened > BUCKET_HANDLE_RAISED and now.lifted > BUCKET_LIFTED,
            settled=held and now.opened > BUCKET_HANDLE_SECURED and now.lifted > BUCKET_SECURED,
        )
    grasped = now.distance <= NEAR and now.fingers >= 2 and now.palm
    solved = {
        "laptop": grasped and now.opened > LAPTOP_OPENED,
        "faucet": grasped and now.turned > FAUCET_TURNED,
        "toilet": now.distance <= TOILET_NEAR and now.fingers >= 2 and now.opened > TOILET_OPENED,
    }[task]
    return Verdict(solved, solved)
