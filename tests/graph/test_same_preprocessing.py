"""One depth image, one cloud: recorded, simulated and live."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.cloud_cameras import CloudCameras
from sdm_policy_node.sources.depth_source import DepthSource
from sdm_policy_node.sources.observation_source import Frame, StreamSettings
from sdm_sim.registry import make_task

TASK, SEED = "metaworld/drawer-close", 1


def test_recorded_simulated_and_live_clouds_are_identical_bit_for_bit(tmp_path: Path) -> None:
    task = make_task(TASK)
    contract = task.contract
    checkpoint, output = tmp_path / "policy", tmp_path / "recorded.zarr"
    LinearPolicy(contract, seed=2, gain=2.0).write(checkpoint)  # solves this task for this seed
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        nodes.start("recorder_node", checkpoint=checkpoint, output=output, reliable_sensors=True, pairing="order")
        frames: list[Frame] = []
        streams = StreamSettings(reliable=True, queue=task.step_limit)
        live = CloudCameras(nodes.node, DepthSource, ("camera",), streams, frames.append)
        live.configure(contract, CameraPose(nodes.node, "", 5.0), max_skew_ns=0)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEED, camera_every=1, record=True) as node:
            (outcome,) = node.run()
            assert outcome.success
            assert nodes.spin_until(lambda: len(frames) == outcome.steps)
            live_clouds = [live.cloud(frame) for frame in frames]

    assert contract.observation.cloud is not None
    clouds = CloudPipeline(contract.observation.cloud)
    simulated, states = [], []
    task.reset(SEED)
    for action in outcome.actions:
        frame = task.observe()
        assert frame.depth is not None
        simulated.append(clouds.from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics))
        states.append(frame.values)
        task.step(action)
    task.close()

    store = EpisodeStore.view(output)
    assert len(store) == 1
    np.testing.assert_array_equal(live_clouds, simulated)
    np.testing.assert_array_equal(store.read("point_cloud"), simulated)
    np.testing.assert_array_equal(store.read("state"), np.array(states, np.float32))
    np.testing.assert_array_equal(store.read("action"), outcome.actions.astype(np.float32))
