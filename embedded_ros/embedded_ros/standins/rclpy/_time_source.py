"""Drives a node's clock from `/clock` while its parameter `use_sim_time` is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import SetParametersResult
from rosgraph_msgs.msg import Clock as ClockMessage

from .clock import ROSClock
from .clock_type import ClockType
from .parameter import Parameter
from .qos import QoSProfile, ReliabilityPolicy
from .time import Time

if TYPE_CHECKING:
    from .node import Node

USE_SIM_TIME = "use_sim_time"


class TimeSource:
    def __init__(self, node: Node, clock: ROSClock) -> None:
        self._node, self._clock = node, clock
        self._subscription: Any = None
        if not node.has_parameter(USE_SIM_TIME):
            node.declare_parameter(USE_SIM_TIME, False)
        self._use(node.get_parameter(USE_SIM_TIME).value is True)
        node.add_on_set_parameters_callback(self._on_set_parameters)

    def _on_set_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == USE_SIM_TIME:
                if parameter.type_ is not Parameter.Type.BOOL:
                    return SetParametersResult(successful=False, reason=f"{USE_SIM_TIME} must be a bool")
                self._use(parameter.value)
        return SetParametersResult(successful=True)

    def _use(self, sim_time: bool) -> None:
        self._clock._set_ros_time_is_active(sim_time)
        if sim_time and self._subscription is None:
            qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
            self._subscription = self._node.create_subscription(ClockMessage, "/clock", self._on_clock, qos)
        elif not sim_time and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _on_clock(self, message: ClockMessage) -> None:
        if message.clock.sec < 0:
            self._node.get_logger().error(f"dropped a time on /clock: {message.clock.sec} s is negative", once=True)
            return
        self._clock.set_ros_time_override(Time.from_msg(message.clock, ClockType.ROS_TIME))
