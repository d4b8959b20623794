"""What a human may ask of command_node while it is active."""

from __future__ import annotations

import time

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from sdm_core.errors import CommandError
from sdm_interfaces.srv import StartEpisode
from std_srvs.srv import Trigger

from sdm_policy_node.commands.command_loop import CommandLoop
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.robot_recovery import RobotRecovery


class OperatorServices:
    """`~/start_episode`, `~/reset_fault`, `~/resume`, `~/home` and `~/recover`; `~/pause` is command_node's own."""

    def __init__(self, node: LifecycleNode, loop: CommandLoop, interlock: Interlock, recovery_action: str) -> None:
        self._node = node
        self._loop = loop
        self._interlock = interlock
        self._recovery = RobotRecovery(node, recovery_action)
        self._services = [
            node.create_service(StartEpisode, "~/start_episode", self._on_start_episode),
            node.create_service(Trigger, "~/reset_fault", self._on_reset_fault),
            node.create_service(Trigger, "~/resume", self._on_resume),
            node.create_service(Trigger, "~/home", self._on_home),
            # It awaits the robot's answer, which must not wait for it.
            node.create_service(
                Trigger, "~/recover", self._on_recover, callback_group=MutuallyExclusiveCallbackGroup()
            ),
        ]

    def close(self) -> None:
        """Serves no more."""
        for service in self._services:
            self._node.destroy_service(service)
        self._recovery.close()

    def _on_start_episode(
        self, request: StartEpisode.Request, response: StartEpisode.Response
    ) -> StartEpisode.Response:
        """The next chunk begins anew, at rest; a pause stays in force."""
        fault = self._interlock.fault
        if not fault:
            self._loop.start_episode()
        response.success, response.message = not fault, fault or "ready"
        return response

    def _on_reset_fault(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if others := self._loop.other_publishers():
            response.success, response.message = False, others
            return response
        fault, self._interlock.fault = self._interlock.fault, ""
        response.success, response.message = True, f"cleared: {fault}" if fault else "there was no fault"
        return response

    def _on_resume(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            place = self._loop.stream.resume(time.monotonic())
            latched = self._latched()
            message = f"the pause is lifted{latched}" if latched else f"the next chunk begins {place}"
            response.success, response.message = True, message
        except CommandError as error:
            response.success, response.message = False, str(error)
        return response

    def _on_home(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answers when the motion begins: `/diagnostics` tells when it has ended."""
        try:
            seconds = self._loop.go_home()
            response.success, response.message = True, f"on the way home for {seconds:.1f} s"
        except CommandError as error:
            response.success, response.message = False, str(error)
        return response

    async def _on_recover(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """A pause, so that no commands run away from an arm that does not move yet; then the robot's own recovery. A
        latched fault stays latched."""
        self._loop.stream.pause()
        try:
            await self._recovery.recover()
            message = f"the robot has recovered and is paused{self._latched()}; call ~/resume"
            response.success, response.message = True, message
        except CommandError as error:
            response.success, response.message = False, str(error)
        return response

    def _latched(self) -> str:
        """What keeps the robot still although this was granted; empty where nothing does."""
        fault = self._interlock.fault
        return f"; a fault is still latched: {fault}; call ~/reset_fault when its cause is gone" if fault else ""
