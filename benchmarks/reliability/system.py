"""The whole of it: a cell, policy_node and command_node, and an observer beside the robot."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sdm_core.checkpoint import contract_at
from sdm_core.contract import Contract
from sdm_interfaces.srv import StartEpisode
from std_srvs.srv import Trigger

from .broken_backend import NAME, Switch, install
from .cell import BEHIND_NETWORK, PATIENCE_S, CellProcess, CellSettings
from .command_log import CommandLog
from .motion_check import Limits
from .node_process import ROBOT, NodeProcess, end_all

RATE_HZ = 100.0
# The twin's contract is a brisker arm's than the robot file allows, and its gripper a topic.
_OF_THE_TWIN = {"arm_share": 1.0, "gripper": "topic"}


# A stream counts as running once this much of it (s) was motion.
_STREAMING_S = 0.15
_POLL_S = 0.01


@dataclass(frozen=True)
class World:
    """How the parts stand to each other: on the graph's simulated clock, with the policy on another host, or with an
    inference backend that can be broken."""

    name: str
    sim_clock: bool = False
    network: bool = False
    broken_backend: bool = False


class System:
    """Started whole; `close` ends every process."""

    def __init__(self, checkpoint: Path, world: World, domain: int) -> None:
        self.checkpoint, self.world, self.domain = checkpoint.resolve(), world, domain
        self._room = tempfile.TemporaryDirectory(prefix="sdm_faults_")
        self.folder = Path(self._room.name)
        self.contract: Contract = contract_at(self.checkpoint)
        self.limits = tool_limits(self.contract)
        self.switch: Switch | None = None
        self._environment: dict[str, str] = {}
        if world.broken_backend:
            self.switch, self._environment = install(self.folder / "backend")
        self.node = Node("observer")
        self.log = CommandLog(self.node)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()
        self.cell = CellProcess(CellSettings(domain, self.contract.task, world.sim_clock, world.network))
        self.command = self.start("command_node", **_OF_THE_TWIN)
        self.policy: NodeProcess | None = None
        self.start_policy()

    def start(self, executable: str, **parameters: Any) -> NodeProcess:
        """Starts a node of the stack with the parameters of the Franka cell and these."""
        remappings = {}
        if self.world.network and executable == "policy_node":
            remappings = {topic: f"{BEHIND_NETWORK}/{topic}" for topic in ("action_chunk", "heartbeat")}
        given = {"checkpoint": self.checkpoint, "dry_run": False, "use_sim_time": self.world.sim_clock}
        return NodeProcess(
            executable,
            self.folder / f"{executable}.log",
            domain=self.domain,
            parameters={**given, **parameters},
            remappings=remappings,
            environment=self._environment,
        )

    def start_policy(self, **parameters: Any) -> None:
        """Starts the policy's process; the one before it has ended."""
        backend = NAME if self.world.broken_backend else "openvino"
        self.policy = self.start("policy_node", **{"command": "chunk", "backend": backend, **parameters})

    def close(self) -> None:
        """Ends everything."""
        end_all([self.policy, self.command])
        self.cell.close()
        self._executor.shutdown()
        self._thread.join(5.0)
        self.node.destroy_node()
        self._room.cleanup()

    def call(self, service: type, name: str, request: Any = None) -> Any:
        """Calls a service and waits for its answer."""
        client = self.node.create_client(service, name)
        try:
            if not client.wait_for_service(PATIENCE_S):
                raise TimeoutError(f"no service '{name}'; {self.outputs()}")
            future = client.call_async(request if request is not None else service.Request())
            if not self.wait(future.done):
                raise TimeoutError(f"no answer from '{name}'; {self.outputs()}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def wait(self, predicate: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Whether the predicate came to hold in time."""
        deadline = time.monotonic() + patience_s
        while not predicate():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def streams(self) -> bool:
        """Whether the arm is being led by the policy now."""
        now = time.monotonic()
        recent = [command for command in self.log.commands() if command.arrived > now - _STREAMING_S]
        enough = len(recent) > 0.5 * _STREAMING_S * RATE_HZ
        return enough and not any(command.held for command in recent)

    def silent(self) -> bool:
        """Whether nothing is commanded."""
        commands = self.log.commands()
        return not commands or commands[-1].arrived < time.monotonic() - _STREAMING_S

    def begin_episode(self, seed: int) -> None:
        """The arm stands ready again and the policy leads it through another episode."""
        self.call(Trigger, "command_node/pause")
        self.wait(self.silent)
        self.cell.reset(seed)
        self.log.forget(keep_s=0.0)  # of an arm that stood elsewhere
        for node in ("policy_node", "command_node"):
            self.call(StartEpisode, f"{node}/start_episode", StartEpisode.Request(seed=seed))
        answer = self.call(Trigger, "command_node/resume")
        if not answer.success:
            raise TimeoutError(f"command_node does not resume: {answer.message}")

    def outputs(self) -> str:
        """The last lines of both nodes, for a report of a failure."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n" + "\n".join(log.read_text().splitlines()[-5:]) for log in logs)


def tool_limits(contract: Contract) -> Limits:
    """What the contract and the robot file allow."""
    entries = {entry.name: entry for entry in contract.action.entries}
    axes, turn = [entries[f"ee.{axis}"] for axis in "xyz"], entries["ee.qx"]

    def motion(entry: Any) -> tuple[float, float, float]:
        return entry.max_velocity, entry.max_acceleration, entry.max_jerk

    robot = yaml.safe_load(ROBOT.read_text())["/**"]["ros__parameters"]
    low = tuple(max(axis.low, least) for axis, least in zip(axes, robot["workspace_low"], strict=True))
    high = tuple(min(axis.high, greatest) for axis, greatest in zip(axes, robot["workspace_high"], strict=True))
    return Limits(low, high, motion(axes[0]), motion(turn))
