"""What a node sees: clouds of its depth cameras, colour of some cameras, or both, as its contract says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError, StreamFault
from sdm_core.perception.crop_box import CropBox
from sdm_core.perception.static_transforms import read_transforms

from sdm_policy_node.parameters import SensingParameters
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.cloud_cameras import DEFAULT_CAMERAS, CloudCameras, depth_cameras
from sdm_policy_node.sources.colour_images import ColourImages
from sdm_policy_node.sources.observation_source import Frame, StreamSettings
from sdm_policy_node.sources.observation_sources import OBSERVATION_SOURCES


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
        self._node, self._settings, self._deliver = node, settings, deliver
        self._streams = StreamSettings(
            reliable=settings.reliable_sensors,
            queue=queue,
            kept_s=max_age_s,
            frozen_frames=settings.frozen_frames,
            aligned_depth=settings.aligned_depth,
            namespace=settings.camera_namespace,
        )
        self._contract: Contract | None = None
        self._listen(_Cameras.of(contract) if contract else _Cameras(DEFAULT_CAMERAS))

    def _listen(self, cameras: _Cameras) -> None:
        node, source = self._node, OBSERVATION_SOURCES[self._settings.observation_source]
        self._cameras, depth = cameras, cameras.depth
        streams = replace(self._streams, colour=cameras.coloured)
        self._clouds = CloudCameras(node, source, depth, streams, self._deliver) if depth else None
        self._images = ColourImages(node, cameras.images, self._streams, None if depth else self._deliver)

    def close(self) -> None:
        """Listens no more."""
        if self._clouds:
            self._clouds.close()
        self._images.close()

    @property
    def topic(self) -> str:
        """Where its frames come from."""
        return self._clouds.topic if self._clouds else self._images.topic

    def differences(self, contract: Contract) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract; nothing is known of streams
        that were not listened to."""
        if _Cameras.of(contract) != self._cameras:
            return []
        clouds = self._clouds.differences(contract) if self._clouds else []
        return clouds + self._images.differences(contract)

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        """Prepares to see what this contract observes, in its own crop box. Raises ContractError where it cannot.

        Where it was made for other cameras it subscribes anew.
        """
        cameras = _Cameras.of(contract)
        if not cameras.depth and (contract.observation.cloud or not cameras.images):
            raise ContractError("no camera of the contract gives what it observes; name one with a depth_encoding")
        if cameras.coloured and self._settings.camera_frame and self._settings.observation_source == "depth":
            raise ContractError(
                f"camera_frame is '{self._settings.camera_frame}', and the contract's cloud is coloured: its depth is "
                "seen from where colour is; leave camera_frame empty"
            )
        if len(cameras.depth) > 1 and self._settings.camera_frame:
            raise ContractError(
                f"camera_frame is '{self._settings.camera_frame}', and the contract's cloud is of the depth cameras "
                f"{', '.join(cameras.depth)}, each in a frame of its own; leave camera_frame empty"
            )
        if cameras != self._cameras:
            self.close()
            self._listen(cameras)
        max_skew_ns = contract.skew_ns(self._settings.max_skew_s)
        camera_pose.look_up_anew()
        if self._settings.extrinsics:
            camera_pose.add_static(read_transforms(self._settings.extrinsics))
        if self._clouds:
            self._clouds.configure(contract, camera_pose, max_skew_ns)
        self._images.configure(contract, max_skew_ns)
        self._contract = contract

    def crop_to(self, box: CropBox) -> None:
        """From the next frame on the cloud is cropped to this box; once configured, from any thread. Raises
        ContractError, and goes on as before, where the contract makes no box of it."""
        assert self._contract
        cloud = self._contract.observation.cloud
        if self._clouds and cloud:
            self._clouds.make(box.of(cloud))
        elif box.given:
            raise ContractError("the contract observes no cloud to crop; leave crop_low and crop_high at nan")

    def ready(self, frame: Frame) -> bool:
        """Whether all that this frame needs besides itself has come."""
        return (self._clouds is None or self._clouds.ready(frame.stamp_ns)) and self._images.ready(frame.stamp_ns)

    def observe(self, frame: Frame) -> Seen:
        """The contract's cloud and images, off the executor: of what has come, whether or not the frame is ready.
        Raises ObservationError where one of them is missing, StreamFault where the frame must not be used."""
        _require_sound(frame)
        images = self._images.images(frame.stamp_ns)
        return Seen(self._clouds.cloud(frame) if self._clouds else None, images)

    def depth_image(self, frame: Frame) -> NDArray:
        """The first camera's depth image [H,W] in its own encoding. Raises ObservationError where there is none."""
        _require_sound(frame)
        if self._clouds is None:
            raise ObservationError("the contract observes no depth; set record_depth:=false")
        return self._clouds.depth_image(frame)


@dataclass(frozen=True)
class _Cameras:
    """The names of the cameras whose depth and whose images a contract observes, and whether points are coloured."""

    depth: tuple[str, ...]
    images: tuple[str, ...] = ()
    coloured: bool = False

    @classmethod
    def of(cls, contract: Contract) -> _Cameras:
        observation = contract.observation
        images = tuple(image.camera for image in observation.images)
        if observation.cloud is None:
            return cls((), images)
        return cls(tuple(depth_cameras(contract)), images, observation.cloud.coloured)


def _require_sound(frame: Frame) -> None:
    if frame.fault is not None:
        raise StreamFault(frame.fault.kind, str(frame.fault))
