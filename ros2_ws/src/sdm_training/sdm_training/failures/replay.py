"""A failed episode played again, watched and filmed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.progress import Course, TellsProgress, Witness
from sdm_sim.rollout import run_episode
from sdm_sim.task import Task

from sdm_training.failures.film import SIDE, Film


@dataclass(frozen=True)
class Replay:
    """Whether the policy fails again from the same start with the same noise, and how."""

    success: bool
    course: Course | None


def replay(task: Task, runtime: PolicyRuntime, seed: int, noise_apart: bool, video: Path, strip: Path) -> Replay:
    """Plays the episode of a seed, and writes its video and strip of stills; noise_apart as a Question's.

    Looking on changes nothing of the episode. Raises TaskError where nothing can be rendered.
    """
    witness, film, steps = Witness(), Film(task.step_limit), 0

    def look(task: Task) -> None:
        nonlocal steps
        steps += 1
        told = ""
        if isinstance(task, TellsProgress):
            now = witness.see(task)
            held = "" if now.held is None else "   held" if now.held else "   not held"
            told = f"reach {100 * now.reach_m:.1f} cm   goal {_amount(now.lacking, task.lacking_unit)}{held}"
        if film.wants(steps) or task.decided or steps == task.step_limit:
            film.add(task.render(SIDE, SIDE), f"{task.name}   seed {seed}   step {steps}\n{told}")

    result = run_episode(task, runtime, seed, on_step=look, noise_apart=noise_apart)
    film.write(video, strip)
    return Replay(result.success, witness.course(task) if witness.seen else None)


def _amount(lacking: float, unit: str) -> str:
    return f"{100 * lacking:.1f} cm" if unit == "m" else f"{lacking:.0f}{unit}"
