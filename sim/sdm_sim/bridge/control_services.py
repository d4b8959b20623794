"""Where people ask for what `Controls` does: services, and parameters that may be set while the bridge runs."""

from __future__ import annotations

from dataclasses import fields, replace

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from sdm_core.checkpoint import contract_at
from sdm_core.errors import SdmError
from std_srvs.srv import SetBool, Trigger

from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.parameters import BridgeParameters
from sdm_sim.registry import require_task

_NAMES = frozenset(entry.name for entry in fields(BridgeParameters))


class ControlServices:
    """`~/pause_world`, `~/next_episode`, `~/push_object` and the live parameters; what has no meaning is refused."""

    def __init__(self, node: Node, settings: BridgeParameters, controls: Controls, unpushable: str) -> None:
        """`unpushable` is why nothing can be pushed; empty where something can."""
        self.settings = settings
        """The parameters as they have been set by now."""
        self._controls, self._unpushable = controls, unpushable
        node.create_service(SetBool, "~/pause_world", self._on_pause)
        node.create_service(Trigger, "~/next_episode", self._on_next)
        node.create_service(Trigger, "~/push_object", self._on_push)
        node.add_on_set_parameters_callback(self._on_set)

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._controls.pause(request.data)
        response.success, response.message = True, "time stands still" if request.data else "time goes on"
        return response

    def _on_next(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._controls.running
        response.message = "the episode ends" if response.success else "no episode is under way"
        if response.success:
            self._controls.abandon()
        return response

    def _on_push(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        refusal = self._unpushable or ("" if self._controls.running else "no episode is under way")
        response.success, response.message = not refusal, refusal or "what lies free is pushed aside"
        if response.success:
            self._controls.push()
        return response

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters if parameter.name in _NAMES}
        try:
            settings = replace(self.settings, **given)
            if settings.task != self.settings.task:
                require_task(settings.task)
            if settings.checkpoint and settings.checkpoint != self.settings.checkpoint:
                contract_at(settings.checkpoint)
        except SdmError as error:
            return SetParametersResult(successful=False, reason=str(error).splitlines()[0])
        self.settings = settings
        self._controls.real_time_factor = settings.real_time_factor
        self._controls.latency_s = settings.latency_ms / 1e3
        if given.get("seed", -1) >= 0:
            self._controls.begin_next_with(settings.seed)
        return SetParametersResult(successful=True)
