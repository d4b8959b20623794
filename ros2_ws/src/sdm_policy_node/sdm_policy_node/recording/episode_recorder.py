"""From sensors and commands to the rows of an episode: live in recorder_node, and from a bag in `sdm-convert`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError
from sdm_core.perception.static_transforms import StaticTransform
from sdm_core.stream_guard import RESTART_NS

from sdm_policy_node.grippers.gripper_topic import GRIPPER_TOPIC, require_one_gripper
from sdm_policy_node.parameters import RecorderParameters
from sdm_policy_node.recording.command_listener import listen_to_commands, listen_to_gripper
from sdm_policy_node.recording.episode_recording import EpisodeRecording, Observed
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.sources.perception import Perception
from sdm_policy_node.sources.state_source import StateSource

COMPANIONS_WAIT_NS = 500_000_000
"""For so long a frame waits for the other messages of its instant, which arrive in any order."""

# What an arm that is led by hand tells: where it stands, and no step or rate.
_PLACES = ("ee_pose", "joint_position")
# Clouds may be made later than their images come, by up to this many.
_QUEUE = 200
# A camera's image arrives after the states and the commands of its instant: so many of those count that came before the
# start.
_BEFORE = 200


class EpisodeRecorder:
    """Listens from the start, and publishes nothing. Frames of a recording are handed out in order of arrival, and come
    back, in that order, through `observe`."""

    def __init__(
        self,
        node: Node,
        settings: RecorderParameters,
        contract: Contract,
        take: Callable[[EpisodeRecording, Frame], None],
        refused: Callable[[str, object], None],
        transforms: Iterable[StaticTransform] = (),
    ) -> None:
        """`take(recording, frame)` is called for each frame on the executor's thread, `refused(what, reason)` for what
        cannot be used; `transforms`: in place of the file of extrinsics, which is not read."""
        self._settings, self._contract = settings, contract
        self._take, self._refused = take, refused
        self._recent: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=_BEFORE)
        self._stray: tuple[int, NDArray[np.float64]] | None = None
        self._recent_commands: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=_BEFORE)
        self._gripper: float | None = None
        self.recording: EpisodeRecording | None = None
        """The episode that is being recorded."""
        sensing = replace(settings, extrinsics="")
        self._perception = Perception(node, sensing, contract, self._on_frame, _QUEUE, max_age_s=_QUEUE * contract.dt)
        camera_pose = CameraPose(node, settings.camera_frame, settings.tf_timeout_s)
        camera_pose.add_static(transforms)
        self._perception.configure(contract, camera_pose)
        states = StateSource(node, settings.reliable_sensors, self._on_state, self._on_state_refused, _QUEUE)
        states.configure(contract, settings.max_skew_s)
        gripper = contract.action.gripper_index
        self._command_topic = ""
        if settings.actions == "commands":
            self._command_topic = listen_to_commands(
                node, settings.sink, contract, self._on_command, self._on_command_refused, self._on_gripper
            ).topic_name
            self._needs_gripper = gripper is not None and settings.sink == "pose"
        else:
            if contract.action.kind not in _PLACES:
                raise ContractError(
                    f"actions 'measured' records {' or '.join(_PLACES)} actions, not '{contract.action.kind}'; "
                    "write the contract's actions as one of these"
                )
            require_one_gripper(contract.action)
            self._needs_gripper = gripper is not None and gripper not in MeasuredPose(contract).measured.tolist()
            if self._needs_gripper:
                listen_to_gripper(node, self._on_gripper, self._on_command_refused)

    def begin(self, span_ns: tuple[int, int] | None = None) -> EpisodeRecording:
        """Begins an episode in place of any other; `span_ns` as in EpisodeRecording."""
        settings = self._settings
        max_skew_ns = self._contract.skew_ns(settings.max_skew_s)
        in_order = settings.pairing == "order"
        recording = EpisodeRecording(
            self._contract, in_order, max_skew_ns, settings.actions, span_ns, self._command_topic
        )
        for stamp_ns, state in self._recent:
            recording.add_state(stamp_ns, state)
        for stamp_ns, command in self._recent_commands:
            recording.add_command(stamp_ns, command)
        if self._gripper is not None:
            recording.add_gripper(self._gripper)
        self.recording = recording
        return recording

    def end(self) -> EpisodeRecording | None:
        """Ends the episode; frames that were handed out may still come back to it."""
        recording, self.recording = self.recording, None
        if recording and self._needs_gripper and self._gripper is None:
            recording.refuse(
                f"no {GRIPPER_TOPIC} has come since the recorder began, so that every row would hold the gripper at "
                "its low bound; check its remapping, or command it once where it never moves"
            )
        return recording

    def ready(self, frame: Frame) -> bool:
        """Whether all that this frame needs besides itself has come, but for the camera's pose."""
        return self._perception.ready(frame)

    def observe(self, recording: EpisodeRecording, frame: Frame) -> None:
        """Makes the row of a frame, off the executor. Raises ObservationError where it cannot be made."""
        depth = self._perception.depth_image(frame) if self._settings.record_depth else None
        seen = self._perception.observe(frame)
        recording.add_frame(Observed(frame.stamp_ns, seen.cloud, depth, seen.images))
        if recording.refusal:
            self._refused("episode", recording.refusal)

    def refuse(self, recording: EpisodeRecording, error: ObservationError) -> None:
        """A frame has no row; the episode cannot be kept."""
        self._refused("image", error)
        recording.refuse(str(error))

    def provenance(self, recording: EpisodeRecording) -> dict[str, Any]:
        """What the dataset says of how an episode came about."""
        noise = self._settings.camera_noise
        made = {"recorded": True, "missing_images": recording.gaps}
        return made if noise == "none" else {**made, "camera_noise": noise}

    # --- in

    def _on_frame(self, frame: Frame) -> None:
        recording = self.recording
        if recording is None:
            return
        if frame.fault and frame.fault.harmless:
            self._refused("image", frame.fault)
        elif recording.frame_seen(frame.stamp_ns):
            self._take(recording, frame)

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        if self._recent and stamp_ns < self._recent[-1][0] - RESTART_NS:
            before, self._stray = self._stray, (stamp_ns, state)
            if before is None:  # one alone is a stamp's error
                return
            self._recent.clear()  # the clock was set back
            if self.recording:
                self.recording.forget_states()
            self._add_state(*before)
        self._stray = None
        self._add_state(stamp_ns, state)

    def _add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        self._recent.append((stamp_ns, state))
        if self.recording:
            self.recording.add_state(stamp_ns, state)

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refuse_all("state", error)

    def _on_command(self, stamp_ns: int, command: NDArray[np.float64]) -> None:
        self._remember(stamp_ns, command)
        if self.recording:
            self.recording.add_command(stamp_ns, command)

    def _remember(self, stamp_ns: int, command: NDArray[np.float64]) -> None:
        """A command with a stamp may be the answer to an image that is still on its way."""
        if self._settings.pairing == "order" or not stamp_ns:
            return
        if self._recent_commands and stamp_ns < self._recent_commands[-1][0]:  # the clock was set back
            self._recent_commands.clear()
        self._recent_commands.append((stamp_ns, command))

    def _on_command_refused(self, error: ObservationError) -> None:
        self._refuse_all("command", error)

    def _on_gripper(self, value: float) -> None:
        self._gripper = value
        if self.recording:
            self.recording.add_gripper(value)

    def _refuse_all(self, what: str, error: ObservationError) -> None:
        self._refused(what, error)
        if self.recording:
            self.recording.refuse(str(error))
