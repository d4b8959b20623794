"""The faults: what is broken, how, and what is expected of the stack."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from geometry_msgs.msg import PoseStamped
from onnx import numpy_helper
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import ListParameters, SetParameters
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sdm_core.checkpoint import NETWORK
from sdm_interfaces.msg import ActionChunk
from std_srvs.srv import SetBool, Trigger

from .cell import CAMERA_HZ
from .system import System, World

CELL = World("cell")
INFERENCE = World("inference", broken_backend=True)
HOSTS = World("two hosts", network=True)
SIM_CLOCK = World("simulated clock", sim_clock=True)
WORLDS = (CELL, INFERENCE, HOSTS, SIM_CLOCK)

STOPS, GOES_ON, NEVER_STARTS = "stops", "goes on", "never starts"
BAR_MS = 100.0
DEAD_PROCESS_BAR_MS = 150.0
SILENT_CAMERA_BAR_MS = 3 * 1000 / CAMERA_HZ + 50


class Fault:
    """One way to break a running system. `inject` gives the steady time at which it was broken."""

    expected = STOPS
    bar_ms: float | None = BAR_MS
    restarts = False
    """Whether every trial starts the policy's process anew."""

    def __init__(self, name: str, what: str, world: World = CELL) -> None:
        self.name, self.what, self.world = name, what, world

    def prepare(self, system: System) -> None:
        """Before the first trial."""

    def inject(self, system: System) -> float:
        raise NotImplementedError

    def remark(self, system: System) -> str:
        """What else was seen, in a few words; asked before `restore`."""
        return ""

    def restore(self, system: System) -> None:
        """After a trial: sound again."""

    def finish(self, system: System) -> None:
        """After the last trial."""


class CellFault(Fault):
    """One of sensor_faults.SENSOR_FAULTS."""

    def __init__(
        self,
        name: str,
        what: str,
        world: World = CELL,
        expected: str = STOPS,
        bar_ms: float = BAR_MS,
    ) -> None:
        super().__init__(name, what, world)
        self.expected = expected
        self.bar_ms = bar_ms if expected == STOPS else None

    def inject(self, system: System) -> float:
        return system.cell.switch(self.name)

    def restore(self, system: System) -> None:
        system.cell.switch(None)


class InferenceFault(Fault):
    """The inference misbehaves; the fault's time is that of the first call in which it does."""

    def __init__(self, mode: str, what: str) -> None:
        super().__init__(f"inference_{mode}", what, INFERENCE)
        self._mode = mode

    def inject(self, system: System) -> float:
        assert system.switch
        system.switch.turn(self._mode)
        if not system.wait(lambda: bool(system.switch and system.switch.shown), 5.0):
            raise TimeoutError(f"nothing was inferred; {system.outputs()}")
        return system.switch.shown

    def restore(self, system: System) -> None:
        assert system.switch
        system.switch.turn("sound")


class PolicyProcess(Fault):
    """The policy's process is killed or stopped."""

    bar_ms = DEAD_PROCESS_BAR_MS

    def __init__(self, name: str, what: str, number: signal.Signals) -> None:
        super().__init__(name, what)
        self._number = number
        self.restarts = number == signal.SIGKILL

    def inject(self, system: System) -> float:
        assert system.policy
        now = time.monotonic()
        system.policy.send(self._number)
        return now

    def restore(self, system: System) -> None:
        assert system.policy
        if self._number == signal.SIGSTOP:
            system.policy.send(signal.SIGCONT)
        else:
            system.policy.end()
            system.start_policy()


class CommandProcess(Fault):
    """command_node's process is stopped for a while: what it sends afterwards must begin at rest."""

    bar_ms = DEAD_PROCESS_BAR_MS

    def inject(self, system: System) -> float:
        now = time.monotonic()
        system.command.send(signal.SIGSTOP)
        return now

    def restore(self, system: System) -> None:
        system.command.send(signal.SIGCONT)


class SecondPublisher(Fault):
    """Somebody else opens a topic that one alone may write to."""

    def __init__(self, name: str, what: str, message: type, topic: str) -> None:
        super().__init__(name, what)
        self._message, self._topic = message, topic

    def inject(self, system: System) -> float:
        now = time.monotonic()
        self._other = system.node.create_publisher(self._message, self._topic, QoSProfile(depth=1))
        return now

    def restore(self, system: System) -> None:
        system.node.destroy_publisher(self._other)


