"""How fast a bag becomes a dataset: one `conversion` line with the minutes that a gigabyte takes, at most five.

    python benchmarks/convert.py [--megabytes 200] [--results benchmarks/results/convert.jsonl]

The bag is what a cell would record: 640×480 depth at 20 Hz with its calibration, states at 200 Hz and commands at 100
Hz. The other columns of a line are what it was made of.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.serialization import serialize_message
from rclpy.time import Time
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from sdm_core import camera_topics
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.provenance import origin
from sdm_core.results import append_result
from sdm_policy_node.convert.program import main as convert
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "config/robot/fr3_contract.yaml"
LENS = "camera_depth_optical_frame"
WIDTH, HEIGHT = 640, 480
STATES, COMMANDS = 10, 5
"""Of each in a control period."""
GOAL_MINUTES = 5.0


class SyntheticBag:
    """A camera that looks down on a table with something on it, and an arm that moves over it."""

    def __init__(self, path: Path, contract: Contract) -> None:
        self._dt_ns, self._now_ns = contract.dt_ns, 10**18
        self._writer = Writer(path, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._connections: dict[str, Connection] = {}
        self._base = contract.action.base_frame
        self._random = np.random.default_rng(0)
        transform = TransformStamped(child_frame_id=LENS)
        transform.header.frame_id = self._base
        transform.transform.translation.x, transform.transform.translation.z = 0.5, 0.9
        transform.transform.rotation.x, transform.transform.rotation.w = 1.0, 0.0
        self._write("/tf_static", TFMessage(transforms=[transform]))

    def step(self, index: int) -> None:
        """One control period."""
        stamp = Time(nanoseconds=self._now_ns).to_msg()
        info = CameraInfo(width=WIDTH, height=HEIGHT, k=[600.0, 0.0, WIDTH / 2, 0.0, 600.0, HEIGHT / 2, 0.0, 0.0, 1.0])
        image = Image(height=HEIGHT, width=WIDTH, encoding="16UC1", step=2 * WIDTH, data=self._depth())
        for message in (info, image):
            message.header.stamp, message.header.frame_id = stamp, LENS
        self._write("/" + camera_topics.DEPTH_INFO, info)
        self._write("/" + camera_topics.DEPTH_IMAGE, image)
        for part in range(STATES):
            pose = self._pose(index + part / STATES)
            self._write("/current_pose", pose)
            if part % (STATES // COMMANDS) == 0:
                self._write("/gripper_command", Float64(data=0.0))
                self._write("/target_pose", pose)
            self._now_ns += self._dt_ns // STATES

    def close(self) -> None:
        """Writes the index."""
        self._writer.close()

    def _depth(self) -> array[int]:
        depth = np.full((HEIGHT, WIDTH), 900, np.uint16)
        depth[180:300, 260:380] = 800
        depth += self._random.integers(0, 8, depth.shape, dtype=np.uint16)
        return array("B", depth.tobytes())

    def _pose(self, step: float) -> PoseStamped:
        message = PoseStamped()
        message.header.stamp, message.header.frame_id = Time(nanoseconds=self._now_ns).to_msg(), self._base
        message.pose.position.x = 0.5 + 0.1 * float(np.sin(step / 20))
        message.pose.position.z = 0.3
        message.pose.orientation.x, message.pose.orientation.w = 1.0, 0.0
        return message

    def _write(self, topic: str, message: Any) -> None:
        if topic not in self._connections:
            name = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
            self._connections[topic] = self._writer.add_connection(topic, name, msgdef="# -", rihs01=f"RIHS01_{0:064x}")
        self._writer.write(self._connections[topic], self._now_ns, serialize_message(message))


def measure(megabytes: int) -> dict[str, Any]:
    """Writes a bag of about that size, converts it, and gives the line."""
    contract = Contract.load(CONTRACT)
    with tempfile.TemporaryDirectory() as folder:
        bag, output = Path(folder, "bag"), Path(folder, "data.zarr")
        synthetic = SyntheticBag(bag, contract)
        for index in range(megabytes * 10**6 // (2 * WIDTH * HEIGHT)):
            synthetic.step(index)
        synthetic.close()
        size = sum(file.stat().st_size for file in bag.glob("*.mcap"))
        adapted = contract.document()
        adapted["observation"]["cameras"][0].update(width=WIDTH, height=HEIGHT)
        Contract.parse(adapted, str(CONTRACT)).save(Path(folder, "contract.yaml"))
        options = ["--contract", str(Path(folder, "contract.yaml")), "--sink", "pose", "-o", str(output)]
        wall, cpu = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            convert([str(bag), *options])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows = int(EpisodeStore.view(output).episode_ends[-1])
    return {
        "kind": "conversion",
        "what": f"{WIDTH}×{HEIGHT} depth, {STATES} states and {COMMANDS} commands a frame",
        "megabytes": round(size / 1e6),
        "rows": rows,
        "cpu_minutes_per_gb": round(cpu / 60 / (size / 1e9), 3),
        "wall_minutes_per_gb": round(wall / 60 / (size / 1e9), 3),
        **origin(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/convert.jsonl")
    options = parser.parse_args()
    line = measure(options.megabytes)
    append_result(options.results, line)
    print(f"{line['wall_minutes_per_gb']} minutes a gigabyte, {line['cpu_minutes_per_gb']} of CPU time")
    if line["wall_minutes_per_gb"] > GOAL_MINUTES:
        sys.exit(f"more than {GOAL_MINUTES:g} minutes a gigabyte")


if __name__ == "__main__":
    main()
