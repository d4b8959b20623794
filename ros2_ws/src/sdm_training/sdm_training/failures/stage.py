"""The stage at which an episode failed, by what the expert's successful episodes of the same task have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdm_sim.progress import Course

# How much farther than any expert's gripper one is that has not reached the object.
REACH_MARGIN_M = 0.02
# An object that has moved less lies where it lay.
MOVED_M = 0.01
# Fewer steps in the hand are a touch.
HOLDING_STEPS = 5
# Which part of what was lacking at first counts as a change.
CHANGE = 0.1


@dataclass(frozen=True)
class Reference:
    """What the expert's successes show: how near its gripper comes at least, whether it holds the object, up to the
    end, and moves it, and how much is still lacking where the task counts as done."""

    nearest_m: float
    holds: bool
    holds_to_the_end: bool
    moves: bool
    lacking: float
    episodes: int


def reference_of(courses: Sequence[Course]) -> Reference | None:
    """Of the courses of successful episodes; what most do is what the task asks for. None where there are none."""
    if not courses:
        return None

    def most(found: list[bool]) -> bool:
        return 2 * sum(found) > len(found)

    return Reference(
        nearest_m=max(course.nearest_m for course in courses),
        holds=most([_held(course) for course in courses]),
        holds_to_the_end=most([bool(course.held_at_end) for course in courses]),
        moves=most([course.moved_m >= MOVED_M for course in courses]),
        lacking=max(course.least_lacking for course in courses),
        episodes=len(courses),
    )


def stage_of(course: Course, reference: Reference) -> str:
    """Up to where a failed episode got, in words."""
    change = CHANGE * course.lacking_at_first
    moved = course.moved_m >= MOVED_M
    if course.success_steps:
        return "was at the goal, and left it"
    # What moves is reached, be it at another place than the expert's.
    if not moved and course.nearest_m > reference.nearest_m + REACH_MARGIN_M:
        return "never reached the object"
    if reference.holds and not _held(course):
        return "pushed the object, did not grasp it" if moved else "reached the object, did not grasp it"
    if reference.holds_to_the_end and not course.held_at_end:
        return "grasped the object and lost it"
    if reference.moves and not moved:
        return "reached the object, did not move it"
    if course.least_lacking <= reference.lacking:
        return "near enough to the goal, but not as the task asks"
    if course.late_gain > change:
        return "still on its way when the time was over"
    if course.lacking_at_end - course.least_lacking > change:
        return "came nearer to the goal, and went away from it"
    if course.lacking_at_first - course.least_lacking < change:
        return "did not come nearer to the goal"
    return "came nearer to the goal, and stayed short of it"


def _held(course: Course) -> bool:
    return (course.held_steps or 0) >= HOLDING_STEPS
