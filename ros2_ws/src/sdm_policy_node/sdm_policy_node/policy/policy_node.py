"""policy_node: depth image, point cloud or colour images and joint states in, action chunks (or commands) out."""

from __future__ import annotations

import time
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import Anchor, absolute
from sdm_core.commands.inline_commands import InlineCommands
from sdm_core.commands.plausible_chunk import require_orientations, require_plausible
from sdm_core.errors import ContractError, ObservationError, SdmError
from sdm_core.perception.crop_box import CropBox
from sdm_core.runtime.demonstrated_range import DemonstratedRange
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import Heartbeat, PolicyTrace
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Header

from sdm_policy_node.chunk_message import to_chunk_message
from sdm_policy_node.contract_file import CHECKPOINT_IN_USE, readable_contract
from sdm_policy_node.liveness import HEARTBEAT_PERIOD_S
from sdm_policy_node.parameter_changes import allow_changes
from sdm_policy_node.parameters import PolicyParameters, declare
from sdm_policy_node.policy.policy_loop import Answer, Plan, PolicyLoop
from sdm_policy_node.policy.sight import Sight
from sdm_policy_node.refusals import Refusals
from sdm_policy_node.run_node import run_node, start_by_itself
from sdm_policy_node.sinks.command_sinks import command_sink
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.sources.perception import Perception
from sdm_policy_node.sources.state_source import StateSource
from sdm_policy_node.time_stamps import to_message
from sdm_policy_node.told_errors import tells_errors

# A state that no demonstration shows is told of so often, as long as it lasts.
_STRANGER_PERIOD_S = 5.0


