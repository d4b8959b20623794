"""What a node sees: clouds of its depth cameras, colour of some cameras, or both, as its contract says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError, StreamFault
from sdm_core.static_transforms import read_transforms

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.choices import OBSERVATION_SOURCES
from sdm_policy_node.cloud_cameras import DEFAULT_CAMERAS, CloudCameras, depth_cameras
from sdm_policy_node.colour_images import ColourImages
from sdm_policy_node.observation_source import Frame, StreamSettings
from sdm_policy_node.parameters import SensingParameters


@dataclass(frozen=True, eq=False)
class Seen:
    """What a frame shows: the cloud [N,channels], None where the contract has none, and the image of each camera."""

    cloud: NDArray[np.float32] | None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


class Perception:
    """Subscribes as soon as it is made. Its frames are messages of the first depth camera, or, where the contract
    observes no cloud, of the first colour camera; those of the other cameras are found by their stamps."""

    def __init__(
        self,
        node: Node,
        settings: SensingParameters,
        contract: Contract | None,
        deliver: Callable[[Frame], None],
        queue: int = 5,
        *,
        max_age_s: float,
    ) -> None:
        """`contract` None, where it cannot be read yet: a cloud is expected. `deliver` is called on the executor's
        thread with every frame; `queue` and `max_age_s`: see `queue` and `kept_s` of StreamSettings."""
        self._settings = settings
        streams = StreamSettings(
            reliable=settings.reliable_sensors,
            queue=queue,
            kept_s=max_age_s,
            frozen_frames=settings.frozen_frames,
            aligned_depth=settings.aligned_depth,
            namespace=settings.camera_namespace,
        )
        colour = tuple(image.camera for image in contract.observation.images) if contract else ()
        depth = tuple(depth_cameras(contract)) if contract and contract.observation.cloud else ()
        if not colour and not depth:
            depth = DEFAULT_CAMERAS
        source = OBSERVATION_SOURCES[settings.observation_source]
        self._clouds = CloudCameras(node, source, depth, streams, deliver) if depth else None
        self._colour = ColourImages(node, colour, streams, None if depth else deliver)

    def differences(self, contract: Contract) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract."""
        clouds = self._clouds.differences(contract) if self._clouds else []
        return clouds + self._colour.differences(contract)

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        """Prepares to see what this contract observes. Raises ContractError where it cannot."""
        cameras = tuple(image.camera for image in contract.observation.images)
        if cameras != self._colour.cameras or (self._clouds is None and contract.observation.cloud):
            raise ContractError("the contract's cameras were not known when this node started; start it again")
        max_skew_ns = int(self._settings.max_skew_s * 1e9) or contract.dt_ns // 2
        if self._settings.extrinsics:
            camera_pose.add_static(read_transforms(self._settings.extrinsics))
        if self._clouds:
            self._clouds.configure(contract, camera_pose, max_skew_ns)
        self._colour.configure(contract, max_skew_ns)

    def ready(self, frame: Frame) -> bool:
        """Whether all that this frame needs besides itself has come."""
        return (self._clouds is None or self._clouds.ready(frame.stamp_ns)) and self._colour.ready(frame.stamp_ns)

    def observe(self, frame: Frame) -> Seen:
        """The contract's cloud and images, off the executor: of what has come, whether or not the frame is ready.
        Raises ObservationError where one of them is missing, StreamFault where the frame must not be used."""
        _require_sound(frame)
        images = self._colour.images(frame.stamp_ns)
        return Seen(self._clouds.cloud(frame) if self._clouds else None, images)

    def depth_image(self, frame: Frame) -> NDArray:
        """The first camera's depth image [H,W] in its own encoding. Raises ObservationError where there is none."""
        _require_sound(frame)
        if self._clouds is None:
            raise ObservationError("the contract observes no depth; set record_depth:=false")
        return self._clouds.depth_image(frame)


def _require_sound(frame: Frame) -> None:
    if frame.fault is not None:
        raise StreamFault(frame.fault.kind, str(frame.fault))
