"""Bags for tests, written as a recording would be."""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rclpy.serialization import serialize_message
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from sdm_core import camera_topics
from sdm_core.contract import Contract
from sdm_core.perception.static_transforms import StaticTransform, transforms_document
from sdm_interfaces.msg import EpisodeEvent
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from tf2_msgs.msg import TFMessage

from helpers.fake_robot import (
    CAMERA_FRAME,
    camera_model,
    camera_transform,
    colour_pixels,
    depth_image,
    state_values,
    time_message,
)
from helpers.graph import Graph, NodeProcess


@contextmanager
def recorded_bag(graph: Graph, path: Path, *topics: str) -> Iterator[NodeProcess]:
    """Records everything on the graph's domain, or the topics given, into an MCAP bag, as a process of its own."""
    ros2 = shutil.which("ros2") or "ros2-embedded"
    environment = {**os.environ, "ROS_DOMAIN_ID": str(graph.domain), "PYTHONUNBUFFERED": "1"}
    log = path.with_suffix(".log")
    chosen = list(topics) or ["--all"]
    process = NodeProcess(ros2, ["bag", "record", "-s", "mcap", "-o", str(path), *chosen], environment, log)
    graph.processes.append(process)
    try:
        yield process
    finally:
        process.end()


class WrittenBag:
    """A bag as a recording of the small robot would be: frames at the contract's rate, each answered by a command.

    The camera's pose is on tf, or, where `transforms` are given, among these, which the recorder read from a file.
    """

    def __init__(
        self,
        path: Path,
        contract: Contract,
        storage: StoragePlugin = StoragePlugin.MCAP,
        transforms: Sequence[StaticTransform] = (),
    ) -> None:
        self.path, self.contract, self.now_ns = path, contract, 1_000_000_000_000
        self._transforms = transforms
        self._writer = Writer(path, version=Writer.VERSION_LATEST, storage_plugin=storage)
        self._writer.open()
        self._connections: dict[str, Connection] = {}
        self._recordings = 0
        self._intrinsics, _ = camera_model(contract)
        if not transforms:
            self.write("/tf_static", TFMessage(transforms=[camera_transform()]))

    def close(self) -> None:
        """Writes the index: from now on the bag is whole."""
        self._writer.close()

    def write(self, topic: str, message: Any) -> None:
        """A message that is received now."""
        if topic not in self._connections:
            name = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
            self._connections[topic] = self._writer.add_connection(
                topic, name, msgdef="# as it may be", rihs01=f"RIHS01_{0:064x}"
            )
        self._writer.write(self._connections[topic], self.now_ns, serialize_message(message))

    def event(self, event: str, **fields: Any) -> None:
        """What the recorder says."""
        self._recordings += event == EpisodeEvent.START
        message = EpisodeEvent(event=event, recording=self._recordings, **{"success": -1, **fields})
        if event == EpisodeEvent.START:
            parameters = {"reliable_sensors": True, "pairing": "order", "max_skew_s": 0.0}
            message.contract = yaml.safe_dump(self.contract.document())
            setup = {"parameters": parameters, "topics": {}, **transforms_document(self._transforms)}
            message.settings = yaml.safe_dump(setup)
        self.write("/recorder_node/episode_event", message)

    def step(self, step: int, *, info: bool = True, size: tuple[int, int] | None = None, times: int = 1) -> None:
        """One frame with state and command; `size` (width, height) is another resolution than the contract's, `times`
        how often the image comes."""
        width, height = size or (self._intrinsics.width, self._intrinsics.height)
        stamp = time_message(self.now_ns)
        joints = JointState(name=list(self.contract.state_names), position=state_values(step, self.contract).tolist())
        joints.header.stamp = stamp
        self.write("/joint_states", joints)
        lens = self._intrinsics
        k = [lens.fx, 0.0, lens.cx, 0.0, lens.fy, lens.cy, 0.0, 0.0, 1.0]
        calibration = CameraInfo(width=width, height=height, k=k)
        depth = np.resize(depth_image(step, self.contract), (height, width))
        image = Image(height=height, width=width, encoding="16UC1", step=2 * width, data=array("B", depth.tobytes()))
        for message in (calibration, image):
            message.header.stamp, message.header.frame_id = stamp, CAMERA_FRAME
        cloud = self.contract.observation.cloud
        coloured = cloud is not None and cloud.coloured
        for _ in range(times):
            if info:
                self.write("/" + camera_topics.depth_info("camera", coloured), calibration)
            self.write("/" + camera_topics.depth_image("camera", coloured), image)
        if coloured:
            pixels = array("B", colour_pixels(step, self.contract).tobytes())
            colour = Image(height=height, width=width, encoding="rgb8", step=3 * width, data=pixels)
            colour.header.stamp, colour.header.frame_id = stamp, CAMERA_FRAME
            self.write("/" + camera_topics.colour_image("camera"), colour)
        self.now_ns += self.contract.dt_ns // 2
        self.write("/native_command", Float64MultiArray(data=action(step)))
        self.now_ns += self.contract.dt_ns - self.contract.dt_ns // 2

    def episode(self, steps: range, end: str = EpisodeEvent.KEEP, success: int = -1, **options: Any) -> None:
        """The recorder starts, sees these steps and ends it; `options` as in `step`."""
        self.event(EpisodeEvent.START)
        first = self.now_ns
        for step in steps:
            self.step(step, **options)
        fields: dict[str, Any] = {"success": success}
        if end == EpisodeEvent.KEEP:
            fields["first_frame"], fields["rows"] = time_message(first), len(steps)
            fields["last_frame"] = time_message(self.now_ns - self.contract.dt_ns)
        self.event(end, **fields)
        self.now_ns += 2_000_000_000


def action(step: int) -> list[float]:
    """The command that answers a step."""
    return [0.01 * step, -0.01 * step, 1.0]
