"""All that there is to be seen on the graph, as one snapshot."""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.perception.crop_box import AS_IN_CONTRACT, CropBox
from sdm_interfaces.msg import Heartbeat
from sdm_policy_node.commands.sole_publisher import LEADING, UNFOLLOWED
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import sensor_qos
from sdm_policy_node.sources.perception import Seen

from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_cockpit.graph.diagnostics_listener import DiagnosticsListener
from sdm_cockpit.graph.frame_tree import FrameTree
from sdm_cockpit.graph.node_watch import GONE, NodeWatch
from sdm_cockpit.graph.parameter_watch import ParameterWatch
from sdm_cockpit.graph.policy_view import PolicyView
from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.graph.progress_listener import ProgressListener
from sdm_cockpit.graph.robot_description_listener import RobotDescriptionListener
from sdm_cockpit.graph.scene_listener import SceneListener
from sdm_cockpit.snapshot import Box, Episode, NodeState, Plan, Pose, Scene, Snapshot, Status, Timing

_WATCH_PERIOD_S = 0.05
# policy_node beats fifty times a second, command_node reports at least twice (s).
_POLICY_QUIET_S = 0.3
_COMMAND_QUIET_S = 0.55
_SIMULATOR_SILENT_S = 2.0
_HEARTBEAT_LASTS_S = 0.5
_POLICY_PARAMETERS = ("checkpoint", "crop_low", "crop_high")
_COMMAND_PARAMETERS = ("workspace_low", "workspace_high", "deadman_timeout_s")


