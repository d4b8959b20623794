"""bridge_node: a simulated task on the ROS graph, in lockstep with the policy, in real time, or led by its expert."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sdm_core.errors import SdmError
from sdm_core.results import append_result
from sdm_interfaces.msg import PolicyTrace
from std_msgs.msg import String

from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.command_inbox import CommandInbox
from sdm_sim.bridge.demonstration import Demonstration
from sdm_sim.bridge.episode import Outcome, Progress, World
from sdm_sim.bridge.errors import BridgeError, Interrupted
from sdm_sim.bridge.expert_commands import ExpertCommands
from sdm_sim.bridge.film import Film
from sdm_sim.bridge.lockstep import Lockstep
from sdm_sim.bridge.operated import Operated, SceneRequests
from sdm_sim.bridge.parameters import BridgeParameters
from sdm_sim.bridge.peers import Peers
from sdm_sim.bridge.real_time import RealTime
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.bridge.trace_log import TraceLog
from sdm_sim.camera_noise import CameraNoise
from sdm_sim.gl import rendering_available
from sdm_sim.registry import make_task

# Each episode begins at a multiple of this, so that simulated time never runs backwards within a run.
_EPISODE_SPACING_NS = 1_000 * 10**9
# Who takes `~/start_episode` in each mode.
_STARTERS = {
    "lockstep": ("policy_node",),
    "realtime": ("policy_node", "command_node"),
    "expert": (),
    "teleop": ("command_node",),
}
_PROGRESS_PERIOD_S = 0.2
_WARNING_PERIOD_S = 2.0
# The executor's thread gets the interpreter this soon (s) while the simulation's is busy.
_SWITCH_INTERVAL_S = 5e-4


class BridgeNode(Node):
    """Callbacks run on an executor's thread; `run` steps the world on its caller's, to which the renderer is bound."""

    def __init__(self) -> None:
        super().__init__("bridge_node")
        self.parameters = settings = BridgeParameters.declare(self)
        self._task = make_task(settings.task)
        try:
            streams = settings.streams(self._task.contract)
            noise = CameraNoise(settings.camera_noise, self._task.intrinsics)
        except SdmError:
            self._task.close()
            raise
        self._progress = Progress(settings.episodes)
        self._traces = TraceLog(settings.traces)
        self._faults = CameraFaults(settings.drop_rate, settings.depth_noise_mm, noise)
        self._sensors = SensorPublisher(self, self._task, streams, reliable=settings.mode in ("lockstep", "expert"))
        self._inbox = CommandInbox(self, any(entry.is_gripper for entry in self._task.contract.action.entries))
        starters = _STARTERS[settings.mode]
        self._needs_policy = "policy_node" in starters
        for name in starters:
            self._subscribe_traces(name)
        self._progress_out = self.create_publisher(String, "~/progress", 10)
        self.create_timer(_PROGRESS_PERIOD_S, self._publish_progress)
        # Created last: once a service has answered, its node knows the publishers and subscriptions above.
        self._peers = Peers(self, starters, settings.record, settings.answer_timeout_s)
        self._world, self._unheard = self._make_world(streams)

    def run(self) -> list[Outcome]:
        """Runs all episodes. Raises BridgeError where the policy is missing or silent, Interrupted on shutdown."""
        settings = self.parameters
        self._peers.await_all(self._unheard, settings.startup_timeout_s)
        film = self._film()
        outcomes = []
        try:
            for index in range(settings.episodes):
                outcome = self._episode(index, settings.seed0 + index)
                outcomes.append(outcome)
                self._report(outcome)
                self._peers.end_recording(keep=outcome.success)
                if film and index < settings.video_episodes:
                    film.add(self._task, outcome, settings.mode)
        finally:
            self._traces.write()
            if film:
                film.close()
        return outcomes

    def close(self) -> None:
        """Frees the renderers; on the thread of `run`."""
        self._task.close()

    def _make_world(self, streams: CameraStreams) -> tuple[World, Callable[[], list[str]]]:
        """How episodes run, and which topics lack a listener to begin."""
        settings, task, sensors = self.parameters, self._task, self._sensors
        if settings.mode == "expert":
            commands = ExpertCommands(self, task.contract)
            listeners = int(settings.record)
            world = Demonstration(task, sensors, commands, self._faults, self._warn, streams)
            return world, lambda: [*sensors.unheard(listeners), *(commands.unheard() if settings.record else ())]
        parts = (task, sensors, self._inbox, self._faults, self._warn, streams)
        if settings.mode == "teleop":
            return Operated(SceneRequests(self), *parts, settings.latency_ms / 1e3), lambda: []
        if settings.mode == "lockstep":
            world = Lockstep(*parts, settings.answer_timeout_s)
        else:
            world = RealTime(*parts, settings.latency_ms / 1e3)
        return world, lambda: sensors.unheard(1 + settings.record)

    def _episode(self, index: int, seed: int) -> Outcome:
        progress = self._progress
        progress.episode, progress.seed, progress.step, progress.rate = index + 1, seed, 0, 0.0
        self._task.reset(seed)
        self._faults.reset(seed)
        self._peers.start_recording()
        self._peers.start_episode(seed)
        self._inbox.clear()
        outcome = self._world.run(seed, (index + 1) * _EPISODE_SPACING_NS, progress)
        if self._needs_policy and outcome.misses == outcome.steps and not self._inbox.traced:
            raise BridgeError(f"policy_node never answered in the episode of seed {seed}; see its log for why")
        progress.successes += outcome.success
        return outcome

    def _report(self, outcome: Outcome) -> None:
        settings = self.parameters
        self._publish_progress()
        self.get_logger().info(
            f"episode {self._progress.episode}/{settings.episodes}, seed {outcome.seed}: "
            f"{'success' if outcome.success else 'no success'} in {outcome.steps} steps at {outcome.rate_hz:.1f} Hz, "
            f"{outcome.misses} missed, {outcome.late_steps} late"
        )
        self._traces.write()
        if settings.results:
            append_result(
                settings.results,
                {
                    "kind": "episode",
                    "task": settings.task,
                    "checkpoint": settings.checkpoint_name,
                    "mode": settings.mode,
                    "seed": outcome.seed,
                    "success": outcome.success,
                    "steps": outcome.steps,
                    "misses": outcome.misses,
                    "refused": outcome.refused,
                    "late_commands": outcome.late_commands,
                    "late_steps": outcome.late_steps,
                    "dropped_images": outcome.dropped_images,
                    "control_hz": round(outcome.rate_hz, 3),
                    "wall_s": round(outcome.wall_s, 4),
                    "latency_ms": settings.latency_ms,
                    "drop_rate": settings.drop_rate,
                    "depth_noise_mm": settings.depth_noise_mm,
                    "camera_noise": settings.camera_noise,
                },
            )

    def _film(self) -> Film | None:
        if not self.parameters.video:
            return None
        if not rendering_available():
            self.get_logger().warning("no video: pictures need GL; install libegl1 and libgl1")
            return None
        return Film(self.parameters.video)

    def _subscribe_traces(self, name: str) -> None:
        def take(message: PolicyTrace) -> None:
            if name == "policy_node":
                self._inbox.on_trace(message)
            self._traces.add(name, self.parameters.mode, self._progress.seed, message)

        self.create_subscription(PolicyTrace, f"{name}/trace", take, QoSProfile(depth=100))

    def _warn(self, line: str) -> None:
        self.get_logger().warning(line, throttle_duration_sec=_WARNING_PERIOD_S)

    def _publish_progress(self) -> None:
        self._progress_out.publish(String(data=json.dumps(asdict(self._progress))))


@contextmanager
def spinning(node: Node) -> Iterator[None]:
    """Serves a node's callbacks on a thread of its own."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except Exception:
            if node.context.ok():
                raise  # else a signal has shut the context down, and `run` notices by itself

    thread = threading.Thread(target=spin, name="executor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()


def main() -> None:
    """Runs the node until its episodes are over. A user's error ends it with one line and status 1, Ctrl-C cleanly."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # the software renderer's threads would starve the policy's
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    rclpy.init()
    node = None
    try:
        node = BridgeNode()
        gc.freeze()  # a full collection over all that start-up has built would last for many control periods
        with spinning(node):
            node.run()
    except (Interrupted, KeyboardInterrupt):
        pass
    except (SdmError, OSError) as error:
        sys.exit(f"error: {str(error).splitlines()[0]}")
    except Exception:
        if rclpy.ok():
            raise  # else a signal has shut the context down, and publishing failed
    finally:
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
        gc.unfreeze()  # what is frozen is never freed, and native libraries report it as leaked when the process ends
