"""An episode in which the world does not wait: it goes on at its own rate, whatever has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.command_inbox import CommandInbox
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.delay_line import DelayLine
from sdm_sim.bridge.episode import LATE_S, Outcome, Progress
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.task import Task

# What is still under way when an episode ends has landed by then, and is not taken for the next one's.
_SETTLE_S = 0.1


class RealTime:
    """Sleeps to absolute deadlines of the steady clock, so that a late step delays none after it.

    At each deadline the newest command is applied; older ones are too late for it. Where none has come since the last
    one, the task's hold is applied; a control step without any is a miss: latency costs success, as it does on an arm.
    Between two images the arm may be commanded, and tell its state, in several parts of a control step.
    """

    def __init__(
        self,
        task: Task,
        sensors: SensorPublisher,
        inbox: CommandInbox,
        faults: CameraFaults,
        warn: Callable[[str], None],
        streams: CameraStreams,
        controls: Controls,
        parts: int = 1,
    ) -> None:
        """`controls` has the latency of all sensor messages, and how fast simulated time runs; `parts`: how many a
        control step has."""
        self._task = task
        self._sensors = sensors
        self._inbox = inbox
        self._faults = faults
        self._streams = streams
        self._controls = controls
        self._parts = parts
        self._line = DelayLine()
        self._actuation = Actuation(task, warn, parts)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began, until it is decided or over; its time begins at `base_ns`."""
        task, actuation, parts = self._task, self._actuation, self._parts
        part_s, part_ns = task.contract.dt / parts, task.contract.dt_ns // parts
        actuation.reset()
        late_steps = late_commands = 0
        self._begin()
        deadline = begun = time.perf_counter()
        for step in count():
            stood = self._controls.before_step()
            begun, deadline = begun + stood, deadline + stood
            if self._is_over(step):
                break
            stamp_ns, lateness = base_ns + step * task.contract.dt_ns, 0.0
            for part in range(parts):
                self._tell(stamp_ns + part * part_ns)
                if part == 0:
                    self._show(stamp_ns, step)
                deadline += part_s / self._controls.real_time_factor
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
        return Outcome(
            seed,
            task.succeeded,
            actuation.stepped_with,
            misses=actuation.misses,
            refused=actuation.refused,
            late_commands=late_commands,
            late_steps=late_steps,
            dropped_images=self._faults.dropped,
            wall_s=wall_s,
            pushes=self._controls.pushes,
            abandoned=self._controls.abandoned,
            parts=parts,
        )

    def _begin(self) -> None:
        """An episode begins."""

    def _is_over(self, step: int) -> bool:
        """Whether the episode ends before this step."""
        return step >= self._task.step_limit or self._task.decided or self._controls.abandoned

    def _tell(self, stamp_ns: int) -> None:
        """The time, on which the command node's ticks hang, and where the arm stands."""
        self._sensors.clock(stamp_ns)
        frame = self._task.observe(depth=False)
        self._send(lambda: self._sensors.state(stamp_ns, frame))

    def _show(self, stamp_ns: int, step: int) -> None:
        frame = self._faults.apply(self._sensors.with_hand(self._streams.observe(self._task, step)), step)
        self._send(lambda: self._sensors.images(stamp_ns, frame))

    def _send(self, deliver: Callable[[], object]) -> None:
        self._line.send(deliver, self._controls.latency_s / self._controls.real_time_factor)
