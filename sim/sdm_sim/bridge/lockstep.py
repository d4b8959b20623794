"""An episode in which the world waits: every image is answered before the next step."""

from __future__ import annotations

import time
from collections import deque

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.command_inbox import Command, CommandInbox
from sdm_sim.bridge.episode import Outcome, Progress
from sdm_sim.bridge.means import Means


class Lockstep:
    """Gives the same actions as driving the task directly: nothing depends on when a message arrives."""

    def __init__(self, means: Means, inbox: CommandInbox, answer_timeout_s: float) -> None:
        """The period of the means' streams divides the policy's action steps."""
        self._means, self._inbox = means, inbox
        self._answer_timeout_s = answer_timeout_s
        self._actuation = Actuation(means.task, means.warn)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began, until it is decided or over; its time begins at `base_ns`."""
        means, task, actuation = self._means, self._means.task, self._actuation
        actuation.reset()
        begun = time.perf_counter()
        commands: deque[Command] = deque()
        for step in range(task.step_limit):
            begun += means.controls.before_step()
            if task.decided or means.controls.abandoned:
                break
            stamp = base_ns + step * task.contract.dt_ns
            means.sensors.clock(stamp)
            frame = means.faults.apply(means.streams.observe(task, step), step)
            means.sensors.state(stamp, frame)
            if means.sensors.images(stamp, frame):
                commands.extend(self._answer(stamp))
            actuation.step(commands.popleft() if commands else None)
            progress.step = step + 1
            progress.rate = progress.step / (time.perf_counter() - begun)
        return means.outcome(seed, actuation, time.perf_counter() - begun)

    def _answer(self, stamp_ns: int) -> list[Command]:
        controls = self._means.controls
        commands, refusal = self._inbox.answer(stamp_ns, self._answer_timeout_s, lambda: controls.abandoned)
        if refusal:
            self._means.warn(f"policy_node refused an observation: {refusal}")
        return commands
