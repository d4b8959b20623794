"""An episode that the task's expert drives, for recorder_node and whoever else listens."""

from __future__ import annotations

import time

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.delay_line import sleep_until
from sdm_sim.bridge.episode import LATE_S, Outcome, Progress
from sdm_sim.bridge.expert_commands import ExpertCommands
from sdm_sim.bridge.means import Means
from sdm_sim.demonstrations import shown


class Demonstration:
    """Sensors, then the expert's command that answers them, then a step; at the control rate.

    Between two commands the arm may tell its state in several parts of a control step.
    """

    def __init__(self, means: Means, commands: ExpertCommands, parts: int) -> None:
        self._means, self._commands = means, commands
        self._actuation = Actuation(means.task, means.warn, parts)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began until it has been shown or is over; its time begins at `base_ns`.

        Raises TaskError where the task has no expert.
        """
        means, actuation, parts = self._means, self._actuation, self._actuation.parts
        task, sensors, controls = means.task, means.sensors, means.controls
        part_s, part_ns = task.contract.dt / parts, task.contract.dt_ns // parts
        actuation.reset()
        deadline = begun = time.perf_counter()
        late_steps = step = 0
        while step < task.step_limit and not shown(task):
            stood = controls.before_step()
            begun, deadline = begun + stood, deadline + stood
            if controls.abandoned:
                break
            stamp = base_ns + step * task.contract.dt_ns
            sensors.clock(stamp)
            frame = means.faults.apply(sensors.with_hand(means.streams.observe(task, step)), step)
            sensors.state(stamp, frame)
            sensors.images(stamp, frame)
            action = task.expert()
            self._commands.publish(action, stamp)
            step += 1
            for part in range(1, parts + 1):
                deadline += part_s / controls.real_time_factor
                sleep_until(deadline)
                late_steps += part == parts and time.perf_counter() - deadline > LATE_S
                actuation.step(action)
                if part < parts:
                    sensors.clock(stamp + part * part_ns)
                    sensors.state(stamp + part * part_ns, task.observe(depth=False))
            progress.step, progress.rate = step, step / (time.perf_counter() - begun)
        return means.outcome(seed, actuation, time.perf_counter() - begun, late_steps=late_steps)
