"""The life of a node's process."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sdm_core.errors import SdmError

# The executor and the loop beside it share one interpreter: the default of 5 ms would be added to a command's latency.
_SWITCH_INTERVAL_S = 5e-4
# An idle node looks at least this often whether a signal has come.
_SIGNAL_PERIOD_S = 0.1
# What every rcl says of a parameter file that names no node, or lacks this line.
_PARAMETERS = "ros__parameters"
_FORM = f"write `/**:` first, below it, indented, `{_PARAMETERS}:`, and below that, indented further, the parameters"
# What rcl_lifecycle says of a transition that the present state does not have, before it changes anything.
_NO_SUCH_TRANSITION = "Transition is not registered"


def run_node(make: Callable[[], Node], *, farewell: bool = False) -> None:
    """Makes a node and spins it until a signal or shutdown; a user's error ends it with one line and status 1.

    A signal ends the context at once, and with it all that the node could still say; with `farewell` only after the
    node has been made and destroyed, so that it may publish until then. SIGHUP, a terminal's end, is such a signal with
    `farewell` alone, and not where it is ignored already (`nohup`).
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    initialise(SignalHandlerOptions.NO if farewell else SignalHandlerOptions.ALL)
    signalled = _noted_signals() if farewell else []
    node = None
    try:
        node = make()
        _refuse_impossible_transitions(node)
        if farewell:
            _spin_until(node, signalled)
        else:
            rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except SdmError as error:
        sys.exit(f"error: {error}")
    finally:
        # A launch without a terminal sends a second SIGINT to those that a first one to their group has ended already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()  # brings back the handlers that `init` found
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.unfreeze()  # what is frozen is never freed, and native libraries report it as leaked when the process ends


def initialise(handlers: SignalHandlerOptions, arguments: list[str] | None = None) -> None:
    """Takes ROS arguments, the process's by default; such as cannot be read end it with one line and status 1."""
    try:
        rclpy.init(args=arguments, signal_handler_options=handlers)
    except RuntimeError as error:  # of an RCLError, which has no public name; it names the argument, and a file's path
        line = " ".join(str(error).split())
        fix = _FORM if _PARAMETERS in line else "mend this argument, or the file that it names"
        sys.exit(f"error: {line}; {fix}")


def _noted_signals() -> list[int]:
    """Those that tell this process to end, as they come."""
    signalled: list[int] = []
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    for number in (signal.SIGINT, signal.SIGTERM, *hang_up):
        signal.signal(number, lambda number, frame: signalled.append(number))
    return signalled


def _spin_until(node: Node, signalled: list[int]) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not signalled:
        executor.spin_once(timeout_sec=_SIGNAL_PERIOD_S)


def _refuse_impossible_transitions(node: Node) -> None:
    """Lets `~/change_state` answer false where rclpy of Humble and Jazzy raises, which would end the process."""
    for service in node.services:
        if service.srv_type.__name__ == "ChangeState":
            service.callback = _refusing(node, service.callback)


def _refusing(node: Node, change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @wraps(change)
    def refusing(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except RuntimeError as error:  # of an RCLError, which has no public name
            if _NO_SUCH_TRANSITION not in str(error):
                raise
        wanted = request.transition.label or request.transition.id
        node.get_logger().warning(f"transition {wanted} refused: the present state does not have it; nothing changed")
        response.success = False
        return response

    return refusing


def start_by_itself(node: LifecycleNode, after_s: float) -> None:
    """Configures and activates a lifecycle node once it has spun for `after_s` seconds of wall time.

    Where somebody has changed its state by then, it stays as it is.
    """

    def start() -> None:
        timer.cancel()
        try:
            if node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                node.trigger_activate()
        except RuntimeError as error:  # of an RCLError, which has no public name; what callbacks raise stays in rclpy
            node.get_logger().warning(f"does not start by itself: {error}")
        gc.freeze()  # a full collection over all that start-up has built would last for many control periods

    timer = node.create_timer(after_s, start, clock=Clock(clock_type=ClockType.STEADY_TIME))
