"""An episode in which the world waits: every image is answered before the next step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.command_inbox import Command, CommandInbox
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.episode import Outcome, Progress
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.task import Task


class Lockstep:
    """Gives the same actions as driving the task directly: nothing depends on when a message arrives."""

    def __init__(
        self,
        task: Task,
        sensors: SensorPublisher,
        inbox: CommandInbox,
        faults: CameraFaults,
        warn: Callable[[str], None],
        streams: CameraStreams,
        controls: Controls,
        answer_timeout_s: float,
    ) -> None:
        """The period of `streams` divides the policy's action steps."""
        self._task = task
        self._sensors = sensors
        self._inbox = inbox
        self._faults = faults
        self._streams = streams
        self._controls = controls
        self._answer_timeout_s = answer_timeout_s
        self._warn = warn
        self._actuation = Actuation(task, warn)

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began, until it is decided or over; its time begins at `base_ns`."""
        task, actuation, dt_ns = self._task, self._actuation, self._task.contract.dt_ns
        actuation.reset()
        begun = time.perf_counter()
        commands: deque[Command] = deque()
        for step in range(task.step_limit):
            begun += self._controls.before_step()
            if task.decided or self._controls.abandoned:
                break
            stamp = base_ns + step * dt_ns
            self._sensors.clock(stamp)
            frame = self._faults.apply(self._streams.observe(task, step), step)
            self._sensors.state(stamp, frame)
            if self._sensors.images(stamp, frame):
                commands.extend(self._answer(stamp))
            actuation.step(commands.popleft() if commands else None)
            progress.step = step + 1
            progress.rate = progress.step / (time.perf_counter() - begun)
        return Outcome(
            seed,
            task.succeeded,
            actuation.stepped_with,
            misses=actuation.misses,
            refused=actuation.refused,
            late_commands=0,
            late_steps=0,
            dropped_images=self._faults.dropped,
            wall_s=time.perf_counter() - begun,
            pushes=self._controls.pushes,
            abandoned=self._controls.abandoned,
        )

    def _answer(self, stamp_ns: int) -> list[Command]:
        commands, refusal = self._inbox.answer(stamp_ns, self._answer_timeout_s, lambda: self._controls.abandoned)
        if refusal:
            self._warn(f"policy_node refused an observation: {refusal}")
        return commands
