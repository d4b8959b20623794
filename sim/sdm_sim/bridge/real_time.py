"""An episode in which the world does not wait: it goes on at its own rate, whatever has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.command_inbox import CommandInbox
from sdm_sim.bridge.delay_line import DelayLine
from sdm_sim.bridge.episode import LATE_S, Outcome, Progress
from sdm_sim.bridge.means import Means

# What is still under way when an episode ends has landed by then, and is not taken for the next one's.
_SETTLE_S = 0.1


class RealTime:
    """Sleeps to absolute deadlines of the steady clock, so that a late step delays none after it.

    At each deadline the newest command is applied; older ones are too late for it. Where none has come since the last
    one, the task's hold is applied; a control step without any is a miss: latency costs success, as it does on an arm.
    Between two images the arm may be commanded, and tell its state, in several parts of a control step.
    """

    def __init__(self, means: Means, inbox: CommandInbox, parts: int) -> None:
        """The means' controls have the latency of all sensor messages, and how fast simulated time runs; `parts`: how
        many a control step has."""
        self._means, self._inbox = means, inbox
        self._line = DelayLine()
        self._actuation = Actuation(means.task, means.warn, parts)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began, until it is decided or over; its time begins at `base_ns`."""
        means, actuation, parts = self._means, self._actuation, self._actuation.parts
        task, controls = means.task, means.controls
        part_s, part_ns = task.contract.dt / parts, task.contract.dt_ns // parts
        actuation.reset()
        late_steps = late_commands = 0
        self._begin()
        deadline = begun = time.perf_counter()
        for step in count():
            stood = controls.before_step()
            begun, deadline = begun + stood, deadline + stood
            if self._is_over(step):
                break
            stamp_ns, lateness = base_ns + step * task.contract.dt_ns, 0.0
            for part in range(parts):
                self._tell(stamp_ns + part * part_ns)
                if part == 0:
                    self._show(stamp_ns, step)
                deadline += part_s / controls.real_time_factor
                self._line.sleep_until(deadline)
                lateness = time.perf_counter() - deadline
                command, late = self._inbox.newest()
                late_commands += late
                actuation.step(command)
            late_steps += lateness > LATE_S
            progress.step = step + 1
            progress.rate = progress.step / (time.perf_counter() - begun)
        wall_s = time.perf_counter() - begun
        self._line.clear()
        time.sleep(_SETTLE_S)
        return means.outcome(seed, actuation, wall_s, late_commands, late_steps)

    def _begin(self) -> None:
        """An episode begins."""

    def _is_over(self, step: int) -> bool:
        """Whether the episode ends before this step."""
        task = self._means.task
        return step >= task.step_limit or task.decided or self._means.controls.abandoned

    def _tell(self, stamp_ns: int) -> None:
        """The time, on which the command node's ticks hang, and where the arm stands."""
        sensors = self._means.sensors
        sensors.clock(stamp_ns)
        frame = self._means.task.observe(depth=False)
        self._send(lambda: sensors.state(stamp_ns, frame))

    def _show(self, stamp_ns: int, step: int) -> None:
        means, sensors = self._means, self._means.sensors
        frame = means.faults.apply(sensors.with_hand(means.streams.observe(means.task, step)), step)
        self._send(lambda: sensors.images(stamp_ns, frame))

    def _send(self, deliver: Callable[[], object]) -> None:
        controls = self._means.controls
        self._line.send(deliver, controls.latency_s / controls.real_time_factor)
