"""What tasks tell of their progress, and what an episode's course is made of."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from helpers.toy_task import ToyTask
from sdm_sim.progress import LATE_STEPS, Course, Progress, TellsProgress, Witness
from sdm_sim.registry import make_task


class Told(ToyTask):
    """Its progress is told, instant by instant."""

    lacking_unit = "m"

    def __init__(self, *told: Progress) -> None:
        super().__init__()
        self._told = list(told)

    def progress(self) -> Progress:
        return self._told.pop(0)


def instant(reach: float, held: bool | None, x: float, lacking: float) -> Progress:
    return Progress(reach, held, np.array([x, 0.0, 0.0]), lacking)


def test_a_course_holds_the_extremes_and_the_steps_at_which_they_were():
    told = [instant(0.3, False, 0.0, 0.5), instant(0.1, True, 0.0, 0.2), instant(0.2, False, -0.4, 0.25)]
    task, witness = Told(*told), Witness()
    task.reset(0)
    assert isinstance(task, TellsProgress)
    assert not isinstance(ToyTask(), TellsProgress)
    for _ in told:
        witness.see(task)
    assert witness.course(task) == Course(3, 0, 0.1, 2, 1, False, 0.4, 0.5, 0.2, 2, 0.25, 0.25)


def test_the_late_gain_is_that_of_the_last_steps_and_holding_may_be_untold():
    told = [instant(0.1, None, 0.0, 1.0 - 0.01 * step) for step in range(LATE_STEPS + 10)]
    task, witness = Told(*told), Witness()
    task.reset(0)
    for _ in told:
        witness.see(task)
    course = witness.course(task)
    assert course.late_gain == pytest.approx(0.01 * LATE_STEPS)
    assert (course.held_steps, course.held_at_end) == (None, None)


@pytest.mark.parametrize(
    ("name", "holds"),
    [("metaworld/pick-place", True), ("metaworld/assembly", True), ("metaworld/button-press", False)],
)
def test_an_expert_of_metaworld_reaches_holds_and_moves_the_object(name: str, holds: bool):
    with closing(make_task(name)) as task:
        assert isinstance(task, TellsProgress)
        witness = Witness()
        task.reset(3)
        while not task.decided:
            task.step(task.expert())
            witness.see(task)
        course = witness.course(task)
    assert course.held_at_end == holds
    assert course.moved_m > 0.05
    assert course.nearest_m < 0.12
    assert course.lacking_at_end < 0.6 * course.lacking_at_first
