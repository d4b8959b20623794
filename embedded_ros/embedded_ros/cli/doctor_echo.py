"""The doctor's other process: answers messages and service calls until its standard input ends."""

from __future__ import annotations

import contextlib
import sys
import threading

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger


class Echo(Node):
    def __init__(self, prefix: str) -> None:
        super().__init__("_doctor_echo", start_parameter_services=False)
        pong = self.create_publisher(String, f"{prefix}/pong", 10)
        self.create_subscription(String, f"{prefix}/ping", pong.publish, 10)
        self.create_service(Trigger, f"{prefix}/trigger", lambda request, response: response)


def main(prefix: str) -> None:
    rclpy.init(args=[])
    node = Echo(prefix)

    def end_with_input() -> None:
        sys.stdin.read()
        rclpy.try_shutdown()

    threading.Thread(target=end_with_input, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main(sys.argv[1])
