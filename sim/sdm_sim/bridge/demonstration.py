"""An episode that the task's expert drives, for recorder_node and whoever else listens."""

from __future__ import annotations

import time
from collections.abc import Callable

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.delay_line import sleep_until
from sdm_sim.bridge.episode import LATE_S, Outcome, Progress
from sdm_sim.bridge.expert_commands import ExpertCommands
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.demonstrations import shown
from sdm_sim.task import Task


class Demonstration:
    """Sensors, then the expert's command that answers them, then a step; at the control rate.

    Between two commands the arm may tell its state in several parts of a control step.
    """

    def __init__(
        self,
        task: Task,
        sensors: SensorPublisher,
        commands: ExpertCommands,
        faults: CameraFaults,
        warn: Callable[[str], None],
        streams: CameraStreams,
        controls: Controls,
        parts: int = 1,
    ) -> None:
        self._task, self._sensors, self._commands = task, sensors, commands
        self._faults, self._streams, self._controls = faults, streams, controls
        self._parts = parts
        self._actuation = Actuation(task, warn, parts)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began until it has been shown or is over; its time begins at `base_ns`.

        Raises TaskError where the task has no expert.
        """
        task, parts = self._task, self._parts
        part_s, part_ns = task.contract.dt / parts, task.contract.dt_ns // parts
        self._actuation.reset()
        deadline = begun = time.perf_counter()
        late_steps = step = 0
        while step < task.step_limit and not shown(task):
            stood = self._controls.before_step()
            begun, deadline = begun + stood, deadline + stood
            if self._controls.abandoned:
                break
            stamp = base_ns + step * task.contract.dt_ns
            self._sensors.clock(stamp)
            frame = self._faults.apply(self._sensors.with_hand(self._streams.observe(task, step)), step)
            self._sensors.state(stamp, frame)
            self._sensors.images(stamp, frame)
            action = task.expert()
            self._commands.publish(action, stamp)
            step += 1
            for part in range(1, parts + 1):
                deadline += part_s / self._controls.real_time_factor
                sleep_until(deadline)
                late_steps += part == parts and time.perf_counter() - deadline > LATE_S
                self._actuation.step(action)
                if part < parts:
                    self._sensors.clock(stamp + part * part_ns)
                    self._sensors.state(stamp + part * part_ns, task.observe(depth=False))
            progress.step, progress.rate = step, step / (time.perf_counter() - begun)
        return Outcome(
            seed,
            task.succeeded,
            self._actuation.stepped_with,
            misses=0,
            refused=self._actuation.refused,
            late_commands=0,
            late_steps=late_steps,
            dropped_images=self._faults.dropped,
            wall_s=time.perf_counter() - begun,
            pushes=self._controls.pushes,
            abandoned=self._controls.abandoned,
            parts=parts,
        )
