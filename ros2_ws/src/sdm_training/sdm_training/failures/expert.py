"""The expert at the starts of an evaluation: whether a demonstration of them could be had at all."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_sim.demonstrations import run_expert
from sdm_sim.progress import Course, TellsProgress, Witness
from sdm_sim.task import Task


@dataclass(frozen=True)
class ExpertEpisode:
    """One start: whether the expert succeeds, and how; no course where the task does not tell its progress."""

    seed: int
    success: bool
    course: Course | None


def expert_episode(task: Task, seed: int) -> ExpertEpisode:
    """Lets the expert act from a start until the episode is decided or over."""
    witness = Witness()

    def look(task: Task) -> None:
        if isinstance(task, TellsProgress):
            witness.see(task)

    success = run_expert(task, seed, on_step=look)
    return ExpertEpisode(seed, success, witness.course(task) if witness.seen else None)


def spread(seeds: list[int], count: int) -> list[int]:
    """`count` of the seeds, evenly over their order, the first and the last among them; all where there are fewer."""
    if len(seeds) <= count:
        return seeds
    if count == 1:
        return seeds[:1]
    return [seeds[round(place * (len(seeds) - 1) / (count - 1))] for place in range(count)]
