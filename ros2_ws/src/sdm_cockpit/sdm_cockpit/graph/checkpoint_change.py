"""Another policy for the nodes that run one, in an order in which no robot moves on a doubt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdm_core.checkpoint import NETWORK, Checkpoint, contract_at
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, SdmError
from std_srvs.srv import Trigger

from sdm_cockpit.graph.remote_node import RemoteNode
from sdm_cockpit.graph.service_calls import RequestRefused, ServiceCalls

_PAUSE, _RESUME, _NEXT_EPISODE = "command_node/pause", "command_node/resume", "bridge_node/next_episode"


class CheckpointChange:
    """command_node, which moves the robot, is the first to go and the last to come back.

    A robot is paused before, and stays so until somebody resumes. A simulated world gets the policy's task while nobody
    acts on it, and goes on by itself unless an operator has paused it, before or meanwhile; its episode is abandoned,
    so that it counts for neither policy.
    """

    def __init__(
        self,
        calls: ServiceCalls,
        policy: RemoteNode,
        command: RemoteNode,
        simulator: RemoteNode,
        paused: Callable[[], bool],
    ) -> None:
        """`calls` offers command_node's pause and resume, and bridge_node's next_episode; `paused`: whether an operator
        has asked for a pause and for no resume since."""
        self._calls = calls
        self._policy = policy
        self._command = command
        self._simulator = simulator
        self._paused = paused

    def to(self, checkpoint: Path, name: str) -> str:
        """Waits until it is done, and gives a line with the checkpoint's `name`. Raises RequestRefused where it fails
        half-way: the robot then rests, and another choice begins anew."""
        contract = _contract(checkpoint)
        if not self._policy.there:
            raise RequestRefused("policy_node is not there; start it first")
        moves, simulated = self._command.there, self._simulator.there
        if moves:  # whatever state it is in: it will be active, and the robot must not be led at once
            self._calls.call(_PAUSE, Trigger.Request())
        nodes = [self._command, self._policy] if moves else [self._policy]
        for node in nodes:
            node.take_down()
        if simulated:
            self._simulator.set(task=contract.task, checkpoint=str(checkpoint))
            self._calls.call(_NEXT_EPISODE, Trigger.Request())
        for node in nodes:
            node.set(checkpoint=str(checkpoint))
        for node in reversed(nodes):
            node.bring_up()
        stays_paused = moves and (not simulated or self._paused())
        if moves and not stays_paused:
            self._calls.call(_RESUME, Trigger.Request())
        return f"{name} is active{', and the robot paused' if stays_paused else ''}"


def checkpoints_in(folder: Path, kind: str) -> dict[str, str]:
    """The checkpoints in a folder, and the exports of the training runs in it, whose actions are of this kind: by
    their path from there, in order, with the task of each.

    Another kind of action needs another command sink, and nodes that are started with it. What policy_node could not
    load is none.
    """
    found = {}
    for path in sorted([*folder.glob(f"*/{NETWORK}"), *folder.glob(f"*/export*/{NETWORK}")]):
        try:
            contract = Checkpoint.open(path.parent).contract
        except SdmError:
            continue
        if contract.action.kind == kind:
            found[path.parent.relative_to(folder).as_posix()] = contract.task
    return found


def _contract(checkpoint: Path) -> Contract:
    try:
        return contract_at(checkpoint)
    except ContractError as error:
        raise RequestRefused(str(error)) from None
