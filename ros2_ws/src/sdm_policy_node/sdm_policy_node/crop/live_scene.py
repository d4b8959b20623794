"""What the live cameras see, as points in the base frame and before the crop."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sdm_core import camera_topics
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError, SdmError
from sdm_core.perception.static_transforms import read_transforms

from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.cloud_cameras import CloudCameras, depth_cameras
from sdm_policy_node.sources.observation_source import Frame, StreamSettings
from sdm_policy_node.sources.observation_sources import OBSERVATION_SOURCES

# All that stands within so many metres of the base is shown.
_REACH = 2.0


def live_points(
    node: Node,
    contract: Contract,
    source: str,
    extrinsics: str,
    timeout_s: float,
    executor: Any | None = None,
    namespace: str = camera_topics.NAMESPACE,
) -> dict[str, NDArray[np.float32]]:
    """The points [M,3] of one frame of each of the contract's depth cameras, whose drivers are in `namespace`. Raises
    SdmError with what was missing."""
    cloud = contract.observation.cloud
    if cloud is None:
        raise SdmError("the contract observes no cloud, and has no crop box")
    wide = cloud.model_copy(update={"crop_low": (-_REACH,) * 3, "crop_high": (_REACH,) * 3})
    observation = contract.observation.model_copy(update={"cloud": wide})
    frames: list[Frame] = []
    cameras = CloudCameras(
        node,
        OBSERVATION_SOURCES[source],
        tuple(depth_cameras(contract)),
        StreamSettings(colour=cloud.coloured, namespace=namespace),
        frames.append,
    )
    pose = CameraPose(node, "", 0.0)
    if extrinsics:
        pose.add_static(read_transforms(extrinsics))
    cameras.configure(contract.model_copy(update={"observation": observation}), pose, contract.dt_ns // 2)
    if executor is None:
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
    deadline = time.monotonic() + timeout_s
    reason = f"no image has come on {cameras.topic}; check the cameras' topics, and their namespace"
    while time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.05)
        ready = [frame for frame in frames if cameras.ready(frame.stamp_ns)]
        if not ready:
            reason = "depth has come without its camera_info or its colour; check these topics" if frames else reason
            continue
        try:
            seen = cameras.points(ready[-1])
            return {name: camera.inside for name, camera in zip(cameras.cameras, seen, strict=True)}
        except ObservationError as error:
            reason = str(error)
            frames.clear()
    raise SdmError(f"nothing could be seen within {timeout_s:g} s: {reason}")
