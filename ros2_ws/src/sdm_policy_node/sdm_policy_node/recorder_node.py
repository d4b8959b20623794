"""recorder_node: the topics that a policy observes, and the commands given meanwhile, into a dataset."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.dataset import EpisodeStore
from sdm_core.errors import ContractError, DatasetError, ObservationError, SdmError
from std_srvs.srv import Trigger

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.command_listener import listen_to_commands
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.episode_recording import EpisodeRecording, Observed
from sdm_policy_node.observation_source import Frame
from sdm_policy_node.parameters import RecorderParameters, declare
from sdm_policy_node.perception import Perception
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.run_node import run_node
from sdm_policy_node.state_source import StateSource

# Clouds are made on a thread of their own, and lag a burst of images by up to this many.
_QUEUE = 200
_COMPANIONS_WAIT_NS, _POLL_S = 500_000_000, 0.002


class RecorderNode(Node):
    """Between `~/start` and `~/keep` every image becomes a row; `~/discard` forgets them.

    A kept episode is on disk whole or, if the disk is full or the rows do not fit the contract, not at all; those
    before it are never touched. Commands are only listened to.
    """

    def __init__(self) -> None:
        super().__init__("recorder_node")
        self._work: queue.Queue[tuple[EpisodeRecording, Frame] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._make_clouds, name="clouds", daemon=True)
        p = self._settings = declare(self, RecorderParameters)
        self._refusals = Refusals(self)
        self._contract = load_contract(p.checkpoint)
        if not p.output:
            raise ContractError("parameter output is empty; name the .zarr dataset to append to")
        self._store = EpisodeStore.open_or_create(p.output, self._contract)
        self._recording: EpisodeRecording | None = None
        lag_s = _QUEUE * self._contract.dt
        self._perception = Perception(self, p, self._contract, self._on_frame, _QUEUE, max_age_s=lag_s)
        self._perception.configure(self._contract, CameraPose(self, p.camera_frame, p.tf_timeout_s))
        states = StateSource(self, p.reliable_sensors, self._on_state, self._on_state_refused, _QUEUE)
        states.configure(self._contract, p.max_skew_s)
        listen_to_commands(self, p.sink, self._contract, self._on_command, self._on_command_refused)
        self.create_service(Trigger, "~/start", self._on_start)
        self.create_service(Trigger, "~/keep", self._on_keep)
        self.create_service(Trigger, "~/discard", self._on_discard)
        self._thread.start()
        self.get_logger().info(f"ready: {p.output} holds {len(self._store)} episodes")

    def destroy_node(self) -> None:
        if self._thread.is_alive():
            self._work.put(None)
            self._thread.join()
        super().destroy_node()

    # --- in

    def _on_frame(self, frame: Frame) -> None:
        if self._recording:
            self._recording.frame_seen()
            self._work.put((self._recording, frame))

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        if self._recording:
            self._recording.add_state(stamp_ns, state)

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)
        if self._recording:
            self._recording.refuse(str(error))

    def _on_command(self, command: NDArray[np.float64]) -> None:
        if self._recording:
            self._recording.add_command(command)

    def _on_command_refused(self, error: ObservationError) -> None:
        self._refusals.note("command", error)
        if self._recording:
            self._recording.refuse(str(error))

    def _make_clouds(self) -> None:
        while (item := self._work.get()) is not None:
            recording, frame = item
            try:
                self._await_companions(frame)
                depth = self._perception.depth_image(frame) if self._settings.record_depth else None
                seen = self._perception.observe(frame)
                recording.add_frame(Observed(frame.stamp_ns, seen.cloud, depth, seen.images))
            except ObservationError as error:
                self._refusals.note("image", error)
                recording.refuse(str(error))
            finally:
                self._work.task_done()
            if recording.refusal:
                self._refusals.note("episode", recording.refusal)
        self._work.task_done()

    def _await_companions(self, frame: Frame) -> None:
        """Waits, for a bounded time, for the other messages of a frame's instant, which arrive in any order."""
        deadline_ns = frame.received_ns + _COMPANIONS_WAIT_NS
        while not self._perception.ready(frame) and time.perf_counter_ns() < deadline_ns:
            time.sleep(_POLL_S)

    # --- services

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        max_skew_ns = int(self._settings.max_skew_s * 1e9) or self._contract.dt_ns // 2
        replaced = "; the one before it is discarded" if self._recording else ""
        self._recording = EpisodeRecording(self._contract, self._settings.reliable_sensors, max_skew_ns)
        response.success, response.message = True, f"recording episode {len(self._store)}{replaced}"
        return response

    def _on_keep(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        recording, self._recording = self._recording, None
        try:
            if recording is None:
                raise DatasetError("nothing is being recorded; call ~/start first")
            self._work.join()
            episode = recording.episode()
            self._store.append(episode, {"recorded": True, "missing_images": recording.gaps})
        except SdmError as error:
            self.get_logger().error(f"not kept: {error}")
            response.success, response.message = False, str(error)
            return response
        response.success = True
        response.message = f"episode {len(self._store) - 1}: {len(episode.state)} rows, {recording.gaps} images missing"
        self.get_logger().info(f"kept {response.message}")
        return response

    def _on_discard(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        rows = len(self._recording.frames) if self._recording else 0
        self._recording = None
        response.success, response.message = True, f"discarded {rows} rows"
        return response


def main() -> None:
    run_node(RecorderNode)
