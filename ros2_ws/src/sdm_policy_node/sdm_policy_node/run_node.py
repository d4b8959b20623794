"""The life of a node's process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node
from sdm_core.errors import SdmError

# The executor and the loop beside it share one interpreter: the default of 5 ms would be added to a command's latency.
_SWITCH_INTERVAL_S = 5e-4


def run_node(make: Callable[[], Node]) -> None:
    """Makes a node and spins it until a signal or shutdown; a user's error ends it with one line and status 1."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    rclpy.init()
    node = None
    try:
        node = make()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except SdmError as error:
        sys.exit(f"error: {error}")
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def start_by_itself(node: LifecycleNode, after_s: float) -> None:
    """Configures and activates a lifecycle node once it has spun for `after_s` seconds of wall time."""

    def start() -> None:
        timer.cancel()
        if node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            node.trigger_activate()
        gc.freeze()  # a full collection over all that start-up has built would last for many control periods

    timer = node.create_timer(after_s, start, clock=Clock(clock_type=ClockType.STEADY_TIME))
