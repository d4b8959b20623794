"""recorder_node: the topics that a policy observes, and the commands given meanwhile, into a dataset."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.task import Future
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import ContractError, DatasetError, ObservationError, SdmError
from sdm_core.perception.static_transforms import read_transforms
from std_srvs.srv import SetBool, Trigger

from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.parameters import RecorderParameters, declare
from sdm_policy_node.recording.episode_events import EpisodeEvents
from sdm_policy_node.recording.episode_recorder import COMPANIONS_WAIT_NS, EpisodeRecorder
from sdm_policy_node.recording.episode_recording import EpisodeRecording
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.run_node import run_node
from sdm_policy_node.sources.observation_source import Frame

_POLL_S = 0.002


class RecorderNode(Node):
    """Between `~/start` and `~/keep` or `~/label` every image becomes a row; `~/discard` forgets them.

    `~/label` keeps the episode as a success (true) or a failure (false); between episodes it judges the last one anew.
    A kept episode is on disk whole or, if the disk is full or the rows do not fit the contract, not at all; those
    before it are never touched. Commands are only listened to. Clouds are made, and episodes stored, on a thread of
    their own, in order.
    """

    def __init__(self) -> None:
        self._listened: dict[str, str] = {}
        super().__init__("recorder_node")
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._do_work, name="clouds", daemon=True)
        p = declare(self, RecorderParameters)
        self._refusals = Refusals(self)
        contract = load_contract(p.checkpoint)
        if not p.output:
            raise ContractError("parameter output is empty; name the .zarr dataset to append to")
        self._last_kept: int | None = None
        transforms = read_transforms(p.extrinsics) if p.extrinsics else []
        self._recorder = EpisodeRecorder(
            self,
            p,
            contract,
            lambda recording, frame: self._work.put(partial(self._make_row, recording, frame)),
            self._refusals.note,
            transforms,
        )
        self._events = EpisodeEvents(self, contract, p, self._listened, transforms)
        # Once all else is accepted: what is refused leaves no empty dataset behind.
        self._store = EpisodeStore.open_or_create(p.output, contract)
        # Of their own: keeping awaits the last frames' messages, which must not wait for it.
        services = MutuallyExclusiveCallbackGroup()
        self.create_service(Trigger, "~/start", self._on_start, callback_group=services)
        self.create_service(Trigger, "~/keep", self._on_keep, callback_group=services)
        self.create_service(SetBool, "~/label", self._on_label, callback_group=services)
        self.create_service(Trigger, "~/discard", self._on_discard, callback_group=services)
        self._thread.start()
        self.get_logger().info(f"ready: {p.output} holds {len(self._store)} episodes")

    def create_subscription(self, msg_type: Any, topic: str, *args: Any, **kwargs: Any) -> Subscription:
        """As rclpy's; remembers what the topic's name was resolved to."""
        subscription = super().create_subscription(msg_type, topic, *args, **kwargs)
        self._listened[topic] = subscription.topic_name
        return subscription

    def destroy_node(self) -> None:
        if self._thread.is_alive():
            self._work.put(None)
            self._thread.join()
        super().destroy_node()

    # --- on the thread

    def _do_work(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _make_row(self, recording: EpisodeRecording, frame: Frame) -> None:
        try:
            self._await_companions(frame)
            self._recorder.observe(recording, frame)
        except ObservationError as error:
            self._recorder.refuse(recording, error)
        except Exception as error:  # such as tf2's: it must cost the episode, and never the thread
            self._recorder.refuse(recording, ObservationError(f"{type(error).__name__}: {error}"))

    def _await_companions(self, frame: Frame) -> None:
        deadline_ns = frame.received_ns + COMPANIONS_WAIT_NS
        while not self._recorder.ready(frame) and time.perf_counter_ns() < deadline_ns:
            time.sleep(_POLL_S)

    def _stored(self, recording: EpisodeRecording, success: bool | None) -> tuple[int, str]:
        """Stores an episode; how many rows, or 0 and why not."""
        try:
            episode = recording.episode()
            self._store.append(episode, self._recorder.provenance(recording), success)
        except SdmError as error:
            return 0, str(error)
        except Exception as error:  # such as no memory: it must end in an answer, and never in a dead thread
            return 0, f"{type(error).__name__}: {error}"
        return len(episode.state), ""

    # --- services

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        replaced = "; the one before it is discarded" if self._recorder.recording else ""
        self._recorder.begin()
        self._events.started()
        response.success, response.message = True, f"recording episode {len(self._store)}{replaced}"
        return response

    async def _on_keep(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = await self._keep_episode(None)
        return response

    async def _on_label(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if self._recorder.recording:
            response.success, response.message = await self._keep_episode(request.data)
        else:
            response.success, response.message = self._judge_last(request.data)
        return response

    def _on_discard(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        recording = self._recorder.end()
        if recording:
            self._events.discarded()
        response.success, response.message = True, f"discarded {len(recording.frames) if recording else 0} rows"
        return response

    async def _keep_episode(self, success: bool | None) -> tuple[bool, str]:
        """Stores the episode that is being recorded, once all its frames have their rows; whether it could, and a line
        about it."""
        recording = self._recorder.end()
        if recording is None:
            return False, "nothing is being recorded; call ~/start first"
        stored = Future(executor=self.executor)
        stored.add_done_callback(lambda _: None)  # an executor wakes for it, though no message comes any more
        self._work.put(lambda: stored.set_result(self._stored(recording, success)))
        rows, refusal = await stored
        if refusal:
            self.get_logger().error(f"not kept: {refusal}")
            self._events.kept(recording, success, 0, refusal)
            return False, refusal
        self._last_kept = len(self._store) - 1
        self._events.kept(recording, success, rows)
        line = f"episode {self._last_kept}: {recording.account(rows, success)}"
        self.get_logger().info(f"kept {line}")
        return True, line

    def _judge_last(self, success: bool) -> tuple[bool, str]:
        """Labels the episode that was stored last; whether it could, and a line about it."""
        try:
            if self._last_kept is None:
                raise DatasetError("no episode was recorded since this node began; call ~/start first")
            self._store.label(self._last_kept, success)
        except SdmError as error:
            return False, str(error)
        self._events.labelled(success)
        return True, f"episode {self._last_kept} is a {'success' if success else 'failure'}"


def main() -> None:
    run_node(RecorderNode)
