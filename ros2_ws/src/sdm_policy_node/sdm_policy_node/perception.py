"""What a node sees: clouds of one source, colour of some cameras, or both, as its contract says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.choices import OBSERVATION_SOURCES
from sdm_policy_node.colour_images import ColourImages
from sdm_policy_node.observation_source import Frame
from sdm_policy_node.parameters import SensingParameters


@dataclass(frozen=True, eq=False)
class Seen:
    """What a frame shows: the cloud [N,channels], None where the contract has none, and the image of each camera."""

    cloud: NDArray[np.float32] | None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


class Perception:
    """Subscribes as soon as it is made. Its frames are messages of the cloud's source, or, where the contract observes
    no cloud, of the first colour camera; the other cameras' images are found by their stamps."""

    def __init__(
        self,
        node: Node,
        settings: SensingParameters,
        contract: Contract | None,
        deliver: Callable[[Frame], None],
        depth: int = 5,
        *,
        max_age_s: float,
    ) -> None:
        """`contract` None, where it cannot be read yet: a cloud is expected. `deliver` and `depth` as in
        ObservationSource, `max_age_s` as in ColourImages."""
        self._settings = settings
        reliable = settings.reliable_sensors
        cameras = tuple(image.camera for image in contract.observation.images) if contract else ()
        sees_cloud = contract is None or contract.observation.cloud is not None or not cameras
        source = OBSERVATION_SOURCES[settings.observation_source]
        self._source = source(node, reliable, deliver, depth) if sees_cloud else None
        deliver_colour = None if sees_cloud else deliver
        self._colour = ColourImages(node, cameras, reliable, deliver_colour, depth, max_age_s=max_age_s)

    def differences(self, contract: Contract) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract."""
        source = self._source.differences(contract) if self._source else []
        return source + self._colour.differences(contract)

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        """Prepares to see what this contract observes. Raises ContractError where it cannot."""
        cameras = tuple(image.camera for image in contract.observation.images)
        if cameras != self._colour.cameras or (self._source is None and contract.observation.cloud):
            raise ContractError("the contract's cameras were not known when this node started; start it again")
        if self._source:
            self._source.configure(contract, camera_pose)
        self._colour.configure(contract, self._settings.max_skew_s)

    def ready(self, frame: Frame) -> bool:
        """Whether all that this frame needs besides itself has come."""
        return (self._source is None or self._source.ready(frame)) and self._colour.ready(frame.stamp_ns)

    def observe(self, frame: Frame) -> Seen:
        """The contract's cloud and images, off the executor: of what has come, whether or not the frame is ready.
        Raises ObservationError where one of them is missing."""
        images = self._colour.images(frame.stamp_ns)
        return Seen(self._source.cloud(frame) if self._source else None, images)

    def depth_image(self, frame: Frame) -> NDArray:
        """The depth image [H,W] in its own encoding. Raises ObservationError where there is none."""
        if self._source is None:
            raise ObservationError("the contract observes no depth; set record_depth:=false")
        return self._source.depth_image(frame)
