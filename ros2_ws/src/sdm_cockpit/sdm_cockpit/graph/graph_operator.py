"""What a human asks for, as service calls and parameters of the nodes on the graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Empty
from std_srvs.srv import SetBool, Trigger

from sdm_cockpit.graph.checkpoint_change import CheckpointChange, checkpoints_in
from sdm_cockpit.graph.remote_node import RemoteNode
from sdm_cockpit.graph.service_calls import ANSWER_S, RequestRefused, ServiceCalls, Unanswered
from sdm_cockpit.operator import CHOICES, Abilities, Answer
from sdm_cockpit.snapshot import Box

# Which service answers which request.
_TRIGGERS = {
    "pause": "command_node/pause",
    "resume": "command_node/resume",
    "home": "command_node/home",
    "reset_fault": "command_node/reset_fault",
    "record": "recorder_node/start",
    "keep": "recorder_node/keep",
    "discard": "recorder_node/discard",
    "next_episode": "bridge_node/next_episode",
    "push_object": "bridge_node/push_object",
}
_LABELS = {"success": True, "failure": False}
_LABEL = "recorder_node/label"
# They are answered once pending rows have come and the episode is written (s).
_PATIENCE_S = {_TRIGGERS["keep"]: 60.0, _LABEL: 60.0}
_STARTERS = ("policy_node/start_episode", "command_node/start_episode")
_CHECKPOINT, _TASK, _SEED = "checkpoint", "task", "seed"


class GraphOperator:
    """Safe from any thread. A request leaves at once; its answer is awaited on a thread of its own, a second at most,
    or a minute where an episode is written.

    Changes that take several steps follow each other, one at a time.
    """

    def __init__(self, node: Node, checkpoints: Path, kind: str, deadman: Callable[[], bool]) -> None:
        """`checkpoints`: the folder of those to choose from, or of training runs, of this `kind` of action; `deadman`:
        whether command_node asks for one."""
        self._deadman_asked = deadman
        self._checkpoints = checkpoints.absolute()  # nodes may have been started elsewhere
        self._task_of = checkpoints_in(checkpoints, kind)
        self._names, self._tasks = tuple(self._task_of), tuple(sorted(set(self._task_of.values())))
        self._episodes = count()
        self._calls = ServiceCalls(node)
        self._calls.offer(Trigger, *_TRIGGERS.values())
        self._calls.offer(SetBool, _LABEL)
        self._calls.offer(StartEpisode, *_STARTERS)
        self._policy = RemoteNode(self._calls, "policy_node")
        self._command = RemoteNode(self._calls, "command_node")
        self._simulator = RemoteNode(self._calls, "bridge_node", lifecycle=False)
        self._paused = threading.Event()  # by whoever asks here
        self._change = CheckpointChange(self._calls, self._policy, self._command, self._simulator, self._paused.is_set)
        self._changing = threading.Lock()
        self._deadman = node.create_publisher(Empty, "command_node/deadman", QoSProfile(depth=1))

    @property
    def abilities(self) -> Abilities:
        """What can be asked now."""
        sees = self._policy.there
        return Abilities(
            moves=self._command.there,
            sees=sees,
            deadman=self._deadman_asked(),
            records=self._calls.ready(_TRIGGERS["record"]),
            simulates=self._simulator.there,
            checkpoints=self._names if sees else (),
            tasks=self._tasks if self._simulator.there else (),
        )

    def ask(self, request: str, answer: Answer) -> None:
        if request == "pause":
            self._paused.set()
        elif request == "resume":
            self._paused.clear()
        if request == "start_episode":
            self._later(self._start_episode, answer)
        elif request in _LABELS:
            self._send(_LABEL, SetBool.Request(data=_LABELS[request]), answer)
        elif request in _TRIGGERS:
            self._send(_TRIGGERS[request], Trigger.Request(), answer)
        else:
            answer(False, f"nobody knows the request '{request}'")

    def set_box(self, which: str, box: Box, answer: Answer) -> None:
        nodes = {"crop": self._policy, "workspace": self._command}
        corners = {f"{which}_low": box.low.tolist(), f"{which}_high": box.high.tolist()}

        def change() -> str:
            nodes[which].set(**corners)
            return f"the {which} box is set"

        self._later(change, answer)

    def choose(self, what: str, value: str | float, answer: Answer) -> None:
        if what not in CHOICES:
            answer(False, f"nobody knows the choice '{what}'")
        elif what == _CHECKPOINT:
            self._later(lambda: self._change_to(str(value)), answer)
        elif what == _TASK:
            self._later(lambda: self._change_to(self._checkpoint_of(str(value))), answer)
        else:
            self._later(lambda: self._set_simulator(what, int(value) if what == _SEED else float(value)), answer)

    def hold_to_run(self, pressed: bool) -> None:
        if pressed:
            self._deadman.publish(Empty())

    # --- how

    def _send(self, name: str, request: Any, answer: Answer) -> None:
        """The request leaves on this very thread: a pause waits for nobody."""
        try:
            call = self._calls.send(name, request)
        except RequestRefused as refusal:
            answer(False, str(refusal))
            return

        def response() -> str:
            told = call.response(_PATIENCE_S.get(name, ANSWER_S))
            if not told.success:
                raise RequestRefused(told.message)
            return told.message

        self._later(response, answer)

    def _later(self, carry_out: Callable[[], str], answer: Answer) -> None:
        """On a thread of its own; `carry_out` gives the line, or raises RequestRefused with it."""

        def run() -> None:
            try:
                line = carry_out()
            except Unanswered as silence:
                answer(None, str(silence))
            except RequestRefused as refusal:
                answer(False, str(refusal))
            except Exception as error:  # a node that ends half-way; whoever asked must be told
                answer(False, f"{type(error).__name__}: {error}")
            else:
                answer(True, line)

        threading.Thread(target=run, name="request", daemon=True).start()

    def _start_episode(self) -> str:
        """Of the nodes that are there, the policy first: its chunks of the episode before would else be followed."""
        there = [name for name in _STARTERS if self._calls.ready(name)]
        if not there:
            raise RequestRefused("neither policy_node nor command_node is active; activate them first")
        seed = next(self._episodes)
        for name in there:
            response = self._calls.call(name, StartEpisode.Request(seed=seed))
            if not response.success:
                raise RequestRefused(response.message)
        return f"an episode begins, with seed {seed}"

    def _change_to(self, checkpoint: str) -> str:
        if not self._changing.acquire(blocking=False):
            raise RequestRefused("another change is under way; wait for its end")
        try:
            return self._change.to(self._checkpoints / checkpoint, checkpoint)
        finally:
            self._changing.release()

    def _checkpoint_of(self, task: str) -> str:
        """The first one of a task."""
        for checkpoint, its_task in self._task_of.items():
            if its_task == task:
                return checkpoint
        raise RequestRefused(f"{self._checkpoints} holds no checkpoint of '{task}'; train one, or choose another")

    def _set_simulator(self, what: str, value: float) -> str:
        self._simulator.set(**{what: value})
        return f"{what} is {value:.10g}"