class GraphView:
    """Listens to everybody and disturbs nobody. Callbacks on the executor's thread, `snapshot` on any."""

    def __init__(self, node: Node, settings: CockpitParameters, contract: Contract) -> None:
        """Raises ContractError where what the contract observes cannot be seen."""
        self._node = node
        self._settings = settings
        self._checkpoint = settings.checkpoint
        self._problems = Problems()
        self._camera_pose = CameraPose(node, settings.camera_frame, settings.tf_timeout_s)
        self._policy = self._view_of(contract)
        self._frames = FrameTree(node, self._problems)
        versions = count(1)
        self._scene = SceneListener(node, self._problems, versions)
        self._robot = RobotDescriptionListener(node, self._problems, versions)
        self._policy_node = NodeWatch(node, "policy_node", _POLICY_QUIET_S)
        self._command_node = NodeWatch(node, "command_node", _COMMAND_QUIET_S)
        self._diagnostics = DiagnosticsListener(node, self._problems, self._command_node.heard)
        self._simulator_heard_s: float | None = None
        self.progress = ProgressListener(node, self._problems, self._simulator_spoke)
        self._policy_parameters = ParameterWatch(node, "policy_node", _POLICY_PARAMETERS)
        self._command_parameters = ParameterWatch(node, "command_node", _COMMAND_PARAMETERS)
        self._heartbeats: dict[str, tuple[float, Heartbeat]] = {}
        self._asked_crop: tuple[Any, Any] = (None, None)
        self._crop: Box | None = None
        for space in (LEADING, UNFOLLOWED):
            hear = partial(self._on_heartbeat, space)
            node.create_subscription(Heartbeat, f"{space}heartbeat", hear, sensor_qos(False, 1))
        node.create_timer(_WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._follow_crop()

    def close(self) -> None:
        """Ends its threads."""
        self._policy.close()

    @property
    def contract(self) -> Contract:
        """Of the policy that is looked at."""
        return self._policy.contract

    @property
    def deadman(self) -> bool:
        """Whether command_node follows only while it is told that a button is held."""
        return self._command_parameters.values.get("deadman_timeout_s", 0.0) > 0.0

    def snapshot(self) -> Snapshot:
        """What is to be seen now."""
        policy = self._policy
        seen = policy.observation.seen or Seen(None)
        scene = self._drawn_scene()
        return Snapshot(
            time_s=time.monotonic(),
            scene=scene,
            frames=self._placed(scene),
            cloud=seen.cloud,
            images=seen.images,
            crop=self._crop,
            workspace=self._workspace(),
            plans=self._plans(),
            tool=policy.tool.pose,
            clamps=policy.traces.clamps(),
            timing=self._timing(),
            status=self._status(),
            episode=self._episode(),
            recording=self.progress.recording,
        )

    # --- parts of a snapshot

    def _plans(self) -> tuple[Plan, ...]:
        led_s = self._heartbeats[LEADING][0] if LEADING in self._heartbeats else 0.0
        if self._policy_node.state == GONE and time.monotonic() - led_s > _POLICY_QUIET_S:  # by no operator either
            return ()
        now_ns = self._node.get_clock().now().nanoseconds
        return self._policy.chunks.plans(now_ns, self._policy.traces.followed_ns)

    def _timing(self) -> Timing | None:
        return self._policy.traces.timing(self._diagnostics.rate_hz)

    def _drawn_scene(self) -> Scene | None:
        version, shapes = self._scene.newest
        if not shapes:
            version, shapes = self._robot.newest
        return Scene(version, shapes) if shapes else None

    def _placed(self, scene: Scene | None) -> dict[str, Pose]:
        base = self.contract.action.base_frame
        wanted = {shape.frame for shape in scene.shapes} if scene else set()
        found, missing = self._frames.poses(base, wanted)
        if missing:
            first, *others = missing
            more = f" and of {len(others)} others" if others else ""
            self._problems.note("frames", f"tf knows no pose of '{first}'{more} in '{base}'; publish it")
        return found

    def _workspace(self) -> Box | None:
        """Of command_node, where it has one, within the contract's."""
        own = self._policy.tool_path.workspace
        low, high = (self._command_parameters.values.get(name) for name in _COMMAND_PARAMETERS[:2])
        if low is None or high is None or len(low) != 3 or len(high) != 3 or not (any(low) or any(high)):
            return own
        asked = Box(np.array(low), np.array(high))
        return asked if own is None else Box(np.maximum(asked.low, own.low), np.minimum(asked.high, own.high))

    def _status(self) -> Status:
        watched = (self._policy_node, self._command_node)
        nodes = [NodeState(watch.name, watch.state) for watch in watched if watch.state]
        if self._simulator_heard_s is not None:
            nodes.append(NodeState("bridge_node", "running" if self._simulator_speaks() else GONE))
        gone = self._command_node.state == GONE
        return Status(
            nodes=tuple(nodes),
            activity="" if gone else self._diagnostics.activity or self._inline_activity(),
            fault="" if gone else self._diagnostics.fault,
            refusal=self._refusal(),
            problems=self._problems.lines(),
            dry_run=not gone and self._diagnostics.dry_run,
        )

    def _refusal(self) -> str:
        """The policy's own reason why nothing must move, for as long as it says so, whoever else leads the robot."""
        oldest = time.monotonic() - _HEARTBEAT_LASTS_S
        heard = (self._heartbeats[space] for space in (UNFOLLOWED, LEADING) if space in self._heartbeats)
        return next((beat.refusal for at, beat in heard if at >= oldest and beat.refusal), "")

    def _inline_activity(self) -> str:
        """Where policy_node itself gives commands, in command_node's words."""
        if self._command_node.state or self._policy_node.state != "active":
            return ""
        return "following" if self._policy.traces.commands_inline else "resting"

    def _episode(self) -> Episode | None:
        return self.progress.episode if self._simulator_speaks() else None

    # --- what changes

    def _watch(self) -> None:
        for watch, parameters in (
            (self._policy_node, self._policy_parameters),
            (self._command_node, self._command_parameters),
        ):
            watch.poll()
            if watch.state == GONE:
                parameters.forget()
            elif watch.state:
                parameters.ask()
        self.progress.poll()
        self._follow_checkpoint()
        self._follow_crop()

    def _follow_checkpoint(self) -> None:
        """policy_node was given another policy: its contract is the one to look by."""
        checkpoint = self._policy_parameters.values.get("checkpoint") or self._checkpoint
        if checkpoint == self._checkpoint:
            return
        self._checkpoint = checkpoint
        with self._problems.of("checkpoint"):
            view = self._view_of(load_contract(checkpoint))
            self._policy, former = view, self._policy
            former.close()
            self._asked_crop = (None, None)

    def _follow_crop(self) -> None:
        low, high = (self._policy_parameters.values.get(name) or AS_IN_CONTRACT for name in _POLICY_PARAMETERS[1:])
        if (low, high) == self._asked_crop:
            return
        self._asked_crop = low, high
        with self._problems.of("crop box"):
            box = CropBox(tuple(low), tuple(high))
            self._crop = self._policy.crop(box)
            self._policy.observation.crop_to(box)

    def _view_of(self, contract: Contract) -> PolicyView:
        settings = self._settings
        return PolicyView(self._node, settings, contract, self._camera_pose, self._problems, settings.pictures_hz)

    def _on_heartbeat(self, space: str, message: Heartbeat) -> None:
        self._heartbeats[space] = time.monotonic(), message
        self._policy_node.heard()

    def _simulator_spoke(self) -> None:
        self._simulator_heard_s = time.monotonic()

    def _simulator_speaks(self) -> bool:
        heard = self._simulator_heard_s
        return heard is not None and time.monotonic() - heard < _SIMULATOR_SILENT_S