@tells_errors
class PolicyNode(LifecycleNode):
    """Refuses to configure where contract and live sensors disagree; while active answers every frame with a trace.

    The crop box may be changed at any time, the checkpoint while nothing is configured.
    """

    def __init__(self) -> None:
        super().__init__("policy_node")
        self._loop: PolicyLoop | None = None
        self._while_active = ExitStack()  # what is given up when the node is active no more
        self._configured = False
        self._cropped_otherwise = False
        self._settings = declare(self, PolicyParameters)
        self._refusals = Refusals(self)
        self._sight = Sight(self._settings.silent_frames)
        self._refuses = False
        reliable = self._settings.reliable_sensors
        contract = readable_contract(self._settings.checkpoint)
        self._perception = Perception(
            self, self._settings, contract, self._on_frame, max_age_s=self._settings.max_age_s
        )
        self._states = StateSource(self, reliable, self._on_state, self._on_state_refused)
        self._camera_pose = CameraPose(self, self._settings.camera_frame, self._settings.tf_timeout_s)
        allow_changes(self, lambda: self._settings, self._change)
        if self._settings.autostart:
            start_by_itself(self, self._settings.startup_wait_s)

    # --- lifecycle

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        try:
            self._prepare()
        except SdmError as error:
            self.get_logger().error(f"not configured: {error}")
            return TransitionCallbackReturn.FAILURE
        self._configured = True
        return TransitionCallbackReturn.SUCCESS

    def _prepare(self) -> None:
        p = self._settings
        if not p.checkpoint:
            raise ContractError("parameter checkpoint is empty; name the folder of an exported policy")
        if p.command == "inline" and not p.dry_run and not self.get_parameter("use_sim_time").value:
            raise ContractError(
                "command:=inline writes to the robot past command_node's checks, and belongs to a simulation "
                "(use_sim_time:=true); set command:=chunk, and start command_node"
            )
        self._runtime = PolicyRuntime(p.checkpoint, p.backend, p.threads, noise_scale=p.noise_scale)
        contract = self._contract = self._runtime.contract
        self._steps = contract.replanned(p.replan_steps or contract.n_action_steps).n_action_steps
        differences = self._perception.differences(contract) + self._states.differences(contract)
        if differences:
            raise ContractError(f"{p.checkpoint} does not fit the robot: {'; '.join(differences)}")
        self._perception.configure(contract, self._camera_pose)
        self._crop_to(CropBox(p.crop_low, p.crop_high))
        self._anchor = Anchor(contract)
        self._absolute = absolute(contract)
        self._demonstrated = DemonstratedRange(contract)
        self._inline = self._sink = None
        if p.command == "inline":
            self._inline = InlineCommands(contract, self._steps, p.scheduler)
            if not p.dry_run:
                self._sink = command_sink(p.sink)(self, self._absolute, depth=2 * self._steps)
        self._traces = self.create_publisher(PolicyTrace, "~/trace", QoSProfile(depth=100))

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        p = self._settings
        self._states.configure(self._contract, p.max_skew_s)
        # What is commanded inline, and a dry run, have topics of their own: to be seen, and no robot is to follow them.
        own = "~/" if self._inline or p.dry_run else ""
        with ExitStack() as made:  # what is made before something fails is given up again
            # Whoever publishes these leads the robot: an inactive policy must not, beside an operator.
            self._chunks = self.create_publisher(ActionChunkMessage, f"{own}action_chunk", QoSProfile(depth=10))
            made.callback(self.destroy_publisher, self._chunks)
            self._heartbeat = self.create_publisher(Heartbeat, f"{own}heartbeat", QoSProfile(depth=1))
            made.callback(self.destroy_publisher, self._heartbeat)
            loop = PolicyLoop(
                self._runtime,
                self._perception,
                window=ObservationWindow(self._contract, p.max_age_s, p.max_skew_s),
                max_age_s=p.max_age_s,
                replan_steps=self._steps,
                timeout_s=p.state_timeout_s,
                now_ns=lambda: self.get_clock().now().nanoseconds,
                simulated_clock=self.get_parameter("use_sim_time").value,
                answer=self._on_answer,
                episode_started=self._inline.reset if self._inline else lambda: None,
                clock_set_back=self._camera_pose.forget,
            )
            self._sight.begin(time.perf_counter_ns(), self.resolve_topic_name(self._perception.topic))
            loop.start(p.seed)
            made.callback(loop.stop)
            beats = self.create_timer(HEARTBEAT_PERIOD_S, self._beat, clock=Clock(clock_type=ClockType.STEADY_TIME))
            made.callback(self.destroy_timer, beats)
            episodes = self.create_service(StartEpisode, "~/start_episode", self._on_start_episode)
            made.callback(self.destroy_service, episodes)
            self._while_active = made.pop_all()
        self._loop = loop
        command = f"command {p.command}{' (dry run)' if p.dry_run else ''}"
        self.get_logger().info(f"active: {self._contract.task}, {p.checkpoint} on {p.backend}, {command}")
        return super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: State) -> TransitionCallbackReturn:
        """A transition has failed half-way: another checkpoint may do better."""
        self._stop()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()

    def _release(self) -> None:
        """Undoes `on_configure`. Does nothing where nothing is configured."""
        if not self._configured:
            return
        self._configured = False
        self.destroy_publisher(self._traces)
        if self._sink:
            self._sink.close()

    def _stop(self) -> None:
        """Undoes `on_activate`. Does nothing where nothing is active."""
        loop, self._loop = self._loop, None
        self._while_active.close()
        if loop and (loop.overtaken or self._refusals.counts):
            refused = self._refusals.summary() or "nothing"
            self.get_logger().info(f"refused: {refused}; {loop.overtaken} frames overtaken by newer ones")

    # --- changes

    def _change(self, changed: PolicyParameters) -> None:
        """Takes parameters that somebody has set. Raises SdmError, and changes nothing, where that may not be."""
        if self._configured and changed.checkpoint != self._settings.checkpoint:
            raise ContractError(CHECKPOINT_IN_USE)
        box = CropBox(changed.crop_low, changed.crop_high)
        if self._configured and box != CropBox(self._settings.crop_low, self._settings.crop_high):
            self._crop_to(box)
        self._settings = changed

    def _crop_to(self, box: CropBox) -> None:
        self._perception.crop_to(box)
        own = self._contract.observation.cloud
        if own is None:
            return
        cloud, before = box.of(own), self._cropped_otherwise
        self._cropped_otherwise = cloud != own
        if self._cropped_otherwise and not before:
            self.get_logger().warning(
                f"clouds are cropped to {cloud.crop_low}–{cloud.crop_high} (m); "
                f"the policy was trained with {own.crop_low}–{own.crop_high}"
            )
        elif before and not self._cropped_otherwise:
            self.get_logger().info("clouds are cropped to the contract's box again")

    # --- in

    def _on_frame(self, frame: Frame) -> None:
        if self._loop is None:
            return
        if frame.fault is None:
            self._sight.image(frame.received_ns)
            self._loop.add_frame(frame)
        else:  # it must not take the turn of a sound one that waits
            self._on_answer(Answer(frame, refusal=str(frame.fault), refused=f"{frame.fault.kind} image"))

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        if not self._loop:
            return
        try:
            self._loop.add_state(stamp_ns, state)
        except ObservationError as error:
            self._refusals.note("state", error)

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._refusals.note("state", error)
        if self._loop:
            self._loop.refuse_state(stamp_ns, str(error))

    def _on_start_episode(
        self, request: StartEpisode.Request, response: StartEpisode.Response
    ) -> StartEpisode.Response:
        if self._loop:
            self._loop.start_episode(request.seed)
            response.success, response.message = True, f"episode with seed {request.seed}"
        else:
            response.success, response.message = False, "policy_node is not active"
        return response

    # --- out, on the loop's thread except for the heartbeat

    def _beat(self) -> None:
        loop = self._loop  # which another thread may end meanwhile
        if loop is None:
            return
        refusal = self._sight.refusal(time.perf_counter_ns())
        if loop.stalled_s() > self._settings.stall_s:
            refusal = f"an answer has taken longer than {self._settings.stall_s} s; it hangs, or stall_s is too short"
        if refusal and not self._refuses:
            self._refusals.note("motion", refusal)
        self._refuses = bool(refusal)
        header = Header(stamp=self.get_clock().now().to_msg())
        self._heartbeat.publish(Heartbeat(header=header, refusal=refusal))

    def _on_answer(self, answer: Answer) -> None:
        if not self.context.ok():  # a signal came during the inference
            return
        trace = PolicyTrace(
            observation_stamp=to_message(answer.frame.stamp_ns),
            cloud_ms=answer.cloud_ms,
            inference_ms=answer.inference_ms,
            refusal=answer.refusal,
        )
        if answer.plan:
            trace.sequence = answer.plan.chunk.sequence
            try:
                (self._command_inline if self._inline else self._send_chunk)(answer.plan, answer, trace)
            except SdmError as error:
                trace.refusal = str(error)
        if answer.frame.fault is None or not answer.frame.fault.harmless:
            self._sight.judged(answer.frame.received_ns, trace.refusal)
            if trace.refusal and not self._refuses:
                self._beat()  # the robot stops at once, and not with the next beat
        if trace.refusal:
            self._refusals.note(answer.refused, trace.refusal)
        trace.header.stamp = self.get_clock().now().to_msg()
        self._traces.publish(trace)
        if answer.plan and (stranger := self._demonstrated.outside(answer.plan.state)):
            self.get_logger().warning(stranger, throttle_duration_sec=_STRANGER_PERIOD_S)

    def _command_inline(self, plan: Plan, answer: Answer, trace: PolicyTrace) -> None:
        """Commands the simulated robot for as many periods as lie before the next chunk, through the gate in here."""
        assert self._inline
        begin = time.perf_counter_ns()
        interventions: set[str] = set()
        for decision in self._inline.commands(plan.chunk, plan.state):
            interventions.update(decision.interventions)
            if decision.command is not None and self._sink:
                self._sink.publish_gripper(decision.command, decision.held)
                self._sink.publish(decision.command, self.get_clock().now().to_msg())
                trace.commands += 1
            if trace.loop_ms == 0.0:
                self._note_times(trace, begin, answer)
        trace.interventions = sorted(interventions)
        if self._chunks.get_subscription_count():
            self._publish_chunk(self._anchor.absolute(plan.chunk, plan.state), answer)

    def _send_chunk(self, plan: Plan, answer: Answer, trace: PolicyTrace) -> None:
        """Leaves the chunk to command_node. Raises SdmError where no robot could be meant to follow it."""
        begin = time.perf_counter_ns()
        require_orientations(plan.chunk, self._contract)
        chunk = self._anchor.absolute(plan.chunk, plan.state)
        require_plausible(chunk, self._absolute)
        self._publish_chunk(chunk, answer)
        self._note_times(trace, begin, answer)

    def _publish_chunk(self, chunk: ActionChunk, answer: Answer) -> None:
        message = to_chunk_message(chunk, self._contract)
        message.header.stamp = self.get_clock().now().to_msg()
        message.received = to_message(answer.frame.received_wall_ns)
        message.cloud_ms, message.inference_ms = answer.cloud_ms, answer.inference_ms
        self._chunks.publish(message)

    @staticmethod
    def _note_times(trace: PolicyTrace, begin: int, answer: Answer) -> None:
        """Up to the first message that left."""
        now = time.perf_counter_ns()
        trace.gate_publish_ms = (now - begin) / 1e6
        trace.loop_ms = (now - answer.frame.received_ns) / 1e6


def main() -> None:
    run_node(PolicyNode)
