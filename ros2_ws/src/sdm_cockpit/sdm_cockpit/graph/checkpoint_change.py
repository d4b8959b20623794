"""Another policy for the nodes that run one, in an order in which no robot moves on a doubt."""

from __future__ import annotations

from pathlib import Path

from sdm_core.checkpoint import contract_at
from sdm_core.errors import ContractError
from std_srvs.srv import Trigger

from sdm_cockpit.graph.remote_node import RemoteNode
from sdm_cockpit.graph.service_calls import RequestRefused, ServiceCalls

_PAUSE = "command_node/pause"


class CheckpointChange:
    """The robot is paused, and stays so until somebody resumes; then command_node, which moves it, is the first to go
    and the last to come back."""

    def __init__(self, calls: ServiceCalls, policy: RemoteNode, command: RemoteNode) -> None:
        self._calls = calls
        self._policy = policy
        self._command = command

    def to(self, checkpoint: str) -> str:
        """Waits until it is done, and gives a line about it. Raises RequestRefused where it fails half-way: the robot
        then rests, and another choice begins anew."""
        try:
            contract_at(checkpoint)
        except ContractError as error:
            raise RequestRefused(str(error)) from None
        if not self._policy.there:
            raise RequestRefused("policy_node is not there; start it first")
        moves = self._command.there
        paused = moves and self._calls.ready(_PAUSE)
        if paused:
            self._calls.call(_PAUSE, Trigger.Request())
        nodes = [self._command, self._policy] if moves else [self._policy]
        for node in nodes:
            node.take_down()
        for node in nodes:
            node.set(checkpoint=checkpoint)
        for node in reversed(nodes):
            node.bring_up()
        return f"{Path(checkpoint).name} is active{', and the robot paused' if paused else ''}"


def checkpoints_in(folder: Path) -> dict[str, str]:
    """The checkpoints in a folder by name, in order, with the task of each; what cannot be read is none."""
    found = {}
    for path in sorted(folder.glob("*/contract.yaml")):
        try:
            found[path.parent.name] = contract_at(path).task
        except ContractError:
            continue
    return found
