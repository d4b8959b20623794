"""The life of a node's process, here within the test's: what ends it, and what does not."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from helpers.domain import own_domain
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from sdm_cockpit import cockpit_node
from sdm_core.errors import SdmError
from sdm_policy_node.commands import command_node
from sdm_policy_node.policy import policy_node
from sdm_policy_node.realsense import realsense_node
from sdm_policy_node.recording import recorder_node
from sdm_policy_node.run_node import run_node, start_by_itself
from sdm_policy_node.teleop import teleop_node
from sdm_policy_node.tool_node import tool_node

IMPOSSIBLE = (
    "Failed to trigger lifecycle state machine transition: Transition is not registered., at rcl_lifecycle.c:355"
)


@pytest.fixture(autouse=True)
def process(monkeypatch) -> Iterator[None]:
    """What run_node changes of the test's own process is put back."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    interval = sys.getswitchinterval()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    sys.setswitchinterval(interval)
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Asking(LifecycleNode):
    """Asks a service of its own once, keeps the answer, and ends the process."""

    def __init__(self, kind: type, name: str, request: object) -> None:
        super().__init__("asking")
        self.answer: object = None
        self._request = request
        self._client = self.create_client(kind, name)
        self._deadline = time.monotonic() + 20.0
        self._timer = self.create_timer(0.2, self._ask)

    def _ask(self) -> None:
        assert time.monotonic() < self._deadline, "no answer"
        if self._request is not None and self._client.service_is_ready():
            self._client.call_async(self._request).add_done_callback(self._on_answer)
            self._request = None

    def _on_answer(self, future) -> None:
        self.answer = future.result()
        signal.raise_signal(signal.SIGTERM)


class Raising(Asking):
    """Its `~/change_state` raises, as that of a real Humble or Jazzy does."""

    def __init__(self, error: Exception) -> None:
        request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
        super().__init__(ChangeState, "asking/change_state", request)
        self._error = error
        (service,) = (service for service in self.services if service.srv_type is ChangeState)
        service.callback = self._raise

    def _raise(self, request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        raise self._error


@pytest.mark.parametrize("farewell", [True, False])
def test_an_impossible_transition_is_refused_where_rclpy_raises(capfd, farewell):
    made: list[Raising] = []
    run_node(lambda: made.append(Raising(RuntimeError(IMPOSSIBLE))) or made[0], farewell=farewell)
    assert made[0].answer == ChangeState.Response(success=False)
    assert "transition 3 refused: the present state does not have it; nothing changed" in capfd.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("Could not publish transition"), ValueError("a shape")])
def test_whatever_else_a_change_of_state_raises_ends_the_node(error):
    with pytest.raises(type(error), match=str(error)):
        run_node(lambda: Raising(error), farewell=True)


def test_a_node_that_somebody_has_configured_does_not_start_by_itself(capfd):
    made: list[Asking] = []

    def make() -> Asking:
        made.append(Asking(GetState, "asking/get_state", GetState.Request()))
        start_by_itself(made[0], 0.0)
        made[0].trigger_configure()
        return made[0]

    run_node(make, farewell=True)
    assert made[0].answer == GetState.Response(current_state=State(id=State.PRIMARY_STATE_INACTIVE, label="inactive"))
    assert "does not start by itself: " in capfd.readouterr().err


@pytest.mark.parametrize("ignored", [True, False])
def test_a_terminal_s_end_is_ignored_where_it_was(ignored):
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    handlers = []

    def make() -> Asking:
        handlers.append(signal.getsignal(signal.SIGHUP))
        raise SdmError("enough")

    with pytest.raises(SystemExit):
        run_node(make, farewell=True)
    assert (handlers[0] == signal.SIG_IGN) == ignored
    assert handlers[0] != signal.SIG_DFL


@pytest.mark.parametrize(
    ("main", "given", "line"),
    [
        (command_node.main, "rate_hz:=100", "rate_hz: 100 is no floating-point number; write 100.0"),
        (command_node.main, "speed_share:=2.0", "speed_share: 2.0 is out of range; give one from 0.01 to 1.0"),
        (
            command_node.main,
            "workspace_low:=[0, -1, 0]",
            "workspace_low: [0, -1, 0] is no list of floating-point numbers; write [0.0, -1.0, 0.0]",
        ),
        (command_node.main, "dry_run:=1", "dry_run: 1 is neither true nor false"),
        (policy_node.main, "threads:=2.5", "threads: 2.5 is no integer"),
        (policy_node.main, "max_age_s:=soon", "max_age_s: 'soon' is no floating-point number"),
        (recorder_node.main, "frozen_frames:=-1", "frozen_frames: -1 is out of range; give one from 0 to 1000"),
        (realsense_node.main, "serial:=8421", "serial: 8421 is no text; write '8421', in quotes"),
        (teleop_node.main, "key_hold_s:=1", "key_hold_s: 1 is no floating-point number; write 1.0"),
        (cockpit_node.main, "port:=70000", "port: 70000 is out of range; give one from 0 to 65535"),
    ],
)
def test_a_parameter_that_is_refused_ends_its_node_with_one_line(monkeypatch, capfd, main, given, line):
    monkeypatch.setattr(sys, "argv", ["node", "--ros-args", "-p", given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == f"error: parameter {line}"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["dry_run: true\n", "command_node:\n  dry_run: true\n", "ros__parameters:\n  a: 1\n"])
def test_a_file_of_parameters_without_its_form_ends_the_node_with_one_line(monkeypatch, tmp_path, text):
    file = tmp_path / "cell.yaml"
    file.write_text(text)
    monkeypatch.setattr(sys, "argv", ["node", "--ros-args", "--params-file", str(file)])
    with pytest.raises(SystemExit) as ended:
        command_node.main()
    (line,) = str(ended.value.code).splitlines()
    assert line.startswith("error: ")
    assert str(file) in line
    assert line.endswith(
        "; write `/**:` first, below it, indented, `ros__parameters:`, and below that, indented further, the parameters"
    )


def test_arguments_that_ros_cannot_read_end_the_node_with_one_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["node", "--ros-args", "-r", "pose"])
    with pytest.raises(SystemExit, match=r"^error: .*-r pose.*; mend this argument, or the file that it names$"):
        policy_node.main()


def test_arguments_that_ros_cannot_read_end_a_command_of_the_terminal_with_one_line():
    unreadable = ["--ros-args", "-r", "pose"]
    with pytest.raises(SystemExit, match=r"^error: .*-r pose.*; mend this argument"), tool_node("crop", unreadable):
        pytest.fail("there is no node")


class Interrupted(Node):
    """Is interrupted, and again while it ends, as by a launch whose whole group was."""

    def __init__(self) -> None:
        super().__init__("interrupted")
        self.ended = False
        self._timer = self.create_timer(0.05, lambda: signal.raise_signal(signal.SIGINT))

    def destroy_node(self) -> None:
        signal.raise_signal(signal.SIGINT)
        super().destroy_node()
        self.ended = True


@pytest.mark.parametrize("farewell", [True, False])
def test_a_node_that_is_ending_is_not_interrupted_again(farewell):
    made: list[Interrupted] = []
    run_node(lambda: made.append(Interrupted()) or made[0], farewell=farewell)
    signal.raise_signal(signal.SIGINT)  # nor is what is left of its process
    assert made[0].ended
