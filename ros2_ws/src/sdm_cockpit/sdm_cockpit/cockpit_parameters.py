"""The parameters of cockpit_node."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_policy_node.parameters import SensingParameters, parameter


@dataclass(frozen=True)
class CockpitParameters(SensingParameters):
    """cockpit_node. It observes as policy_node does, and is given the same parameters for it."""

    host: str = parameter("127.0.0.1", "address that the page is served on; another than this machine's needs a token")
    port: int = parameter(8080, "port that the page is served on; 0: any free one", low=0, high=65535)
    token_file: str = parameter(
        "",
        "file with the token that other machines need; empty: a new one at every start, in a file that the log names",
    )
    pictures_hz: float = parameter(20.0, "greatest number of pictures a second", low=1.0, high=60.0)
    checkpoints: str = parameter(
        "", "folder of the checkpoints to choose from, or of training runs; empty: where `checkpoint` lies"
    )
    niceness: int = parameter(10, "how far it steps back for others on a busy machine", low=0, high=19)
    visual_messages: bool = parameter(False, "also publish what is seen as messages that RViz and Foxglove show")
