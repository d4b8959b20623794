"""command_node, the only process that writes to the robot: chunks and heartbeat in, gated commands out."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from sdm_core.commands.workspace import Workspace
from sdm_core.errors import ContractError, SdmError
from std_srvs.srv import Trigger

from sdm_policy_node.commands.command_diagnostics import CommandDiagnostics
from sdm_policy_node.commands.command_loop import CommandLoop
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.operator_services import OperatorServices
from sdm_policy_node.contract_file import CHECKPOINT_IN_USE
from sdm_policy_node.parameter_changes import allow_changes
from sdm_policy_node.parameters import CommandParameters, declare
from sdm_policy_node.run_node import run_node, start_by_itself
from sdm_policy_node.told_errors import tells_errors


@tells_errors
class CommandNode(LifecycleNode):
    """Silent until chunk and heartbeat come; then one command a period; a stop when either ends: hold, then silence.

    Whoever ends it, by a transition or a signal, the robot is brought to rest first. The workspace may be changed while
    the robot is not commanded to move, within the one of the start; the checkpoint while nothing is configured.
    `~/pause` is offered in every state: whoever activates it may let the robot wait for `~/resume`.
    """

    def __init__(self) -> None:
        super().__init__("command_node")
        self._interlock = Interlock()
        self._loop: CommandLoop | None = None
        self._operator: OperatorServices | None = None
        self._settings = declare(self, CommandParameters)
        self._first_workspace = _workspace(self._settings)
        self._first_workspace.require_within(self._first_workspace)  # a bound that is nan would bound nothing
        self._diagnostics = CommandDiagnostics(self, self._interlock)
        self.create_service(Trigger, "~/pause", self._on_pause)
        allow_changes(self, lambda: self._settings, self._change)
        if self._settings.autostart:
            start_by_itself(self, 0.0)

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        try:
            self._loop = CommandLoop(self, self._settings, self._interlock)
        except SdmError as error:
            self.get_logger().error(f"not configured: {error}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        assert self._loop
        self._operator = OperatorServices(self, self._loop, self._interlock, self._settings.recovery_action)
        self._loop.start()
        self._diagnostics.watch(self._loop)
        return super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        self._stop()
        self._release()
        return super().on_shutdown(state)

    def on_error(self, state: State) -> TransitionCallbackReturn:
        """A transition has failed half-way: nothing of it stays behind."""
        self._stop()
        self._release()
        return super().on_error(state)

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()

    def _on_pause(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._loop:
            self._loop.stream.pause()
        else:
            self._interlock.paused = True
        response.success, response.message = True, "paused: the robot comes to rest and follows nothing until ~/resume"
        return response

    def _change(self, changed: CommandParameters) -> None:
        """Takes parameters that somebody has set. Raises SdmError, and changes nothing, where that may not be."""
        if self._loop and changed.checkpoint != self._settings.checkpoint:
            raise ContractError(CHECKPOINT_IN_USE)
        workspace = _workspace(changed)
        if workspace != _workspace(self._settings):
            workspace.require_within(self._first_workspace)
            if self._loop:
                self._loop.confine(workspace)
        self._settings = changed

    def _stop(self) -> None:
        """Undoes `on_activate`. Does nothing where nothing is active."""
        operator, self._operator = self._operator, None
        if operator and self._loop:
            operator.close()
            self._diagnostics.watch(None)
            self._loop.stop()

    def _release(self) -> None:
        """Undoes `on_configure`. Does nothing where nothing is configured."""
        if self._loop:
            self._loop.close()
        self._loop = None


def _workspace(settings: CommandParameters) -> Workspace:
    return Workspace(settings.workspace_low, settings.workspace_high)


def main() -> None:
    run_node(CommandNode, farewell=True)
