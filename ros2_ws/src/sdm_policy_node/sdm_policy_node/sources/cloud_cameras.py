"""The cameras that a cloud is made of: one, or several whose points are joined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import CameraSpec, CloudSpec, Contract
from sdm_core.errors import ContractError
from sdm_core.perception.point_cloud import CameraPoints, CloudPipeline

from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import Deliver, Frame, ObservationSource, StreamSettings

# The camera that is listened to as long as no contract tells another.
DEFAULT_CAMERAS = ("camera",)


class CloudCameras:
    """Frames are those of the first camera; of the others the nearest ones by stamp are joined to it.

    It subscribes as soon as it is made, so that live cameras can be compared with a contract before anything acts.
    """

    def __init__(
        self,
        node: Node,
        source: type[ObservationSource],
        cameras: tuple[str, ...],
        settings: StreamSettings,
        deliver: Deliver,
    ) -> None:
        """`deliver` is called on the executor's thread with every frame of the first camera."""
        self.cameras = cameras
        first, *others = cameras
        self._first = source(node, first, settings, deliver)
        self._others = [source(node, camera, settings) for camera in others]

    @property
    def topic(self) -> str:
        """Of the first camera."""
        return self._first.topic

    def close(self) -> None:
        """Listens no more."""
        for source in (self._first, *self._others):
            source.close()

    def differences(self, contract: Contract) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract."""
        specs = depth_cameras(contract)
        return [line for name, source in self._named() if name in specs for line in source.differences(specs[name])]

    def configure(self, contract: Contract, pose: CameraPose, max_skew_ns: int) -> None:
        """Prepares to make the clouds of this contract. Raises ContractError where the cameras cannot."""
        cloud, specs = contract.observation.cloud, depth_cameras(contract)
        if cloud is None or tuple(specs) != self.cameras:
            wanted, given = (", ".join(names) or "none" for names in (specs, self.cameras))
            raise ContractError(f"the contract's cloud is made of the depth cameras {wanted}, not of {given}")
        self.make(cloud)
        for name, source in self._named():
            source.configure(specs[name], cloud, pose, max_skew_ns)

    def make(self, cloud: CloudSpec) -> None:
        """From the next frame on its cloud is made so: from any thread. Frame and channels are the contract's."""
        self._pipeline = CloudPipeline(cloud)

    def ready(self, stamp_ns: int) -> bool:
        """Whether all that the frame of this stamp needs besides itself has come."""
        others = all(source.reached(stamp_ns) and source.ready(stamp_ns) for source in self._others)
        return self._first.ready(stamp_ns) and others

    def cloud(self, frame: Frame) -> NDArray[np.float32]:
        """The contract's cloud float32[N,channels], off the executor. Raises ObservationError where there is none."""
        pipeline = self._pipeline
        return pipeline.fuse(self._points(frame, pipeline))

    def points(self, frame: Frame) -> list[CameraPoints]:
        """Each camera's points in the crop box, not sampled; else as `cloud`."""
        return self._points(frame, self._pipeline)

    def _points(self, frame: Frame, pipeline: CloudPipeline) -> list[CameraPoints]:
        others = [source.points(source.nearest(frame.stamp_ns), pipeline) for source in self._others]
        return [self._first.points(frame, pipeline), *others]

    def depth_image(self, frame: Frame) -> NDArray:
        """The first camera's depth image [H,W] in its own encoding. Raises ObservationError where there is none."""
        return self._first.depth_image(frame)

    def _named(self) -> list[tuple[str, ObservationSource]]:
        return list(zip(self.cameras, (self._first, *self._others), strict=True))


def depth_cameras(contract: Contract) -> dict[str, CameraSpec]:
    """The contract's depth cameras by name, in its order: those that its cloud is made of."""
    return {camera.name: camera for camera in contract.observation.depth_cameras}
