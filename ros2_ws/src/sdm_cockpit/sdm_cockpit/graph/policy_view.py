"""What is seen of one policy: all that needs its contract."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.perception.crop_box import CropBox
from sdm_policy_node.parameters import SensingParameters
from sdm_policy_node.sources.camera_pose import CameraPose

from sdm_cockpit.graph.chunk_listener import ChunkListener
from sdm_cockpit.graph.observation_listener import ObservationListener
from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.graph.tool_listener import ToolListener
from sdm_cockpit.graph.trace_listener import TraceListener
from sdm_cockpit.snapshot import Box
from sdm_cockpit.tool_path import ToolPath


class PolicyView:
    """Made and closed on the executor's thread."""

    def __init__(
        self,
        node: Node,
        settings: SensingParameters,
        contract: Contract,
        camera_pose: CameraPose,
        problems: Problems,
        rate_hz: float,
    ) -> None:
        """Raises ContractError where what the contract observes cannot be seen."""
        self.contract = contract
        self.tool_path = ToolPath(contract)
        self.observation = ObservationListener(node, settings, contract, camera_pose, problems, rate_hz)
        self.tool = ToolListener(node, contract, self.tool_path, problems, settings.max_skew_s)
        self.chunks = ChunkListener(node, contract, self.tool_path, self.tool, problems)
        self.traces = TraceListener(node, deadline_ms=contract.dt * 1e3)

    def close(self) -> None:
        """Listens no more."""
        for listener in (self.observation, self.tool, self.chunks, self.traces):
            listener.close()

    def crop(self, box: CropBox) -> Box | None:
        """The box of the cloud where `box` was asked for; None where there is no cloud. Raises ContractError."""
        cloud = self.contract.observation.cloud
        if cloud is None:
            return None
        cropped = box.of(cloud)
        return Box(np.array(cropped.crop_low), np.array(cropped.crop_high))