class ParameterFuzz(Fault):
    """Random values, of any type, for all parameters of both nodes at once."""

    expected, bar_ms = GOES_ON, None

    def prepare(self, system: System) -> None:
        self._names = {
            node: [
                name
                for name in system.call(ListParameters, f"{node}/list_parameters").result.names
                if name != "use_sim_time"
            ]
            for node in ("policy_node", "command_node")
        }
        self._clients = {
            node: system.node.create_client(SetParameters, f"{node}/set_parameters") for node in self._names
        }
        assert system.wait(lambda: all(client.service_is_ready() for client in self._clients.values()))

    def inject(self, system: System) -> float:
        now = time.monotonic()
        self._answers: list[Future] = []
        for node, names in self._names.items():
            request = SetParameters.Request(parameters=[Parameter(name=name, value=_anything()) for name in names])
            self._answers.append(self._clients[node].call_async(request))
        return now

    def remark(self, system: System) -> str:
        taken = {
            name
            for names, answer in zip(self._names.values(), self._answers, strict=True)
            if (response := answer.result() if answer.done() else None) is not None
            for name, result in zip(names, response.results, strict=True)
            if result.successful
        }
        return f"taken: {', '.join(sorted(taken))}" if taken else "every value refused"

    def finish(self, system: System) -> None:
        for client in self._clients.values():
            system.node.destroy_client(client)


def _anything() -> ParameterValue:
    kind = random.randrange(1, 6)
    return ParameterValue(
        type=kind,
        bool_value=random.random() < 0.5,
        integer_value=random.randint(-(2**62), 2**62) if kind == ParameterType.PARAMETER_INTEGER else 0,
        double_value=random.choice([random.uniform(-1e9, 1e9), float("nan"), float("inf"), 0.0]),
        string_value="".join(chr(random.randint(32, 0x2FF)) for _ in range(random.randrange(40))),
        byte_array_value=[bytes([random.randrange(256)])] * 3,
    )


# Bytes a file: too few for the clouds of an episode, and, in time, for the recorder's log.
_ROOM = 8192


class DiskFull(Fault):
    """recorder_node records the running system, and there is no room to keep it."""

    expected, bar_ms = GOES_ON, None

    def prepare(self, system: System) -> None:
        self._recorder = system.start("recorder_node", sink="pose", output=system.folder / "recorded.zarr")
        self._keep = system.node.create_client(SetBool, "recorder_node/label")
        assert system.wait(self._keep.service_is_ready)

    def inject(self, system: System) -> float:
        assert system.call(Trigger, "recorder_node/start").success
        time.sleep(0.2)
        self._recorder.limit_file_size(_ROOM)
        now = time.monotonic()
        self._answer = self._keep.call_async(SetBool.Request(data=True))
        return now

    def remark(self, system: System) -> str:
        if not system.wait(self._answer.done, 10.0):
            return "recorder silent"
        return "recording kept" if self._answer.result().success else "recording refused in one line"  # type: ignore[union-attr]

    def restore(self, system: System) -> None:
        self._recorder.limit_file_size(None)

    def finish(self, system: System) -> None:
        system.node.destroy_client(self._keep)
        self._recorder.end()


class CorruptCheckpoint(Fault):
    """The policy is started with a damaged checkpoint, beside a command_node that waits."""

    expected, restarts = NEVER_STARTS, True

    def __init__(self, name: str, what: str, damage: Callable[[Path], None]) -> None:
        super().__init__(name, what)
        self._damage = damage

    def prepare(self, system: System) -> None:
        self._folder = system.folder / self.name
        shutil.copytree(system.checkpoint, self._folder)
        self._damage(self._folder)

    def inject(self, system: System) -> float:
        assert system.policy
        system.policy.end()
        system.wait(system.silent)
        self._said = len(system.policy.output)
        now = time.monotonic()
        system.start_policy(checkpoint=self._folder)
        system.wait(lambda: "not configured" in self._output(system) or bool(system.policy and system.policy.ended))
        return now

    def _output(self, system: System) -> str:
        assert system.policy
        return system.policy.output[self._said :]

    def remark(self, system: System) -> str:
        ran = "; the pickle ran" if _pickled_mark(self._folder).exists() else ""
        refused = "refused in one line" if "not configured" in self._output(system) else "did not start"
        return f"{refused}{ran}"

    def finish(self, system: System) -> None:
        assert system.policy
        system.policy.end()
        system.start_policy()


def _truncated(folder: Path) -> None:
    network = (folder / NETWORK).read_bytes()
    (folder / NETWORK).write_bytes(network[: len(network) // 2])


def _wrong_keys(folder: Path) -> None:
    model = onnx.load(str(folder / NETWORK))
    for node in model.graph.node:
        node.input[:] = ["states" if name == "state" else name for name in node.input]
    for port in model.graph.input:
        port.name = "states" if port.name == "state" else port.name
    onnx.save(model, str(folder / NETWORK))


def _nan_weights(folder: Path) -> None:
    model = onnx.load(str(folder / NETWORK))
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype.kind == "f" and weights.size > 1:
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(weights, np.nan), tensor.name))
    onnx.save(model, str(folder / NETWORK))


