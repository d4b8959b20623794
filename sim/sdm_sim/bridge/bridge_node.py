"""bridge_node: a simulated task on the ROS graph, in lockstep with the policy, in real time, or led by its expert."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sdm_core.errors import SdmError, TaskError
from sdm_core.results import append_result
from sdm_interfaces.msg import PolicyTrace
from std_msgs.msg import String

from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.command_inbox import CommandInbox
from sdm_sim.bridge.control_parts import control_parts
from sdm_sim.bridge.control_services import ControlServices
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.demonstration import Demonstration
from sdm_sim.bridge.episode import Outcome, Progress, World
from sdm_sim.bridge.errors import BridgeError, Interrupted
from sdm_sim.bridge.expert_commands import ExpertCommands
from sdm_sim.bridge.film import Film
from sdm_sim.bridge.hand_camera import HandCamera
from sdm_sim.bridge.lockstep import Lockstep
from sdm_sim.bridge.means import Means
from sdm_sim.bridge.operated import Operated, SceneRequests
from sdm_sim.bridge.parameters import BridgeParameters
from sdm_sim.bridge.peers import Peers
from sdm_sim.bridge.real_time import RealTime
from sdm_sim.bridge.result_line import result_line
from sdm_sim.bridge.scene_publisher import ScenePublisher
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.bridge.trace_log import TraceLog
from sdm_sim.camera_noise import CameraNoise
from sdm_sim.demonstrations import counts
from sdm_sim.gl import rendering_available
from sdm_sim.mujoco_world import InMujoco
from sdm_sim.registry import make_task
from sdm_sim.shove import Shove
from sdm_sim.task import Task

# Each episode begins at a multiple of this, so that simulated time never runs backwards within a run.
_EPISODE_SPACING_NS = 1_000 * 10**9
# Who takes `~/start_episode` in each mode.
_STARTERS = {
    "lockstep": ("policy_node",),
    "realtime": ("policy_node", "command_node"),
    "expert": (),
    "teleop": ("command_node",),
}
# Where in that time sensors are announced to nodes that are being configured: after whatever an episode takes.
_ANNOUNCED_NS = 950 * 10**9
_PROGRESS_PERIOD_S = 0.2
# Who sees only the log is told of an episode that takes longer than this.
_SIGN_PERIOD_S = 30.0
_WARNING_PERIOD_S = 2.0
# The executor's thread gets the interpreter this soon (s) while the simulation's is busy.
_SWITCH_INTERVAL_S = 5e-4


# What another task brings with it, and so takes another bridge.
_OF_A_TASK = ("task", "checkpoint")


@dataclass(frozen=True)
class Succession:
    """What a bridge leaves to the one that has its place when the task was changed."""

    task: Task
    settings: BridgeParameters
    episodes_begun: int
    """So that simulated time goes on, and not back."""

    @property
    def parameters(self) -> list[Parameter]:
        return [Parameter(name, value=value) for name, value in asdict(self.settings).items()]


class BridgeNode(Node):
    """Callbacks run on an executor's thread; `run` steps the world on its caller's, to which the renderer is bound.

    A bridge has one task. Another task has other cameras, topics and services, so that it is for another bridge, which
    the `succession` is for.
    """

    def __init__(self, succession: Succession | None = None) -> None:
        super().__init__("bridge_node", parameter_overrides=succession.parameters if succession else [])
        self.parameters = settings = BridgeParameters.declare(self)
        self._begun = succession.episodes_begun if succession else 0
        self.succession: Succession | None = None
        """Who comes after this bridge, known when `run` is over; None where nobody does."""
        self._task = succession.task if succession else make_task(settings.task)
        try:
            self._streams = settings.streams(self._task.contract)
            self._parts = control_parts(self._task, settings.robot_hz)
            hand = self._task.wrist_intrinsics if isinstance(self._task, HandCamera) else None
            noise = CameraNoise(settings.camera_noise, self._task.intrinsics, hand)
        except SdmError:
            self._task.close()
            raise
        self._progress = Progress(settings.episodes)
        self._announced = 0
        self._traces = TraceLog(settings.traces)
        self._faults = CameraFaults(settings.drop_rate, settings.depth_noise_mm, noise)
        shove, unpushable = self._shove()
        self._controls = Controls(
            self.context.ok, shove, settings.real_time_factor, latency_s=settings.latency_ms / 1e3
        )
        self._asked = ControlServices(self, settings, self._controls, unpushable)
        self._scene = self._scene_publisher()
        lossless = settings.mode in ("lockstep", "expert")
        self._sensors = SensorPublisher(self, self._task, self._streams, lossless, self._scene)
        self._inbox = CommandInbox(self, self._task.contract.action.gripper_index is not None)
        starters = _STARTERS[settings.mode]
        self._needs_policy = "policy_node" in starters
        for name in starters:
            self._subscribe_traces(name)
        self._progress_out = self.create_publisher(String, "~/progress", 10)
        self.create_timer(_PROGRESS_PERIOD_S, self._publish_progress)
        self._signed_for = (0, 0)
        self.create_timer(_SIGN_PERIOD_S, self._give_sign)
        # Created last: once a service has answered, its node knows the publishers and subscriptions above.
        # Who attends to a run without end may exchange the policy in the course of it.
        return_timeout_s = settings.answer_timeout_s if settings.episodes else settings.startup_timeout_s
        self._peers = Peers(
            self, starters, settings.record, settings.answer_timeout_s, return_timeout_s, self._announce
        )
        self._world, self._unheard = self._make_world()

    def run(self) -> list[Outcome]:
        """Runs all episodes, or those until the task is changed; what they came to, but for a run without end, which
        would keep ever more. Raises BridgeError where the policy is missing or silent, Interrupted on shutdown."""
        settings = self.parameters
        self._peers.await_all(self._unheard, settings.startup_timeout_s)
        film = self._film()
        outcomes: list[Outcome] = []
        judged = 0
        seed = settings.seed0 if settings.seed < 0 else settings.seed
        try:
            while self._goes_on(judged):
                seed = self._controls.take_seed(seed)
                outcome = self._episode(judged + 1, seed)
                seed += 1
                if outcome is None or outcome.abandoned:
                    continue
                judged += 1
                if settings.episodes:
                    outcomes.append(outcome)
                if film and judged <= settings.video_episodes and not outcome.pushes:
                    self._add(film, outcome)
        finally:
            self._traces.write()
            if film:
                film.close()
        return outcomes

    def close(self) -> None:
        """Frees the renderers; on the thread of `run`."""
        self._task.close()
        if self._scene:
            self._scene.close()

    def _make_world(self) -> tuple[World, Callable[[], list[str]]]:
        """How episodes run, and which topics lack a listener to begin."""
        settings, sensors, inbox = self.parameters, self._sensors, self._inbox
        means = Means(self._task, sensors, self._faults, self._warn, self._streams, self._controls)
        if settings.mode == "expert":
            commands = ExpertCommands(self, self._task.contract)
            listeners = int(settings.record)
            world = Demonstration(means, commands, self._parts)
            return world, lambda: [*sensors.unheard(listeners), *(commands.unheard() if settings.record else ())]
        if settings.mode == "teleop":
            return Operated(SceneRequests(self, self._controls), means, inbox, self._parts), lambda: []
        if settings.mode == "lockstep":
            world = Lockstep(means, inbox, settings.answer_timeout_s)
        else:
            world = RealTime(means, inbox, self._parts)
        return world, lambda: sensors.unheard(1 + settings.record)

    def _shove(self) -> tuple[Shove | None, str]:
        """What pushes the task's things, or why nothing does."""
        task = self._task
        if not isinstance(task, InMujoco):
            return None, f"{task.name}: nothing in this task can be pushed; take another task"
        try:
            return Shove(task.name, task.world.model, task.world.data, task.contract.dt), ""
        except TaskError as error:
            return None, str(error)

    def _scene_publisher(self) -> ScenePublisher | None:
        task = self._task
        observation, action = task.contract.observation, task.contract.action
        base = observation.cloud.frame if observation.cloud else action.base_frame
        return ScenePublisher(self, task.world, base) if isinstance(task, InMujoco) else None

    def _goes_on(self, judged: int) -> bool:
        """Whether an episode of this task follows on so many."""
        episodes = self.parameters.episodes
        if episodes and judged >= episodes:
            return False
        if self._change_due():
            self.succession = self._succession()
        return self.succession is None

    def _change_due(self) -> bool:
        return any(getattr(self._asked.settings, name) != getattr(self.parameters, name) for name in _OF_A_TASK)

    def _succession(self) -> Succession | None:
        """The task that was asked for; None, and this one stays, where it cannot be had."""
        wanted = self._asked.settings
        task = None
        try:
            task = make_task(wanted.task)
            wanted.streams(task.contract)
            control_parts(task, wanted.robot_hz)
        except SdmError as error:
            if task:
                task.close()
            self.get_logger().error(f"the task stays {self.parameters.task}: {error}")
            self.set_parameters([Parameter(name, value=getattr(self.parameters, name)) for name in _OF_A_TASK])
            return None
        # A video is one of the first task, and is done.
        settings = replace(wanted, seed0=self._controls.take_seed(wanted.seed0), seed=-1, video="")
        return Succession(task, settings, self._begun)

    @property
    def _settings_now(self) -> BridgeParameters:
        """As the parameters have been set by now, but for those of the next task."""
        return replace(self._asked.settings, **{name: getattr(self.parameters, name) for name in _OF_A_TASK})

    def _episode(self, number: int, seed: int) -> Outcome | None:
        """Runs an episode; None where another task was asked for before it began."""
        progress = self._progress
        progress.episode, progress.seed, progress.step, progress.rate = number, seed, 0, 0.0
        self._task.reset(seed)
        self._faults.reset(seed)
        if self._scene:
            self._scene.begin()
        if not self._peers.start_episode(seed, self._unheard, self._change_due):
            return None
        self._begun, self._announced = self._begun + 1, 0
        self._peers.start_recording()
        self._inbox.clear()
        self._controls.begin(seed)
        outcome = self._world.run(seed, self._begun * _EPISODE_SPACING_NS, progress)
        self._controls.end()
        if outcome.abandoned:
            progress.abandoned += 1
            self.get_logger().info(f"seed {seed}: abandoned after {outcome.steps} steps")
        else:
            self._conclude(outcome)
        # An expert's episode goes on after its success, to show that it lasts; a policy's ends with it.
        good = counts(self._task) if self.parameters.mode == "expert" else outcome.success
        self._peers.end_recording(keep=good and not outcome.abandoned)
        return outcome

    def _conclude(self, outcome: Outcome) -> None:
        if self._needs_policy and outcome.misses == outcome.steps and not self._inbox.traced:
            silence = f"policy_node never answered in the episode of seed {outcome.seed}; see its log for why"
            if self.parameters.episodes:
                raise BridgeError(silence)
            self.get_logger().error(silence)  # somebody attends to a run without end, and may have stopped the policy
        self._progress.successes += outcome.success
        self._publish_progress()
        settings = self._settings_now
        self.get_logger().info(
            f"episode {self._progress.episode}{f'/{settings.episodes}' if settings.episodes else ''}, "
            f"seed {outcome.seed}: {'success' if outcome.success else 'no success'} in {outcome.steps} steps "
            f"at {outcome.rate_hz:.1f} Hz, {outcome.misses} missed, {outcome.late_steps} late"
        )
        self._traces.write()
        if settings.results:
            append_result(settings.results, result_line(settings, outcome))

    def _announce(self) -> None:
        """Shows what the sensors are like: a policy that is exchanged with the task is compared with what comes in."""
        if not self._begun:
            return  # at the start nothing has been heard yet that could contradict a policy
        stamp = self._begun * _EPISODE_SPACING_NS + _ANNOUNCED_NS + self._announced * 10**6
        self._announced += 1
        frame = self._streams.observe(self._task, step=0)
        self._sensors.clock(stamp)
        self._sensors.state(stamp, frame)
        self._sensors.images(stamp, frame)

    def _film(self) -> Film | None:
        if not self.parameters.video:
            return None
        if not rendering_available():
            self.get_logger().warning("no video: pictures need GL; install libegl1 and libgl1")
            return None
        return Film(self.parameters.video)

    def _add(self, film: Film, outcome: Outcome) -> None:
        """A video is worth no run."""
        try:
            film.add(self._task, outcome, self.parameters.mode)
        except TaskError as error:
            self.get_logger().warning(f"episode {outcome.seed} is not in the video: {error}")

    def _subscribe_traces(self, name: str) -> None:
        def take(message: PolicyTrace) -> None:
            if name == "policy_node":
                self._inbox.on_trace(message)
            self._traces.add(name, self.parameters.mode, self._progress.seed, message)

        self.create_subscription(PolicyTrace, f"{name}/trace", take, QoSProfile(depth=100))

    def _warn(self, line: str) -> None:
        self.get_logger().warning(line, throttle_duration_sec=_WARNING_PERIOD_S)

    def _give_sign(self) -> None:
        """Says how far a long episode is, if it has come farther."""
        progress = self._progress
        (episode, step), self._signed_for = self._signed_for, (progress.episode, progress.step)
        if episode == progress.episode and step < progress.step:
            self.get_logger().info(f"episode {episode}, seed {progress.seed}: at step {progress.step}")

    def _publish_progress(self) -> None:
        settings = self._settings_now
        progress = {
            "task": settings.task,
            "mode": settings.mode,
            **asdict(self._progress),
            "real_time_factor": settings.real_time_factor,
            "latency_ms": settings.latency_ms,
            "paused": self._controls.paused,
        }
        self._progress_out.publish(String(data=json.dumps(progress)))


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
    try:
        _run_bridges()
    except (Interrupted, KeyboardInterrupt):
        pass
    except (SdmError, OSError) as error:
        sys.exit(f"error: {str(error).splitlines()[0]}")
    except Exception:
        if rclpy.ok():
            raise  # else a signal has shut the context down, and publishing failed
    finally:
        rclpy.try_shutdown()
        gc.unfreeze()  # what is frozen is never freed, and native libraries report it as leaked when the process ends


def _run_bridges() -> None:
    """One bridge for each task that is asked for."""
    succession = None
    while True:
        node = BridgeNode(succession)
        gc.freeze()  # a full collection over all that start-up has built would last for many control periods
        try:
            with spinning(node):
                node.run()
        finally:
            node.close()
            node.destroy_node()
        succession = node.succession
        if succession is None:
            return
        del node  # it, its task and the simulator refer to each other, and what is frozen is never freed
        gc.unfreeze()
        gc.collect()