def _pickled_mark(folder: Path) -> Path:
    return folder / "the_pickle_ran"


def _pickle_inside(folder: Path) -> None:
    """A pickle that calls os.mkdir where it is loaded, and so leaves a mark."""
    trap = f"cos\nmkdir\n(V{_pickled_mark(folder)}\ntR.".encode()
    for name in (NETWORK, "weights.safetensors"):
        (folder / name).write_bytes(trap)


FAULTS: tuple[Fault, ...] = (
    CellFault("camera_silent", "the camera sends nothing more", bar_ms=SILENT_CAMERA_BAR_MS),
    CellFault("camera_frozen", "its last image comes again and again, under new stamps", bar_ms=SILENT_CAMERA_BAR_MS),
    CellFault("camera_in_the_future", "its stamps lie 1 s ahead"),
    CellFault("camera_in_the_past", "its stamps lie 1 s behind: it is as good as silent", bar_ms=SILENT_CAMERA_BAR_MS),
    CellFault("camera_wrong_encoding", "its images have an encoding that is no depth"),
    CellFault("camera_empty", "its images have no pixels"),
    CellFault("camera_all_nan", "every pixel is NaN (32FC1)"),
    CellFault("camera_all_zero", "every pixel is 0: invalid"),
    CellFault("camera_other_size", "its calibration is suddenly of another resolution"),
    CellFault("joints_silent", "no joint states come"),
    CellFault("joints_stale", "joint states keep their last stamp"),
    CellFault("joints_reordered", "joint states come in another order each time, which is allowed", expected=GOES_ON),
    CellFault("joints_lack_a_name", "a joint that the policy observes is missing"),
    CellFault("joints_nan", "all joint positions are NaN"),
    CellFault("pose_silent", "no pose of the tool comes"),
    CellFault("pose_nan", "the tool's x is NaN"),
    CellFault("pose_leaps", "the tool is said to stand 0.3 m aside all at once"),
    CellFault("pose_in_another_frame", "the tool's pose is given in a frame that is not the base"),
    CellFault("tf_missing", "nobody tells the (moving) camera's pose any more"),
    CellFault("stamps_jump_back", "all sensors' stamps jump back by 5 s"),
    SecondPublisher("second_publisher", "somebody else opens a publisher on `target_pose`", PoseStamped, "target_pose"),
    SecondPublisher("second_leader", "a second policy opens a publisher of chunks", ActionChunk, "action_chunk"),
    ParameterFuzz("parameter_fuzz", "random values of random types for every parameter of both nodes"),
    DiskFull("disk_full", "the recorder has no room to keep an episode"),
    PolicyProcess("policy_sigstop", "the policy's process is stopped (SIGSTOP)", signal.SIGSTOP),
    PolicyProcess("policy_sigkill", "the policy's process is killed (SIGKILL)", signal.SIGKILL),
    CommandProcess(
        "command_sigstop", "command_node is stopped (SIGSTOP), and sends what it was just sending when it goes on"
    ),
    CorruptCheckpoint("checkpoint_truncated", "half of the network's file is missing", _truncated),
    CorruptCheckpoint("checkpoint_wrong_keys", "the network's inputs have other names", _wrong_keys),
    CorruptCheckpoint("checkpoint_nan_weights", "every weight is NaN", _nan_weights),
    CorruptCheckpoint("checkpoint_pickle", "a pickle that would run code stands in the files' place", _pickle_inside),
    InferenceFault("raises", "the inference raises an exception"),
    InferenceFault("hangs", "the inference does not return"),
    InferenceFault("nan", "one action of the chunk is NaN"),
    InferenceFault("infinite", "one action of the chunk is infinite"),
    InferenceFault("huge_step", "all targets lie 5 m off"),
    InferenceFault("wrong_shape", "the chunk is too short"),
    CellFault("message_loss", "30 % of all messages are lost, those between the hosts too", HOSTS, GOES_ON),
    CellFault("policy_host_unreachable", "nothing comes from the policy's host", HOSTS),
    CellFault("network_down", "neither sensors nor the policy are heard any more", HOSTS),
    CellFault("clock_jumps_back", "the simulated clock and all stamps jump back by 5 s", SIM_CLOCK),
    CellFault("clock_stands", "the simulated clock stands", SIM_CLOCK),
)
